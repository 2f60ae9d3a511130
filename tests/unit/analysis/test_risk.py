"""What is wrong is risky, what the user decided is not, and nothing depends on the shards."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.review_runs import square, steady, write_run
from vseg.analysis.risk import MaskRisk, risks
from vseg.analysis.risk_evidence import EVIDENCE, Evidence
from vseg.analysis.risk_model import WEIGHTS, reasons_of, risk_of
from vseg.build import open_run
from vseg.pipelines.run_edit import RunEdit
from vseg.results.agreement import update_agreement
from vseg.results.spans import SpanState
from vseg.types.edit_values import AcceptSpan, MarkAbsent

FRAMES = 30
WRONG_FROM = 15


def risks_of(path: Path, obj: int) -> list[MaskRisk]:
    return [
        mask
        for frame in risks(open_run(path))
        for mask in frame.objects
        if mask.object_id == obj
    ]


def jumps(index: int) -> np.ndarray:
    return steady(index) if index < WRONG_FROM else square(50, 20, 20)


def shrinks(index: int) -> np.ndarray:
    return steady(index) if index < WRONG_FROM else square(4 + index // 2, 6, 4)


def falls_apart(index: int) -> np.ndarray:
    torn = steady(index).copy()
    torn[:, 4 + index // 2 + 3 : 4 + index // 2 + 9] = False
    return steady(index) if index < WRONG_FROM else torn


def vanishes(index: int) -> np.ndarray:
    return steady(index) if index < WRONG_FROM else square(0, 0, 0)


@pytest.mark.parametrize("fault", [jumps, shrinks, falls_apart, vanishes])
def test_a_fault_is_riskier_than_what_was_before(
    fault: Callable[[int], np.ndarray], tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", [{1: fault(k)} for k in range(FRAMES)], scores={1: 0.8})
    risk = [mask.risk for mask in risks_of(run, 1)]
    assert max(risk[1:WRONG_FROM]) < 0.2
    assert min(risk[WRONG_FROM:]) > 2 * max(risk[1:WRONG_FROM])


def test_low_quality_is_risky(tmp_path: Path) -> None:
    frames = [{1: steady(k), 2: np.roll(steady(k), 26, axis=0)} for k in range(FRAMES)]
    run = write_run(tmp_path / "run", frames, scores={2: 0.3})
    assert risks_of(run, 2)[-1].risk > 3 * risks_of(run, 1)[-1].risk
    assert risks_of(run, 2)[-1].reasons[0] == "low quality"


def test_accepted_and_absent_spans_have_no_risk_and_begin_anew(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [{1: jumps(k)} for k in range(FRAMES)])
    before = [mask.risk for mask in risks_of(run, 1)]
    with RunEdit(run) as edit:
        edit.apply(AcceptSpan(1, WRONG_FROM, WRONG_FROM + 5))
    masks = risks_of(run, 1)
    assert [mask.risk for mask in masks[WRONG_FROM : WRONG_FROM + 5]] == [0] * 5
    assert masks[WRONG_FROM].state is SpanState.ACCEPTED
    # The accepted mask is what the ones behind it are compared with.
    assert masks[-1].risk < before[-1]
    assert [mask.risk for mask in masks[:WRONG_FROM]] == before[:WRONG_FROM]
    with RunEdit(run) as edit:
        edit.apply(MarkAbsent(1, 25, FRAMES))
    assert [mask.risk for mask in risks_of(run, 1)[25:]] == [0] * 5


def test_disagreeing_tracks_are_riskier_than_agreeing_ones(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [{1: steady(k)} for k in range(FRAMES)], scores={1: 0.7})
    alone = risks_of(run, 1)[20].risk
    update_agreement(run, {(1, frame): 0.95 for frame in range(FRAMES)}, {})
    agreeing = risks_of(run, 1)[20].risk
    update_agreement(run, {(1, frame): 0.05 for frame in range(FRAMES)}, {})
    differing = risks_of(run, 1)[20]
    assert agreeing <= alone < differing.risk
    assert "forward and backward tracks differ" in differing.reasons


def test_masks_before_the_first_anchor_are_compared_with_it(tmp_path: Path) -> None:
    """They were tracked backward from it: the farther off, the older."""
    run = write_run(tmp_path / "run", [{1: steady(k)} for k in range(FRAMES)])
    prompts = run / "prompts.jsonl"
    prompts.write_text(prompts.read_text().replace('"frame": 0', '"frame": 20'))
    assert open_run(run).spans[0].anchors == (20,)
    risk = [mask.risk for mask in risks_of(run, 1)]
    assert risk[1] > risk[10] > risk[19]


def test_evidence_only_adds_to_risk() -> None:
    plain = risk_of(Evidence(), None)
    for name in EVIDENCE:
        assert risk_of(Evidence(**{name: 1.0}), None) >= plain
    assert plain < 0.05
    assert reasons_of(Evidence(), None) == ()
    assert (WEIGHTS.vector() >= 0).all()
