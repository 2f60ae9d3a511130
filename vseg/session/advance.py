"""One step of tracking: the objects of a session on its next frame.

Enters: the state of a session and a frame.  Leaves: the masks of its live objects, and what
happened to their identities there; the state is that of this frame.
"""

from dataclasses import replace
from functools import partial

from vseg.frame_masks import FrameMasks
from vseg.interfaces.grounder import FrameFeatures
from vseg.session.distractor_tracking import DistractorTracking
from vseg.session.engine import Engine
from vseg.session.frames import SessionFrames
from vseg.session.output import frame_masks
from vseg.session.state import SessionState
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import TrackedObject
from vseg.types import Frame


def advance(  # noqa: PLR0913 - the state, the frame, and how it is taken
    state: SessionState,
    frames: SessionFrames,
    frame: Frame,
    live: list[TrackedObject],
    *,
    reverse: bool,
    remember: bool = True,
    alone: bool = False,
) -> FrameMasks:
    """The masks of the live objects on the next frame.

    frames: gives its features.  reverse: Frames come in descending order.  remember: whether
    the frame may be written to memory.  alone: without distractors, where time is short.
    """
    for tracked in live:
        tracked.reverse = reverse
    features = partial(frames.features, frame)
    masks = None
    if live:
        with frames.tracking():
            masks = _tracked(state, frame, features, live, remember=remember, alone=alone)
    for tracked in live:
        tracked.stale.discard(frame.index)
    events = state.identities.drain()
    # The ids of distractors are below 0.
    seen = tuple(e for e in events if e.object_id is None or e.object_id > 0)
    return replace(frame_masks(frame, live, masks, state.identities), events=seen)


def _tracked(
    state: SessionState,
    frame: Frame,
    features: FrameFeatures,
    live: list[TrackedObject],
    *,
    remember: bool,
    alone: bool,
) -> TrackedMasks:
    engine = state.engine
    if alone or not isinstance(engine, Engine) or not state.identities.rules.distractors:
        return engine.track(frame, features, live, remember=remember)
    return DistractorTracking(state, engine).track(frame, features, live)
