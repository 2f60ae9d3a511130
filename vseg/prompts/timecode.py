"""Text -> places in a video (`Timecode`), by frame number or by time.

`30` is frame 30 (0-based, display order); `1.25s` is the frame on display 1.25 seconds after
the clip's own time zero.  Ranges `a:b` are half-open and either end may be left out.
"""

import re

from vseg.errors import UsageError
from vseg.types import Timecode

_TIMECODE = re.compile(r"(?P<frame>\d{1,15})|(?P<seconds>\d{1,15}(?:\.\d+)?)s")


def parse_timecode(text: str) -> Timecode:
    """The place written as `30` or `1.25s`.  Raises UsageError."""
    match = _TIMECODE.fullmatch(text.strip())
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
