"""Which frames a request names: a start, a stop and a step in; a checked range of indices
out.
"""

from vseg.errors import UsageError


def frame_range(length: int, start: int, stop: int | None, step: int) -> range:
    """Indices start, start + step, ... before `stop`, all of which exist.

    stop: None means as far as the clip goes, in either direction.  Raises IndexError for a
    start or a stop outside the clip, UsageError for step 0.
    """
    if step == 0:
        raise UsageError("step is 0", hint="use 1 for forward, -1 for backward")
    if stop is None:
        stop = length if step > 0 else -1
    check_index(start, length)
    if not -1 <= stop <= length:
        raise IndexError(f"stop {stop} is outside the clip's {length} frames")
    return range(start, stop, step)


def check_index(index: int, length: int) -> None:
    """Raise IndexError if `index` names no frame; negative numbers do not count from the
    end.
    """
    if not 0 <= index < length:
        raise IndexError(
            f"frame {index} does not exist: the clip has frames 0 to {length - 1}"
        )
