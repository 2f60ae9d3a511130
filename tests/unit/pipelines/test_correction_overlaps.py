"""After a correction no pixel is in the mask of a corrected object and in another one's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vseg
from tests.review_runs import square, write_run
from vseg.pipelines.correction_overlaps import CorrectionOverlaps
from vseg.results.draft import RevisionDraft
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.spans import SpanState
from vseg.results.stored_rows import StoredRows
from vseg.types import Box, Mask, Prompt, PromptValue, Timecode

SMALL = square(10, 6)
LARGE = square(16, 4, 20)
FAR = square(60, 30)
SHARED = SMALL & LARGE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """On frame 0 all are apart; on later ones 1 and 2 share pixels."""
    apart = {1: SMALL & ~SHARED, 2: LARGE, 3: FAR}
    return write_run(tmp_path / "run", [apart, *[{1: SMALL, 2: LARGE, 3: FAR}] * 5])


def settled(path: Path, draft: RevisionDraft) -> dict[tuple[int, int], np.ndarray]:
    """Masks by object and frame when 1 was tracked again on frames 2 and 3, 2 on frame 4."""
    CorrectionOverlaps(draft).settle({1: [(2, 4)], 2: [(4, 5)]})
    draft.commit(["--test"])
    return {(i, m.frame_index): m[i] for m in vseg.open_run(path) for i in m}


def test_the_smaller_mask_keeps_what_two_share(path: Path) -> None:
    draft = RevisionDraft(path)
    masks = settled(path, draft)
    for frame in range(6):
        mine = SMALL if frame else SMALL & ~SHARED
        np.testing.assert_array_equal(masks[1, frame], mine)
        theirs = LARGE & ~SHARED if frame in (2, 3, 4) else LARGE
        np.testing.assert_array_equal(masks[2, frame], theirs, str(frame))
    assert draft.changed == {2: ((2, 5),)}


def test_what_was_accepted_stays(path: Path) -> None:
    draft = RevisionDraft(path)
    spans = draft.content.spans
    spans[2] = spans[2].marked(3, 5, SpanState.ACCEPTED)
    masks = settled(path, draft)
    for frame, loses in ((2, 2), (3, 1), (4, 1)):
        assert not (masks[1, frame] & masks[2, frame]).any()
        np.testing.assert_array_equal(masks[3 - loses, frame], (LARGE, SMALL)[loses - 1])


def test_what_is_left_of_a_new_mask(path: Path) -> None:
    draft = RevisionDraft(path)
    stored = StoredRows(draft)
    record = stored.record(3)
    assert record is not None
    row = next(row for row in record.rows if row.object_id == 2)
    for left_out, mask in ((set(), LARGE & ~SHARED), ({1}, LARGE)):
        left = CorrectionOverlaps(draft, left_out).left_of(row, record)
        np.testing.assert_array_equal(stored.unpack(left).paste(*LARGE.shape), mask)


@pytest.mark.parametrize("given", [True, False])
def test_only_given_masks_of_two_prompted_objects_share_pixels(
    tmp_path: Path, given: bool
) -> None:
    path = write_run(tmp_path / "run", [{1: SMALL, 2: LARGE, 3: FAR}] * 6)
    draft = RevisionDraft(path)

    def prompted(record: FrameRecord) -> list[MaskRow]:
        return [replace(row, source="prompt") for row in record.rows]

    draft.rewrite(2, 3, prompted)
    values: list[PromptValue] = [Box(10, 6, 20, 20), Box(16, 4, 36, 24)]
    if given:
        values = [Mask(SMALL), Mask(LARGE)]
    draft.content.prompts = [
        Prompt(obj, Timecode(frame=2), value) for obj, value in enumerate(values, 1)
    ]
    masks = settled(path, draft)
    assert (masks[1, 2] & masks[2, 2]).any() == given
    np.testing.assert_array_equal(masks[1, 2], SMALL)


def test_a_part_that_was_given_with_its_whole_stays_a_part(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [{1: SMALL, 2: SMALL | LARGE}] * 6)
    draft = RevisionDraft(path)
    settled(path, draft)
    assert draft.changed == {}
