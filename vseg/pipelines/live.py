"""A live source, tracked as it comes: nothing is stored, nothing grows, the newest frame is
always next.

Enters: a camera, a stream or a clip, and prompts on its first frame or descriptions of what to
detect.  Leaves: per frame, the image, the masks and what happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vseg.config import TrackConfig
from vseg.errors import BadPrompt, UsageError, VsegError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Source
from vseg.pipelines.driver import make_driver
from vseg.pipelines.passes import check_starts
from vseg.pipelines.prepare import (
    check_instances,
    check_redetection,
    grounder_of,
    load_configured,
)
from vseg.prompts.timecode import parse_timecode
from vseg.session.session import Session
from vseg.types import Frame, Prompt, Text, Timecode, TrackEvent


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """One frame, the objects on it, and what happened since the one before."""

    frame: Frame
    masks: FrameMasks
    events: tuple[TrackEvent, ...]


def watch(
    source: Source,
    requests: tuple[Prompt, ...],
    config: TrackConfig,
    model: Model | None = None,
) -> Iterator[LiveFrame]:
    """Every frame that the source gives, tracked.

    requests: prompts on the first frame; those of every instance are detected again and
    again; none at all means everything there is.  Raises UsageError and BadPrompt before the
    first frame is taken, DamagedVideo when the source breaks.
    """
    text = config.redetection.until
    until = None if text is None else parse_timecode(text)
    _check(requests, config, until)
    model = model or load_configured(config)
    texts = [r.value for r in requests if isinstance(r.value, Text)]
    words = grounder_of(config, texts, model, everything=not requests)
    with Session(
        model,
        memory=config.memory,
        identity=config.identity,
        crops=config.crops,
        grounder=words,
    ) as session:
        driver = make_driver(session, config, requests, None, words, until)
        for frame, adjacent in _with_adjacent(source, wait=words is not None):
            masks = driver.step(frame, adjacent)
            yield LiveFrame(frame, masks, driver.drain())


def _with_adjacent(source: Source, *, wait: bool) -> Iterator[tuple[Frame, Frame | None]]:
    """Each frame with the one before it, as `adjacent_frame` has it.

    wait: the first frame waits for the second, which is adjacent to it; else it has none.
    """
    frames = iter(source)
    before: Frame | None = None
    for frame in frames:
        newest = frame
        if before is None and wait:
            try:
                second = next(frames, None)
            except VsegError:  # the first frame is good; the error is raised after it
                yield frame, None
                raise
            yield frame, second
            if second is None:
                return
            before = frame
            newest = second
        yield newest, before
        before = newest


def _check(requests: tuple[Prompt, ...], config: TrackConfig, until: Timecode | None) -> None:
    """Raise UsageError or BadPrompt for what a live source cannot be asked."""
    check_instances(requests)
    if config.direction != "forward":
        raise UsageError(
            f"a live source cannot be tracked in the direction {config.direction}",
            hint="leave `direction` out of the settings",
        )
    for request in requests:
        if request.at.frame != 0:
            raise BadPrompt(
                f"the prompt of object {request.object_id} is at {request.at}, and a live "
                "source has no frame but the newest",
                hint="prompt on the first frame: leave @FRAME out",
            )
    check_starts(requests, config.direction)
    if until is not None and until.reached(0, 0.0):
        raise UsageError(
            f"detecting would end at {until}, before the first detection",
            hint="give --until a later frame or time, or leave it out",
        )
    check_redetection(config.redetection, everything=not requests)
