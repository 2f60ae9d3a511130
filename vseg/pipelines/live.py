"""A live source, tracked as it comes: nothing is stored, nothing grows, the newest frame is
always next.

Enters: a camera, a stream or a clip, and what to follow: prompts on the first image, or what
to look for.  Leaves: per frame, the image, the masks and what happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vseg.config import TrackConfig
from vseg.errors import BadPrompt, UsageError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Source
from vseg.pipelines.detect import make_detector
from vseg.pipelines.prepare import (
    check_redetection,
    check_sought,
    grounder_of,
    load_configured,
)
from vseg.pipelines.redetection_driver import RedetectionTracker
from vseg.prompts.timecode import parse_timecode
from vseg.results.events import RunEvent, run_event
from vseg.session.session import Session
from vseg.types import Exemplar, Frame, Prompt, Text


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """One image, the objects on it, and what happened since the one before."""

    frame: Frame
    masks: FrameMasks
    events: tuple[RunEvent, ...]


def watch(
    source: Source,
    requests: tuple[Prompt, ...],
    config: TrackConfig,
    model: Model | None = None,
) -> Iterator[LiveFrame]:
    """Every image that is given out, tracked.

    requests: prompts on the first image; those of every instance are detected again and again;
    none at all means everything there is.  Raises UsageError and BadPrompt before the first
    image is taken, DamagedVideo when the source breaks.
    """
    sought = tuple(r.value for r in requests if r.object_id is None)
    _check(requests, config)
    model = model or load_configured(config)
    texts = [r.value for r in requests if isinstance(r.value, Text)]
    words = grounder_of(config, texts, model)
    with Session(
        model, memory=config.memory, identity=config.identity, grounder=words
    ) as session:
        if requests and not sought:
            yield from _prompted(source, requests, session)
            return
        described = [each for each in sought if isinstance(each, Text | Exemplar)]
        until = (
            None
            if config.redetection.until is None
            else parse_timecode(config.redetection.until)
        )
        look = make_detector(described, model, words, config)
        yield from _looking(
            source, RedetectionTracker(session, look, config.redetection, until)
        )


def _check(requests: tuple[Prompt, ...], config: TrackConfig) -> None:
    """Raise UsageError or BadPrompt for what a live source cannot be asked."""
    check_sought(requests)
    for request in requests:
        if request.at.frame != 0:
            raise BadPrompt(
                f"the prompt of object {request.object_id} is at {request.at}, and a live "
                "source has "
                "no frame but the newest",
                hint="prompt on the first image: leave @FRAME out",
            )
    until = config.redetection.until
    if until is not None and parse_timecode(until).reached(0, 0.0):
        raise UsageError(
            f"looking would end at {until}, before its first look",
            hint="give --until a later frame or time, or leave it out",
        )
    check_redetection(config.redetection, everything=not requests)


def _prompted(
    source: Source, requests: tuple[Prompt, ...], session: Session
) -> Iterator[LiveFrame]:
    object_ids = sorted({r.object_id for r in requests if r.object_id is not None})
    for place, frame in enumerate(source):
        for object_id in object_ids if place == 0 else ():
            said = [r.value for r in requests if r.object_id == object_id]
            session.add_prompt(object_id, frame, said)
        masks = session.step(frame)
        yield LiveFrame(frame, masks, tuple(map(run_event, masks.events)))


def _looking(source: Source, lookout: RedetectionTracker) -> Iterator[LiveFrame]:
    before: Frame | None = None
    for frame in source:
        masks = lookout.step(frame, before)
        if masks is None:
            masks = FrameMasks.empty(frame)
        before = frame
        yield LiveFrame(frame, masks, (*lookout.drain(), *map(run_event, masks.events)))
