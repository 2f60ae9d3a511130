"""How far a correction may reach, and where it ends: pure decisions, no model."""

import numpy as np
import pytest

from vseg.errors import BadPrompt
from vseg.ops.masks import crop_iou
from vseg.pipelines.correction_gaps import (
    LOOK_BACK,
    check_positive,
    gap_after,
    gap_before,
    nearest_anchors,
    opened_for,
    stretch_beside,
)
from vseg.pipelines.correction_session import with_stored
from vseg.pipelines.seam import AGREED, AGREED_FRAMES, AGREED_MOST, Seam, agreement
from vseg.results.spans import ObjectSpans, SpanState
from vseg.types import Box, Mask, MaskCrop, Points, Prompt, PromptValue, Scribble, Timecode

LIFE = (10, 90)
END = 100


def spans_of(*anchors: int) -> ObjectSpans:
    spans = ObjectSpans(object_id=1, spans=(), anchors=tuple(anchors))
    return spans.marked(10, 91, SpanState.PREDICTED)


def test_gaps_end_before_the_next_anchors() -> None:
    spans = spans_of(20, 40, 70)
    after = gap_after(spans, 40, LIFE, END)
    before = gap_before(spans, 40, LIFE, 0)
    assert (after.range, after.anchor, after.frames) == ((41, 70), 70, 29)
    assert (before.range, before.anchor, before.frames) == ((21, 40), 20, 19)


def test_gaps_end_with_the_object_and_with_the_run() -> None:
    assert gap_after(spans_of(), 40, LIFE, END).range == (41, 91)
    assert gap_before(spans_of(), 40, LIFE, 0).range == (10, 40)
    # A prompt beside the object's life, and a new object, reach to the ends of the run.
    assert gap_after(spans_of(), 95, LIFE, END).range == (96, 100)
    assert gap_before(spans_of(), 5, LIFE, 0).range == (0, 5)
    assert gap_before(spans_of(), 5, None, 0).range == (0, 5)


def test_accepted_masks_are_an_anchor_and_an_absence_is_a_wall() -> None:
    spans = spans_of(15).marked(50, 60, SpanState.ACCEPTED).marked(30, 35, SpanState.ABSENT)
    after = gap_after(spans, 40, LIFE, END)
    before = gap_before(spans, 40, LIFE, 0)
    assert (after.range, after.anchor) == ((41, 50), 50)
    assert (before.range, before.anchor) == ((35, 40), None)
    beyond = gap_before(spans, 70, LIFE, 0)
    assert (beyond.range, beyond.anchor) == ((60, 70), 59)


def test_memory_takes_the_nearest_anchors_and_ends_of_accepted_spans() -> None:
    spans = spans_of(12, 30, 80).marked(50, 60, SpanState.ACCEPTED)
    assert nearest_anchors(spans, 40, 3) == [30, 50, 59]
    assert nearest_anchors(spans, 30, 9) == [12, 50, 59, 80]
    assert nearest_anchors(spans, 30, 0) == []


def test_a_stored_mask_is_taken_from_beside_the_nearest_anchor() -> None:
    assert stretch_beside(spans_of(12, 30, 80), 40) == (31, 40)
    assert stretch_beside(spans_of(80), 40) == (41, 80)
    assert stretch_beside(spans_of(), 40) == (0, 40)
    assert stretch_beside(spans_of(10), 900) == (900 - LOOK_BACK, 900)
    assert stretch_beside(spans_of(900), 10) == (11, 11 + LOOK_BACK)


def test_a_prompt_ends_an_absence_and_takes_an_acceptance_back() -> None:
    spans = spans_of().marked(30, 50, SpanState.ABSENT).marked(60, 80, SpanState.ACCEPTED)
    opened = opened_for(opened_for(spans, 40), 70)
    states = [opened.state_at(frame) for frame in (35, 39, 40, 49, 60, 79)]
    assert states == ["absent", "absent", *["predicted"] * 4]
    assert opened_for(spans, 20) == spans
    assert opened_for(ObjectSpans(object_id=1, spans=()), 5).spans == ()


def test_only_where_it_is_not_is_no_end_of_an_absence() -> None:
    spans = {1: spans_of().marked(30, 50, SpanState.ABSENT)}
    negative = Prompt(1, Timecode(frame=40), Points([(1, 1)], [0]))
    with pytest.raises(BadPrompt, match="absent on frame 40"):
        check_positive(spans, [negative])
    with pytest.raises(BadPrompt, match="absent"):
        check_positive(spans, [Prompt(1, Timecode(frame=40), Scribble([(1, 1)], False))])
    check_positive(spans, [negative, Prompt(1, Timecode(frame=40), Box(1, 1, 9, 9))])
    check_positive(spans, [Prompt(1, Timecode(frame=20), Points([(1, 1)], [0]))])


def added(seam: Seam, ious: list[float], new: float = 0.8, stored: float = 0.8) -> list[bool]:
    return [seam.add(frame, iou, new, stored) for frame, iou in enumerate(ious, start=1)]


def test_tracks_are_one_after_enough_frames_in_a_row() -> None:
    seam = Seam(corrected=0.0, start=0)
    again = [0.95] * (AGREED_FRAMES - 1)
    assert not any(added(seam, [*again, AGREED - 0.01, *again]))
    assert seam.add(99, 0.99, 0.8, 0.8)
    assert seam.joined == 99


def test_a_small_correction_is_not_taken_for_agreement() -> None:
    assert Seam(corrected=0.2, start=0).needed == AGREED
    assert Seam(corrected=0.94, start=0).needed == pytest.approx(0.97)
    assert Seam(corrected=1.0, start=0).needed == AGREED_MOST
    seam = Seam(corrected=0.94, start=0)
    assert not any(added(seam, [0.96] * 20))


def test_between_anchors_the_seam_is_where_both_tracks_are_doubted_alike() -> None:
    alike = Seam(corrected=0.0, start=0)
    assert alike.apart == 0
    added(alike, [0.3] * 21)
    assert alike.apart == 11
    # What went wrong once is doubted from there on, whatever its quality is afterwards.
    backward = Seam(corrected=0.0, start=22)
    for frame in range(21, 0, -1):
        backward.add(frame, 0.0, 0.8, 0.2 if frame == 4 else 0.8)
    assert backward.apart == 4


def test_what_strays_from_a_small_correction_gives_way_to_what_was_stored() -> None:
    ious = [0.97, 0.97, *[0.5] * 10, *[0.99] * AGREED_FRAMES]
    for corrected, seam in ((0.97, 2), (0.1, 13)):
        track = Seam(corrected, start=0)
        for frame, iou in enumerate(ious, start=1):
            track.add(frame, iou, 0.6 if iou == 0.5 else 0.8, 0.8)
        assert track.joined == seam


def test_a_track_that_strays_a_little_is_not_preferred_as_one_that_has_left() -> None:
    """A hand beside the object, and the object beside one that looks alike: the new masks are
    doubted a little more, on as many frames.
    """
    for agreed, seam in ((0.85, 0), (0.1, 20)):
        track = Seam(corrected=0.8, start=0)
        added(track, [agreed] * 20, new=0.75, stored=0.83)
        assert track.joined == seam


def test_masks_agree_whose_outlines_are_near_each_other() -> None:
    square = np.pad(np.ones((100, 100), dtype=bool), 20)
    outline = np.pad(np.ones((96, 96), dtype=bool), 22)
    hand = square.copy()
    hand[5:20, 40:120] = True
    whole, smaller, larger = (MaskCrop.of(mask) for mask in (square, outline, hand))
    assert crop_iou(whole, smaller) < 0.93
    assert agreement(whole, smaller) == agreement(smaller, whole) == 1.0
    assert agreement(whole, larger) == pytest.approx(crop_iou(whole, larger), abs=0.03)
    # A pixel of outline is no difference where the object is small.
    small = MaskCrop.of(square[20:28, 20:28])
    shaved = MaskCrop.of(square[20:27, 20:27])
    assert crop_iou(small, shaved) < 0.8
    assert agreement(small, shaved) > AGREED
    assert agreement(MaskCrop.empty(), MaskCrop.empty()) == 1.0
    assert agreement(whole, MaskCrop.empty()) == 0.0


SQUARE = Mask(np.pad(np.ones((10, 10), dtype=bool), 5))


@pytest.mark.parametrize(
    ("prompts", "refines"),
    [
        ([Points([(6, 6)], [1])], True),
        ([Points([(1, 1)], [0])], True),
        ([Points([(1, 1)], [1])], False),
        ([Points([(1, 1)], [1]), Points([(6, 6)], [0])], True),
        ([Scribble([(6, 6), (8, 8)], True)], True),
        ([Scribble([(1, 1)], False)], True),
        ([Box(1, 1, 9, 9)], False),
        ([Box(1, 1, 9, 9), Points([(6, 6)], [1])], False),
        ([SQUARE], False),
    ],
)
def test_clicks_refine_the_mask_that_was_seen(
    prompts: list[PromptValue], refines: bool
) -> None:
    assert with_stored(prompts, SQUARE) == ([SQUARE, *prompts] if refines else prompts)
    assert with_stored(prompts, None) == prompts
