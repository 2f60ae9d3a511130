"""The stages as Protocols: what each is given and what it returns.  See `vseg/README.md` for the map."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, runtime_checkable

from vseg.types import Description, Frame, Grounding, VideoInfo


@runtime_checkable
class Source(Protocol):
    """Frames in display order, once: a camera, a stream, or any Reader."""

    info: VideoInfo

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


@runtime_checkable
class Reader(Source, Protocol):
    """A source of known length with exact frame addressing.

    Iteration delivers every readable frame and then raises DamagedVideo if the file ends before its own
    index says so; nothing is repeated, skipped or invented.
    """

    def __len__(self) -> int:
        """The true number of displayable frames (of a damaged file: what its index promises)."""
        ...

    def read(self, index: int) -> Frame:
        """The frame at `index` (0-based, display order).  Raises IndexError past the end."""
        ...

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Frames start, start + step, ... up to stop (exclusive); a negative step goes backward."""
        ...


@runtime_checkable
class OpenReader(Reader, Protocol):
    """A reader that is closed by the end of a `with` block: what `vseg.open_video` gives."""

    def __enter__(self) -> "OpenReader": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@runtime_checkable
class Grounder(Protocol):
    """Finds on a frame what is described; has weights and no state of any video.

    name, weights_sha256: which one, for the header of a run.  threshold: the least score, where a description
    names none.
    """

    name: str
    weights_sha256: str
    threshold: float

    def check(self, descriptions: Sequence[Description]) -> None:
        """Raise BadPrompt for a description that it cannot look for, before a frame is read."""
        ...

    def ground(
        self, frame: Frame, descriptions: Sequence[Description], near: Frame | None = None
    ) -> Grounding:
        """Every instance of each description on `frame` that reaches its threshold.

        near: a frame close in time, before or after, for descriptions of what moves; without it
        nothing moves and nothing is still.
        """
        ...
