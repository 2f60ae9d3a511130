"""Which frames a request names: a start, a stop and a step, or a time in; indices out."""

from bisect import bisect_right
from collections.abc import Callable
from math import isnan
from numbers import Real

from vseg.errors import UnknownFrame, UsageError
from vseg.types import UNKNOWN_FPS, VideoInfo
from vseg.types.whole_numbers import is_whole


def frame_range(length: int, start: int, stop: int | None, step: int) -> range:
    """Indices start, start + step, ... before `stop`, all of which exist.

    stop: None means as far as the clip goes, in either direction.  Raises UnknownFrame for a
    start or a stop outside the clip, UsageError for step 0 and what is no integer.
    """
    _check_whole(step, "step")
    if step == 0:
        raise UsageError("step is 0", hint="use 1 for forward, -1 for backward")
    if stop is None:
        stop = length if step > 0 else -1
    check_index(start, length)
    _check_whole(stop, "stop")
    if not -1 <= stop <= length:
        raise UnknownFrame(f"stop {stop} is outside the clip's {length} frames")
    return range(start, stop, step)


def check_index(index: int, length: int) -> None:
    """Raise UnknownFrame if `index` names no frame, UsageError if it is no integer; negative
    numbers do not count from the end.
    """
    _check_whole(index, "frame")
    if not 0 <= index < length:
        raise UnknownFrame(
            f"frame {index} does not exist: the clip has frames 0 to {length - 1}"
        )


def _check_whole(value: object, what: str) -> None:
    if not is_whole(value):
        raise UsageError(f"{what} is {value!r}, not an integer", hint="frames count from 0")


def end_of_last(info: VideoInfo, last_s: float) -> float:
    """When the last frame, which starts at `last_s`, is not on display any more."""
    return last_s + float(1 / (info.fps or UNKNOWN_FPS))


def is_end(time_s: float, end_s: float) -> bool:
    """Whether a time is that of the end as it is printed, in milliseconds."""
    return abs(time_s - end_s) <= _HALF_A_MILLISECOND


_HALF_A_MILLISECOND = 0.5e-3


def displayed_frame(
    info: VideoInfo, length: int, time_at: Callable[[int], float], time_s: float
) -> int:
    """The frame on display at a time: the last one that starts at or before it, the first for
    a time before all.

    time_at: when a frame starts, ascending in its index, at whatever rate.  The last frame is
    on display for one frame of the nominal rate.  Raises UnknownFrame past the end, UsageError
    for what is no time.
    """
    if not isinstance(time_s, Real) or isnan(time_s):
        raise UsageError(f"{time_s!r} is not a time", hint="give seconds, as a number")
    end_s = end_of_last(info, time_at(length - 1))
    if time_s >= end_s:
        raise UnknownFrame(f"{time_s:g}s is past the end: {info.source} lasts {end_s:.3f} s")
    return max(0, bisect_right(range(length), time_s, key=time_at) - 1)
