"""The fit of risk on made-up evidence whose weights are known."""

import numpy as np
import pytest
from scipy.special import expit

from benchmarks.risk_fit import auc, combined, fit_agreement, fit_evidence, found_in_tenth


def drawn(seed: int = 0, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of which the first two kinds count, and what is wrong by it."""
    rng = np.random.default_rng(seed)
    evidence = rng.random((count, 3))
    chance = expit(-3 + 4 * evidence[:, 0] + 2 * evidence[:, 1])
    return evidence, rng.random(count) < chance


def test_weights_are_found_again_and_chance_gets_none() -> None:
    evidence, wrong = drawn()
    weights = fit_evidence(evidence, wrong, np.ones(len(wrong)))
    assert weights[:3] == pytest.approx([-3, 4, 2], abs=0.4)
    assert 0 <= weights[3] < 0.15


def test_evidence_against_never_speaks_for_a_mask() -> None:
    evidence, wrong = drawn()
    weights = fit_evidence(np.c_[evidence, 1 - evidence[:, 0]], wrong, np.ones(len(wrong)))
    assert (weights[1:] >= 0).all()


def test_agreement_is_weighed_beside_the_evidence() -> None:
    evidence, _ = drawn()
    rng = np.random.default_rng(1)
    agreement = np.where(rng.random(len(evidence)) < 0.5, rng.random(len(evidence)), np.nan)
    weights = np.array([-1.0, 0.5, 0.5, 0.0])
    risk = combined(weights, np.array([3.0, 1.0]), evidence, agreement)
    wrong = rng.random(len(evidence)) < risk
    assert fit_agreement(weights, evidence, agreement, wrong) == pytest.approx([3, 1], abs=0.3)


def test_an_order_is_judged_by_its_first_tenth() -> None:
    wrong = np.arange(100) >= 90
    assert found_in_tenth(np.arange(100.0), wrong) == 1
    assert found_in_tenth(-np.arange(100.0), wrong) == 0
    assert auc(np.arange(100.0), wrong) == 1
    assert auc(np.zeros(100), wrong) == pytest.approx(0.5)
