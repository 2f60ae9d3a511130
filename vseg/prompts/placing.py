"""From what a user says of a video to frame numbers: times looked up, ends checked.

Enters: prompt requests and moments.  Leaves: placed prompts and frame indices, all inside the
video.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from vseg.errors import BadPrompt
from vseg.interfaces.reader import Reader
from vseg.prompts.timecode import Timecode
from vseg.types import AnyPrompt, PlacedPrompt


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """What was said, as asked for: its moment may still be a time.  object_id: 0 is whatever
    it finds.
    """

    object_id: int
    at: Timecode
    prompt: AnyPrompt


def place_prompts(
    video: Reader, requests: Iterable[PromptRequest]
) -> tuple[PlacedPrompt, ...]:
    """The requests with their frame, in the order given.  Raises BadPrompt past the end."""
    return tuple(
        PlacedPrompt(index_of(video, request.at), request.object_id, request.prompt)
        for request in requests
    )


def index_of(video: Reader, at: Timecode) -> int:
    """The frame on display at a moment.  Raises BadPrompt for one past the end of the
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
    return _frame_at(video, at.time_s)


def _frame_at(video: Reader, time_s: float) -> int:
    """The last frame that starts at or before `time_s`, by bisection: rates may vary."""
    low = 0
    high = len(video) - 1
    end_s = video.read(high).time_s + (float(1 / video.info.fps) if video.info.fps else 1.0)
    if time_s >= end_s:
        raise BadPrompt(
            f"{time_s:g}s is past the end: {video.info.source} lasts {end_s:.3f} s",
            hint="`vseg probe` tells the true duration",
        )
    while low < high:
        middle = (low + high + 1) // 2
        if video.read(middle).time_s <= time_s:
            low = middle
        else:
            high = middle - 1
    return low
