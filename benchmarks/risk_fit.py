"""The fit of risk's coefficients, and how an order of masks is judged: a part of
benchmarks/risk.py.
"""

import numpy as np
from jaxtyping import Bool, Float64
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

PENALTY = 1e-3
"""Of the squared weights of standardised evidence; ten times more or less changes the shares
that are found by less than two points.
"""

Vector = Float64[np.ndarray, " N"]


def fit_evidence(
    evidence: Float64[np.ndarray, "N K"], wrong: Bool[np.ndarray, " N"], weight: Vector
) -> Float64[np.ndarray, " K1"]:
    """Intercept and weights of a logistic model.  All evidence speaks for a wrong mask, so no
    weight is below 0: what would be is chance.
    """
    spread = evidence.std(axis=0) + 1e-6
    scaled = evidence / spread
    share = weight / weight.sum()

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = values[0] + scaled @ values[1:]
        error = share * (expit(logits) - wrong)
        value = share @ (np.logaddexp(0, logits) - wrong * logits)
        value += PENALTY * float(values[1:] @ values[1:])
        return value, np.r_[error.sum(), scaled.T @ error + 2 * PENALTY * values[1:]]

    bounds = [(None, None)] + [(0, None)] * evidence.shape[1]
    best = minimize(loss, np.zeros(len(bounds)), jac=True, bounds=bounds).x
    return np.asarray(np.r_[best[0], best[1:] / spread])


def fit_agreement(
    weights: Float64[np.ndarray, " K1"],
    evidence: Float64[np.ndarray, "N K"],
    agreement: Vector,
    wrong: Bool[np.ndarray, " N"],
) -> Float64[np.ndarray, " 2"]:
    """Weights of disagreement and agreement with a backward track, beside the evidence, from
    the masks that have one.
    """
    known = ~np.isnan(agreement)
    base = _logits(weights, evidence[known])
    iou = agreement[known]

    def loss(values: np.ndarray) -> float:
        logits = base + values[0] * (1 - iou) - values[1] * iou
        return float((np.logaddexp(0, logits) - wrong[known] * logits).mean())

    return np.asarray(minimize(loss, np.zeros(2), bounds=[(0, None)] * 2).x)


def combined(
    weights: Float64[np.ndarray, " K1"],
    pair: Float64[np.ndarray, " 2"],
    evidence: Float64[np.ndarray, "N K"],
    agreement: Vector,
) -> Vector:
    """The risk of every mask; where there is no backward track, by the evidence alone."""
    beside = pair[0] * (1 - agreement) - pair[1] * agreement
    return np.asarray(expit(_logits(weights, evidence) + np.nan_to_num(beside)))


def found_in_tenth(order: Vector, wrong: Bool[np.ndarray, " N"]) -> float:
    """The share of the wrong masks among the tenth of all masks that is highest in `order`."""
    tenth = round(len(order) / 10)
    first = np.argsort(-order, kind="stable")[:tenth]
    return float(wrong[first].sum() / max(1, wrong.sum()))


def auc(order: Vector, wrong: Bool[np.ndarray, " N"]) -> float:
    """The chance that a wrong mask is higher in `order` than a right one."""
    count = int(wrong.sum())
    ranks = float(rankdata(order)[wrong].sum())
    pairs = count * (len(wrong) - count)
    return (ranks - count * (count + 1) / 2) / pairs if pairs else float("nan")


def _logits(
    weights: Float64[np.ndarray, " K1"], evidence: Float64[np.ndarray, "N K"]
) -> Vector:
    return np.asarray(weights[0] + evidence @ weights[1:])
