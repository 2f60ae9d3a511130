"""The queue holds the risky spans of several runs, worst first, and forgets calm ones."""

from pathlib import Path

import numpy as np
import pytest

from tests.review_runs import square, steady, write_run
from vseg.analysis.review_queue import GAP_FRAMES, review
from vseg.build import open_run
from vseg.pipelines.run_edit import RunEdit
from vseg.types.edit_values import AcceptSpan

FRAMES = 60


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """One run whose object 2 is lost for good, and one in which nothing happens."""

    def lost(index: int) -> np.ndarray:
        return np.roll(steady(index), 26, axis=0) if index < 20 else square(60, 30, 3)

    both = [{1: steady(k), 2: lost(k)} for k in range(FRAMES)]
    calm = [{1: steady(k)} for k in range(FRAMES)]
    return [
        write_run(tmp_path / "calm", calm),
        write_run(tmp_path / "lost", both, scores={2: 0.5}, labels={2: "cup"}),
    ]


def test_the_queue_names_run_object_and_frames(runs: list[Path]) -> None:
    queue = review([open_run(run) for run in runs])
    assert [(span.run, span.object_id, span.label) for span in queue.spans] == [
        (runs[1], 2, "cup")
    ]
    (span,) = queue.spans
    assert 20 <= span.first <= 21
    assert span.end == FRAMES
    assert span.first <= span.worst_frame < span.end
    assert 0 < span.wrong <= span.end - span.first
    assert queue.masks == 3 * FRAMES
    assert span.reasons
    assert span.box == (60, 30, 63, 33)


def test_what_is_accepted_is_not_asked_for_again(runs: list[Path]) -> None:
    with RunEdit(runs[1]) as edit:
        edit.apply(AcceptSpan(2, 0, FRAMES))
    assert review([open_run(run) for run in runs]).spans == ()


def test_only_the_worst_are_kept_and_all_are_counted(runs: list[Path]) -> None:
    every = review([open_run(run) for run in runs], least=0.0)
    assert every.found == 3
    assert [span.risk for span in every.spans] == sorted(
        (span.risk for span in every.spans), reverse=True
    )
    one = review([open_run(run) for run in runs], least=0.0, top=1)
    assert one.spans == every.spans[:1]
    assert one.found == 3


def test_an_object_that_was_corrected_comes_after_one_that_was_not(tmp_path: Path) -> None:
    """Both are lost; the one that is a little worse had its turn."""
    lost = [{1: square(60, 4, 3), 2: square(60, 30, 3)} for _ in range(FRAMES - 10)]
    both = [{1: steady(k), 2: np.roll(steady(k), 26, axis=0)} for k in range(10)]
    run = write_run(tmp_path / "run", both + lost, scores={1: 0.4, 2: 0.5})

    def order() -> list[tuple[int, int]]:
        spans = review([open_run(run)]).spans
        return [(span.object_id, span.corrections) for span in spans]

    assert order() == [(1, 0), (2, 0)]
    with RunEdit(run) as edit:
        edit.absent(1, FRAMES - 5, FRAMES)
    assert order() == [(2, 0), (1, 1)]


def test_a_calm_stretch_parts_two_spans(tmp_path: Path) -> None:
    """Masks that the user accepted in between have no risk."""
    wrong = [{1: steady(k) if k < 5 else square(60, 30, 3)} for k in range(FRAMES)]
    run = write_run(tmp_path / "run", wrong, scores={1: 0.3})
    assert review([open_run(run)]).found == 1
    with RunEdit(run) as edit:
        edit.apply(AcceptSpan(1, 20, 22 + GAP_FRAMES))
    spans = review([open_run(run)], least=0.02).spans
    assert {(span.first >= 20) for span in spans} == {False, True}
    assert all(span.end <= 20 or span.first >= 22 + GAP_FRAMES for span in spans)
