"""What the annotator's socket sends: one answer to every request, and events.

An answer names its request as `re`; an event has a `seq` and a `type`.  Sequence numbers grow
by one with every event, for each client; a binary mask (`mask_message`) carries that of the
last event before it.  A client that comes back gets the events that it missed, but for
progress, or the whole state.
"""

from typing import Literal

from vseg.analysis.event_table import EventRow
from vseg.events.zone_file import ZoneFile
from vseg.server.annotator.wire_values import (
    LeaseState,
    ObjectState,
    PendingMark,
    RunningPropagation,
    Span,
    StepTitle,
    Wire,
    WireCrop,
)


class Refusal(Wire):
    """The same words as on the command line."""

    title: str
    detail: str
    hint: str | None


class Answer(Wire):
    re: int


class RefusedAnswer(Wire):
    """re: None where the message had no id that could be read."""

    re: int | None
    error: Refusal


class DoneAnswer(Answer):
    """There is nothing more to say: to edits, takeover, skip."""

    ok: Literal[True] = True


class AnnotationState(Wire):
    """A clip that is open, as a whole.  first, end: its frames.  fps: None if unknown.
    video: its id below /v1/videos; run: below /v1/runs.  revision: of the run.  words: whether
    text and exemplar prompts can be used; sound: whether the clip has any.  Neither pending
    nor objects grow with the clip.
    """

    run: str
    video: str
    name: str
    width: int
    height: int
    fps: float | None
    first: int
    end: int
    model: str
    words: bool
    sound: bool
    revision: int
    objects: list[ObjectState]
    pending: list[PendingMark]
    stale: list[Span]
    undo: StepTitle | None
    redo: StepTitle | None
    running: RunningPropagation | None


class HelloAnswer(Answer):
    """stream: to say when coming back.  resumed: whether the events that were missed follow;
    otherwise the state is given.
    """

    stream: str
    seq: int
    resumed: bool
    lease: LeaseState
    state: AnnotationState | None


class ViewAnswer(Answer):
    """masks: how many came.  superseded: this client shows another frame meanwhile."""

    frame: int
    masks: int
    superseded: bool


class PromptAnswer(Answer):
    """The mask comes as a binary message."""

    object: int
    number: int


class PreviewAnswer(Answer):
    """superseded: a newer preview, view or prompt took its place, and no mask came."""

    superseded: bool


class Alternative(Wire):
    """kind: how it differs from the mask that is shown; score: predicted quality."""

    kind: Literal["smaller", "larger"]
    score: float
    area: int
    crop: WireCrop


class AlternativesAnswer(Answer):
    """Smallest first; none where the prompts say how large the object is.  Give one as a mask
    prompt to take it.
    """

    alternatives: list[Alternative]


class EditAnswer(Answer):
    """object: the new one of a split."""

    revision: int
    object: int | None


class PropagateAnswer(Answer):
    job: int


class CancelAnswer(Answer):
    """cancelled: whether anything was under way."""

    cancelled: bool


class StepAnswer(Answer):
    """What was undone or redone; None where there was nothing."""

    step: StepTitle | None


class LaneCells(Wire):
    """One object over the cells.  Of every cell: states, 0 no row, 1 predicted, 2 corrected,
    3 accepted, 4 absent, the greatest that is there; visible, the share of its frames in 0 to
    100; risk, the highest in 0 to 100, -1 where it is not known yet.  anchors: at most one
    frame of a cell.  stale: frames that pending prompts will track again.  pending: frames
    with pending prompts.
    """

    object: int
    states: list[int]
    visible: list[int]
    risk: list[int]
    anchors: list[int]
    pending: list[int]
    stale: list[tuple[int, int]]


class LanesAnswer(Answer):
    """Cell k of `cells` begins at frame first + k * (end - first) / cells.  risk_known: the
    share of the clip whose risk is known, in [0, 1].
    """

    revision: int
    first: int
    end: int
    cells: int
    risk_known: float
    lanes: list[LaneCells]


class RiskSpan(Wire):
    """A stretch to check.  run: of which run, to open it if it is another one.  point: x, y
    inside the mask on the worst frame.
    """

    run: str
    object: int
    label: str | None
    first: int
    end: int
    worst_frame: int
    risk: float
    reasons: list[str]
    point: tuple[int, int]


class ReviewAnswer(Answer):
    """span: None where nothing is left.  left: how many there are, this one counted."""

    span: RiskSpan | None
    left: int


class FileAnswer(Answer):
    """url: from where the file can be read."""

    url: str
    name: str
    bytes: int


class StatisticsAnswer(Answer):
    """From the journal.  seconds: at work, pauses above a minute left out."""

    prompts: int
    points: int
    edits: int
    propagations: int
    undone: int
    frames_tracked: int
    seconds: float
    objects: int
    accepted_spans: int
    accepted_frames: int
    corrected_spans: int
    corrected_frames: int


class ZonesAnswer(Answer):
    """What is in RUN/zones.toml; version: of that file, "" where there is none.  warnings: of
    what does nothing as it is.
    """

    zones: ZoneFile
    version: str
    warnings: list[str]


class ZoneEventsAnswer(Answer):
    rows: list[EventRow]


AnyAnswer = (
    RefusedAnswer
    | DoneAnswer
    | HelloAnswer
    | ViewAnswer
    | PromptAnswer
    | PreviewAnswer
    | AlternativesAnswer
    | EditAnswer
    | PropagateAnswer
    | CancelAnswer
    | StepAnswer
    | LanesAnswer
    | ReviewAnswer
    | FileAnswer
    | StatisticsAnswer
    | ZonesAnswer
    | ZoneEventsAnswer
)
