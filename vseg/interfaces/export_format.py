"""Formats that masks of a clip are written in, for other programs.

Enters: a `MaskSequence`, such as an open run.  Leaves: one file or one folder of files, and
what the format has no room for.  To add a format, write a class with this interface and list
it in `vseg.exchange.export`; the contract suite then tries it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from vseg.frame_masks import FrameMasks
from vseg.types import VideoInfo


@runtime_checkable
class MaskSequence(Protocol):
    """The masks of a clip frame by frame, ascending.

    name: of the clip.  labels: names by object id, of those that have one.
    """

    @property
    def name(self) -> str: ...

    @property
    def video(self) -> VideoInfo: ...

    @property
    def object_ids(self) -> tuple[int, ...]: ...

    @property
    def labels(self) -> dict[int, str]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[FrameMasks]: ...

    def frame_numbers(self) -> Iterator[int]:
        """The frames that have masks, ascending, without reading a mask."""
        ...


@dataclass(slots=True)
class Loss:
    """What a format has no room for.

    reason: why, in one line.  pixels, frames: by object id, the mask pixels that were left out
    and the number of frames on which some were.
    """

    reason: str = ""
    pixels: Counter[int] = field(default_factory=Counter)
    frames: Counter[int] = field(default_factory=Counter)

    def add(self, pixels: dict[int, int]) -> None:
        """Count the pixels lost on one more frame, by object id."""
        lost = {obj: count for obj, count in pixels.items() if count}
        self.pixels.update(lost)
        self.frames.update(lost.keys())


@runtime_checkable
class ExportFormat(Protocol):
    """One format.  Holds no state: the same object writes any number of runs.

    name: what the user types.  suffix: the ending of the file, or of the files in the folder.
    folder: whether it is a folder of files.
    """

    name: str
    suffix: str
    folder: bool

    def write(self, masks: MaskSequence, path: Path) -> Loss:
        """Write everything to `path`, a new file or an empty folder that exists.

        `vseg.exchange.export.export` gives it the user's name once it is whole.  Memory holds
        a frame at a time, whatever the length.  Raises OutputError for what the format cannot
        express at all.
        """
        ...
