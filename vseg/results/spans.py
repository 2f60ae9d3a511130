"""spans.json: what is known of each object over time, and the frames it is anchored on.

Enters and leaves: spans [first, end) by object, ascending and apart, each with a state, and
the anchors: frames on which the user prompted the object or gave its mask.  Frames in no span
are as the model predicted them.  A run as tracked has no such file: all is predicted there.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum
from operator import attrgetter
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from vseg.errors import BadRun
from vseg.io.files import atomic_write_text
from vseg.results.layout import SPANS
from vseg.results.records import Record, StoredObject
from vseg.types import Prompt


class SpanState(StrEnum):
    """PREDICTED: by the model.  CORRECTED: tracked again from a correction.  ACCEPTED: the
    user said that it is right.  ABSENT: the user said that the object is not in the image.
    """

    PREDICTED = "predicted"
    CORRECTED = "corrected"
    ACCEPTED = "accepted"
    ABSENT = "absent"


class ObjectSpan(Record):
    """Frames [first, end) of one object, all in one state."""

    first: int = Field(ge=0)
    end: int = Field(ge=1)
    state: SpanState


class ObjectSpans(Record):
    """One object over time.  spans: ascending and apart.  anchors: frames, ascending."""

    object_id: int = Field(ge=1)
    spans: tuple[ObjectSpan, ...]
    anchors: tuple[int, ...] = ()

    def state_at(self, frame_index: int) -> SpanState:
        """The state on one frame."""
        span = self.span_at(frame_index)
        return SpanState.PREDICTED if span is None else span.state

    def span_at(self, frame_index: int) -> ObjectSpan | None:
        """The span that holds a frame, None beside all of them."""
        after = bisect_right(self.spans, frame_index, key=attrgetter("first"))
        span = self.spans[after - 1] if after else None
        return span if span is not None and frame_index < span.end else None

    def of_state(self, *states: SpanState) -> tuple[ObjectSpan, ...]:
        """The spans in one of these states."""
        return tuple(span for span in self.spans if span.state in states)

    def marked(self, first: int, end: int, state: SpanState) -> "ObjectSpans":
        """The same with frames [first, end) in another state; neighbours of one state are one
        span.
        """
        if first >= end:
            return self
        kept = [piece for span in self.spans for piece in _outside(span, first, end)]
        added = [*kept, ObjectSpan(first=first, end=end, state=state)]
        return self.model_copy(update={"spans": tuple(_joined(added))})

    def anchored(self, *frames: int) -> "ObjectSpans":
        """The same with anchors on these frames too."""
        return self.model_copy(update={"anchors": tuple(sorted({*self.anchors, *frames}))})

    def within(self, first: int, end: int) -> "ObjectSpans":
        """What of spans and anchors lies in [first, end)."""
        pieces = [(max(s.first, first), min(s.end, end), s.state) for s in self.spans]
        spans = tuple(ObjectSpan(first=a, end=b, state=s) for a, b, s in pieces if a < b)
        anchors = tuple(frame for frame in self.anchors if first <= frame < end)
        return self.model_copy(update={"spans": spans, "anchors": anchors})

    def filled_by(self, other: "ObjectSpans") -> "ObjectSpans":
        """The same with another object's anchors and spans; where both have a span, this one's
        state stays unless it is predicted.
        """
        filled = other.model_copy(update={"object_id": self.object_id})
        for span in self.spans:
            if span.state is not SpanState.PREDICTED:
                filled = filled.marked(span.first, span.end, span.state)
        for span in self.of_state(SpanState.PREDICTED):
            pieces = [span]
            for taken in filled.spans:
                pieces = [p for s in pieces for p in _outside(s, taken.first, taken.end)]
            for piece in pieces:
                filled = filled.marked(piece.first, piece.end, piece.state)
        return filled.anchored(*self.anchors)


_SPANS = TypeAdapter(list[ObjectSpans])


def predicted_spans(
    objects: Sequence[StoredObject],
    prompts: Iterable[Prompt],
    extent: tuple[int, int] | None,
) -> tuple[ObjectSpans, ...]:
    """The spans of a run as tracked: predicted from where an object begins to the end.

    extent: the first and the last frame of the run, None if it holds none.
    """
    if extent is None:
        return tuple(ObjectSpans(object_id=stored.id, spans=()) for stored in objects)
    anchors: dict[int, set[int]] = {stored.id: set() for stored in objects}
    for prompt in prompts:
        if prompt.object_id in anchors:
            anchors[prompt.object_id].add(prompt.frame_index)
    spans = []
    for stored in objects:
        begins = [*anchors[stored.id]]
        begins += [] if stored.first_frame is None else [stored.first_frame]
        whole = ObjectSpan(
            first=min(begins, default=extent[0]), end=extent[1] + 1, state=SpanState.PREDICTED
        )
        frames = tuple(sorted(anchors[stored.id]))
        spans.append(ObjectSpans(object_id=stored.id, spans=(whole,), anchors=frames))
    return tuple(spans)


def read_spans(content: Path) -> tuple[ObjectSpans, ...] | None:
    """The spans of a revision, None where it has none.  Raises BadRun."""
    path = content / SPANS
    try:
        return tuple(_SPANS.validate_json(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadRun(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise BadRun(f"{path}: {error.errors()[0]['msg']}", hint="it is damaged") from error


def write_spans(content: Path, spans: Sequence[ObjectSpans]) -> None:
    """Replace spans.json, whole or not at all."""
    ordered = sorted(spans, key=lambda each: each.object_id)
    atomic_write_text(content / SPANS, _SPANS.dump_json(ordered, indent=1).decode() + "\n")


def _outside(span: ObjectSpan, first: int, end: int) -> list[ObjectSpan]:
    """The parts of a span outside [first, end)."""
    pieces = [(span.first, min(span.end, first)), (max(span.first, end), span.end)]
    return [ObjectSpan(first=a, end=b, state=span.state) for a, b in pieces if a < b]


def _joined(spans: Iterable[ObjectSpan]) -> list[ObjectSpan]:
    """The spans ascending, neighbours of one state as one."""
    joined: list[ObjectSpan] = []
    for span in sorted(spans, key=lambda each: each.first):
        last = joined[-1] if joined else None
        if last is not None and last.end == span.first and last.state == span.state:
            joined[-1] = last.model_copy(update={"end": span.end})
        else:
            joined.append(span)
    return joined
