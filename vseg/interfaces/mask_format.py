"""Formats that masks of a clip are written in and read from, for other programs.

Written: a `MaskSequence`, such as an open run, as one file or one folder of files.  Read: the
same file or folder, frame by frame in any order, into a `MaskSink`.  To add a format, write a
class with this interface and list it in `vseg.exchange.formats`; the contract suite then tries
it both ways.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from vseg.frame_masks import FrameMasks
from vseg.types import MaskCrop, VideoInfo

LOSS_REPORT = "loss_report.json"
SIDECAR = "vseg_export.json"
"""What is written in or beside an export and is no part of its format."""


@runtime_checkable
class MaskSequence(Protocol):
    """The masks of a clip frame by frame, ascending.

    name: of the clip.  labels, names: classes and own names by object id, of those that
    have one.
    """

    @property
    def name(self) -> str: ...

    @property
    def video(self) -> VideoInfo: ...

    @property
    def object_ids(self) -> tuple[int, ...]: ...

    @property
    def labels(self) -> dict[int, str]: ...

    @property
    def names(self) -> dict[int, str]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[FrameMasks]: ...

    def frame_numbers(self) -> Iterator[int]:
        """The frames that have masks, ascending, without reading a mask."""
        ...


@runtime_checkable
class MaskSink(Protocol):
    """Takes what a file holds, in any order.

    name, video: the clip that the masks belong to; its size is known before any mask is.
    Every method raises BadExchange for what does not fit the clip.
    """

    @property
    def name(self) -> str: ...

    @property
    def video(self) -> VideoInfo: ...

    def add_frame(self, frame: int) -> None:
        """The file speaks of this frame, whether or not anything is on it."""
        ...

    def add(
        self, frame: int, object_id: int | None, crop: MaskCrop, score: float = 1.0
    ) -> bool:
        """The mask of an object on a frame; further parts of the same one are joined to it.

        object_id: None where the file does not say which object it is.  Returns whether it is
        the first part.
        """
        ...

    def new_object(self) -> int:
        """An id for an object that the file shows on several frames without a number of its
        own; a free number takes its place when all is read.
        """
        ...

    def name_object(self, object_id: int, label: str) -> None:
        """The label of an object."""
        ...

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Give objects other ids at once, by their present ones; no two may become one."""
        ...


@dataclass(slots=True)
class Loss:
    """What a format has no room for.

    reason: why, in one line.  pixels, frames: by object id, the mask pixels that were changed
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
class MaskFormat(Protocol):
    """One format; its classes derive from this one.  Holds no state: the same object writes
    and reads any number of clips.

    name: what the user types.  suffix: the ending of the file, or of the files in the folder.
    folder: whether it is a folder of files.  loss: what it has no room for, in one line; empty
    where it holds every mask exactly.  boxes_only: whether it has boxes in place of masks.
    keeps_ids: whether it says which object a mask is of.  beside: names of further files in
    the folder.  images_in: where in that folder
    its programs expect the images, None for elsewhere.
    """

    name: str
    suffix: str
    folder: bool = False
    loss: str = ""
    boxes_only: bool = False
    keeps_ids: bool = True
    beside: tuple[str, ...] = ()
    images_in: str | None = None

    def held(self, masks: FrameMasks) -> FrameMasks:
        """The frame as it comes back from a file of this format, to the pixel; as it is where
        nothing is lost.
        """
        return masks

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write everything to `path`, a new file or an empty folder that exists.

        `vseg.exchange.export.export` gives the file the user's name once it is whole.  Memory
        holds a frame at a time, whatever the length.
        """
        ...

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give everything in a file or folder to `sink`, whatever program wrote it.

        Raises BadExchange naming what cannot be read and where, and BadMask for a mask that
        does not decode.
        """
        ...
