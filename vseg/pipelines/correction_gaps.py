"""How far a correction may reach: the stretches before and after a prompted frame.

Enters: what is known of an object over time, and a frame that is prompted.  Leaves: a Gap in
each direction.  A gap ends before the next anchor (a prompted frame or accepted masks), at
frames on which the object is said to be absent, or where the object or the run ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vseg.errors import BadPrompt
from vseg.pipelines.propagation_settings import Reach
from vseg.results.spans import ObjectSpan, ObjectSpans, SpanState
from vseg.types import Points, Prompt, PromptValue, Scribble

LOOK_BACK = 256
"""Frames that are searched for a stored mask to remember, so that a correction costs the same
in a clip of any length.  A round value; not tuned."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The frames that one object may be tracked on from a prompted frame in one direction.

    end: the first frame that is not tracked any more, in that direction.  anchor: the anchor
    that stands there, None if the gap ends otherwise.
    """

    object_id: int
    start: int
    end: int
    reverse: bool
    anchor: int | None

    @property
    def frames(self) -> int:
        """How many frames it holds, without the prompted one."""
        return abs(self.end - self.start) - 1

    @property
    def range(self) -> tuple[int, int]:
        """Its first frame and last + 1, without the prompted one."""
        if self.reverse:
            return self.end + 1, self.start
        return self.start + 1, self.end


@dataclass(frozen=True, slots=True)
class _Stop:
    frame: int
    anchor: int | None


def gap_after(spans: ObjectSpans, frame: int, life: tuple[int, int] | None, end: int) -> Gap:
    """The frames after a prompted one.

    life: the first and the last frame that the object has a row on, None if it has none; a
    prompt in between does not make it longer.  end: the last frame of the run + 1.
    """
    inside = life is not None and frame <= life[1]
    stops = [_Stop(life[1] + 1 if life is not None and inside else end, None)]
    stops += [_Stop(anchor, anchor) for anchor in spans.anchors if anchor > frame]
    stops += [
        _Stop(s.first, s.first if s.state is SpanState.ACCEPTED else None)
        for s in _walls(spans)
        if s.first > frame
    ]
    nearest = min(stops, key=lambda stop: (stop.frame, stop.anchor is None))
    return Gap(spans.object_id, frame, nearest.frame, False, nearest.anchor)


def gap_before(
    spans: ObjectSpans, frame: int, life: tuple[int, int] | None, first: int
) -> Gap:
    """The frames before a prompted one; see `gap_after`.  first: of the run."""
    inside = life is not None and frame >= life[0]
    stops = [_Stop((life[0] if life is not None and inside else first) - 1, None)]
    stops += [_Stop(anchor, anchor) for anchor in spans.anchors if anchor < frame]
    stops += [
        _Stop(s.end - 1, s.end - 1 if s.state is SpanState.ACCEPTED else None)
        for s in _walls(spans)
        if s.end <= frame
    ]
    nearest = max(stops, key=lambda stop: (stop.frame, stop.anchor is not None))
    return Gap(spans.object_id, frame, nearest.frame, True, nearest.anchor)


def gaps_of(
    spans: dict[int, ObjectSpans],
    placed: Iterable[tuple[int, int]],
    lives: Mapping[int, tuple[int, int]],
    extent: tuple[int, int],
    reach: Reach,
) -> tuple[Gap, ...]:
    """The stretches around prompted frames that hold a frame; `spans` takes these frames as
    anchors.

    placed: frame and object.  lives: first and last frame of objects that end where their rows
    end.  extent: first and last frame of the run.
    """
    ordered = sorted(placed)
    for frame, obj in ordered:
        spans[obj] = opened_for(spans[obj], frame).anchored(frame)
    first, last = extent
    gaps = []
    for frame, obj in ordered:
        gaps.append(gap_before(spans[obj], frame, lives.get(obj), first))
        gaps.append(gap_after(spans[obj], frame, lives.get(obj), last + 1))
    within = (limited(gap, reach) for gap in gaps)
    return tuple(gap for gap in within if gap.frames > 0)


def limited(gap: Gap, reach: Reach) -> Gap:
    """The gap as far as the user lets it reach; what lies beyond stays as it is stored."""
    beside = gap.start - 1 if gap.reverse else gap.start + 1
    if reach.direction == ("forward" if gap.reverse else "backward"):
        return replace(gap, end=beside, anchor=None)
    if gap.reverse and reach.first is not None and reach.first - 1 > gap.end:
        return replace(gap, end=min(reach.first - 1, beside), anchor=None)
    if not gap.reverse and reach.end is not None and reach.end < gap.end:
        return replace(gap, end=max(reach.end, beside), anchor=None)
    return gap


def nearest_anchors(spans: ObjectSpans, frame: int, count: int) -> list[int]:
    """Other frames that show the object as the user wants it, at most `count`, ascending: the
    nearest prompted frames and ends of accepted spans.
    """
    frames = {*spans.anchors}
    for span in spans.of_state(SpanState.ACCEPTED):
        frames |= {span.first, span.end - 1}
    others = sorted(frames - {frame}, key=lambda other: (abs(other - frame), other))
    return sorted(others[:count])


def stretch_beside(spans: ObjectSpans, frame: int) -> tuple[int, int]:
    """The frames [first, end) beside one, at most `LOOK_BACK`, on which the stored masks are
    most likely right: those between it and the anchor before it, because a track is right
    until it goes wrong; those after it where only there an anchor is.
    """
    before = [anchor for anchor in spans.anchors if anchor < frame]
    after = [anchor for anchor in spans.anchors if anchor > frame]
    if before or not after:
        return max([frame - LOOK_BACK, 0, *(anchor + 1 for anchor in before)]), frame
    return frame + 1, min([frame + 1 + LOOK_BACK, *after])


def opened_for(spans: ObjectSpans, frame: int) -> ObjectSpans:
    """The spans once the object is prompted on a frame.

    An absence ends there: the frames before stay empty.  An acceptance is taken back as a
    whole: who prompts does not accept.
    """
    span = spans.span_at(frame)
    if span is None:
        return spans
    if span.state is SpanState.ABSENT:
        spans = spans.marked(frame, span.end, SpanState.PREDICTED)
    if span.state is SpanState.ACCEPTED:
        spans = spans.marked(span.first, span.end, SpanState.PREDICTED)
    return spans


def check_positive(spans: Mapping[int, ObjectSpans], prompts: Sequence[Prompt]) -> None:
    """Raise BadPrompt for prompts that only say where an object is not, on a frame on which it
    is absent.
    """
    for prompt in prompts:
        assert prompt.object_id is not None, "a correction is of one object"
        state = spans[prompt.object_id].state_at(prompt.frame_index)
        beside = [p for p in prompts if _place(p) == _place(prompt)]
        if state is SpanState.ABSENT and not any(_positive(p.value) for p in beside):
            raise BadPrompt(
                f"object {prompt.object_id} is absent on frame {prompt.frame_index}, and a "
                "negative prompt does not say where it is",
                hint="add a positive one, or prompt beside the absence",
            )


def _positive(value: PromptValue) -> bool:
    if isinstance(value, Points):
        return bool(value.positive.any())
    return not isinstance(value, Scribble) or value.positive


def _place(prompt: Prompt) -> tuple[int | None, int]:
    return prompt.object_id, prompt.frame_index


def _walls(spans: ObjectSpans) -> tuple[ObjectSpan, ...]:
    return spans.of_state(SpanState.ACCEPTED, SpanState.ABSENT)
