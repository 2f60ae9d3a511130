"""Times -> frame numbers: each prompt and timecode is given its frame in a video.

Enters: prompts and timecodes.  Leaves: prompts and frame indices, all inside the video.
"""

from collections.abc import Iterable
from dataclasses import replace

from vseg.errors import BadPrompt, UnknownFrame
from vseg.interfaces.reader import Reader
from vseg.ops.frame_range import end_of_last, is_end
from vseg.prompts.polygon_masks import joined_rings
from vseg.prompts.timecode import parse_range
from vseg.types import Prompt, Timecode


def place_prompts(video: Reader, prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
    """The prompts with their frame, in the order given; polygons of one object on one frame
    are the rings of one.  Raises BadPrompt past the end.
    """
    return joined_rings(replace(p, at=Timecode(frame=index_of(video, p.at))) for p in prompts)


def index_of(video: Reader, at: Timecode) -> int:
    """The frame on display at a timecode.  Raises BadPrompt for one past the end of the
    video.
    """
    if at.frame is not None:
        if at.frame >= len(video):
            raise BadPrompt(
                f"frame {at.frame} is past the end: {video.info.source} has frames 0 to "
                f"{len(video) - 1}",
                hint="`vseg probe` tells the true number of frames",
            )
        return at.frame
    assert at.time_s is not None
    try:
        return video.frame_at(at.time_s)
    except UnknownFrame as error:
        raise BadPrompt(error.message, hint="`vseg probe` tells the true duration") from error


def frames_of(video: Reader, text: str) -> tuple[int, int]:
    """First frame and last + 1 of a range.  Raises BadPrompt for one that is empty or past
    the end.
    """
    start, stop = parse_range(text)
    first = index_of(video, start)
    last = len(video) if stop is None or _is_end(video, stop) else index_of(video, stop)
    if last <= first:
        raise BadPrompt(f"the range {text} holds no frame", hint="give it as first:last + 1")
    return first, last


def _is_end(video: Reader, stop: Timecode) -> bool:
    """Whether a range that ends there has the last frame."""
    if stop.time_s is None:
        return stop.frame == len(video)
    return is_end(stop.time_s, end_of_last(video.info, video.time_at(len(video) - 1)))
