"""Events of the annotator's socket: what happened, for all clients of a clip."""

from typing import Literal

from vseg.server.annotator.messages import AnnotationState, Refusal
from vseg.server.annotator.wire_values import (
    LeaseState,
    ObjectState,
    PendingMark,
    RunningPropagation,
    Span,
    StepTitle,
    Wire,
)


class Event(Wire):
    seq: int


class StateEvent(Event):
    """Everything may have changed: the run was written from outside, or an import came."""

    type: Literal["state"] = "state"
    state: AnnotationState


class ObjectsEvent(Event):
    """What an edit, a prompt, undo or redo changed: lists as a whole."""

    type: Literal["objects"] = "objects"
    revision: int
    objects: list[ObjectState]
    pending: list[PendingMark]
    undo: StepTitle | None
    redo: StepTitle | None


class StaleEvent(Event):
    """What pending prompts will track again, at most."""

    type: Literal["stale"] = "stale"
    spans: list[Span]


class ProgressEvent(Event):
    """The propagation goes on, at most some ten times a second."""

    type: Literal["progress"] = "progress"
    running: RunningPropagation


class DoneEvent(Event):
    """The propagation ended.  spans: that were tracked.  revision: None where nothing was."""

    type: Literal["done"] = "done"
    job: int
    cancelled: bool
    revision: int | None
    spans: list[Span]


class ErrorEvent(Event):
    """Something failed that no request waits for: a propagation, a mask of a prompt."""

    type: Literal["error"] = "error"
    job: int | None
    error: Refusal


class LeaseEvent(Event):
    type: Literal["lease"] = "lease"
    lease: LeaseState


class LanesChangedEvent(Event):
    """Lanes over frames [first, end) are others now."""

    type: Literal["lanes_changed"] = "lanes_changed"
    first: int
    end: int


AnyEvent = (
    StateEvent
    | ObjectsEvent
    | StaleEvent
    | ProgressEvent
    | DoneEvent
    | ErrorEvent
    | LeaseEvent
    | LanesChangedEvent
)
