"""Where frames come from: a source delivers them once, a reader addresses them by index."""

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, runtime_checkable

from vseg.errors import DamagedVideo, UsageError
from vseg.types import Frame, VideoInfo


@runtime_checkable
class Source(Protocol):
    """Frames in display order, once: a camera, a stream, or any Reader."""

    info: VideoInfo

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


@runtime_checkable
class Reader(Source, Protocol):
    """A source of known length with exact frame addressing.

    Iteration delivers every readable frame and then raises DamagedVideo if the file ends
    before its own index says so; nothing is repeated, skipped or invented.
    """

    def __len__(self) -> int:
        """The true number of displayable frames (of a damaged file: what its index
        promises).
        """
        ...

    def read(self, index: int) -> Frame:
        """The frame at `index` (0-based, display order).  Raises UnknownFrame past the end."""
        ...

    def time_at(self, index: int) -> float:
        """When the frame at `index` starts: its `time_s`, without decoding it."""
        ...

    def frame_at(self, time_s: float) -> int:
        """The index of the frame on display at a time; nothing is decoded.

        Before the first frame it is the first.  Raises UnknownFrame past the end.
        """
        ...

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        """Frames start, start + step, ... up to stop (exclusive); a negative step goes
        backward.
        """
        ...


def check_reader(video: object) -> None:
    """Raise UsageError for what is no reader, such as the name of a clip."""
    if not isinstance(video, Reader):
        raise UsageError(
            f"video is {type(video).__name__}, not what vseg.open_video gives",
            hint="give video=vseg.open_video(...), of a file, a folder, or a list of images",
        )


def readable_frames(
    video: Reader, start: int, stop: int, damaged: dict[int, str]
) -> Iterator[Frame]:
    """The frames of [start, stop) that can be read, ascending.

    damaged: takes the number of every frame that is passed over and why, before the next frame
    comes.  Raises DamagedVideo, naming the first of them, where no readable frame follows.
    """
    passed: list[DamagedVideo] = []
    place = start
    while place < stop:
        try:
            for frame in video.frames(place, stop):
                damaged.update((damage.frame_index, damage.reason) for damage in passed)
                passed = []
                place = frame.index + 1
                yield frame
            break
        except DamagedVideo as damage:
            passed.append(damage)
            place = damage.frame_index + 1
    if passed:
        raise passed[0]


def readable_backward(
    video: Reader, start: int, stop: int, damaged: dict[int, str]
) -> Iterator[Frame]:
    """The frames start, start - 1, ... down to `stop` (exclusive) that can be read.

    damaged: takes the number of every frame that is passed over and why, before the next frame
    comes.
    """
    place = start
    # A reader may decode several frames at once and report the lowest damaged one first: the
    # frames above it come before it is passed over.
    below: list[DamagedVideo] = []
    while place > stop or below:
        end = below[-1].frame_index if below else stop
        try:
            if place > end:
                for frame in video.frames(place, end, -1):
                    yield frame
                    place = frame.index - 1
        except DamagedVideo as damage:
            below.append(damage)
            continue
        if not below:
            return
        passed = below.pop()
        damaged[passed.frame_index] = passed.reason
        place = passed.frame_index - 1


def adjacent_frame(video: Reader, index: int) -> Frame | None:
    """The frame that tells what moves on frame `index`: the one before, or after the first;
    None where there is no other.
    """
    adjacent = index - 1 if index else 1
    return video.read(adjacent) if adjacent < len(video) else None


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
