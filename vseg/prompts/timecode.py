"""A place in a video, by frame number or by time, and the text forms a user types.

`30` is frame 30 (0-based, display order); `1.25s` is the frame on display 1.25 seconds after
the clip's own time zero.  Ranges `a:b` are half-open and either end may be left out.
"""

import re
from dataclasses import dataclass

from vseg.errors import UsageError

_MOMENT = re.compile(r"(?P<frame>\d+)|(?P<seconds>\d+(?:\.\d+)?)s")


@dataclass(frozen=True, slots=True)
class Timecode:
    """A frame index, or seconds still to be looked up in a video: exactly one of the two is
    set.
    """

    frame: int | None = None
    time_s: float | None = None

    def reached(self, index: int, time_s: float) -> bool:
        """Whether a frame is at this moment or after it."""
        if self.frame is not None:
            return index >= self.frame
        return self.time_s is not None and time_s >= self.time_s

    def __str__(self) -> str:
        return f"{self.time_s:g}s" if self.frame is None else str(self.frame)


def parse_timecode(text: str) -> Timecode:
    """The moment written as `30` or `1.25s`.  Raises UsageError."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"'{text}' is neither a frame number nor a time", hint="write 30 or 1.25s"
        )
    if match["frame"] is not None:
        return Timecode(frame=int(match["frame"]))
    return Timecode(time_s=float(match["seconds"]))


def parse_range(text: str) -> tuple[Timecode, Timecode | None]:
    """(start, stop) of `a:b`, stop exclusive; a missing start is frame 0, a missing stop
    None.
    """
    start, colon, stop = text.partition(":")
    if not colon:
        raise UsageError(
            f"'{text}' is not a range", hint="write it as 0:300, 2s:5s, 100: or :100"
        )
    return (
        parse_timecode(start) if start.strip() else Timecode(frame=0),
        parse_timecode(stop) if stop.strip() else None,
    )
