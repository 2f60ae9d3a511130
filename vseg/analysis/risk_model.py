"""From evidence to risk: a logistic model, and which evidence speaks loudest.

Enters: Evidence, and the IoU of forward and backward tracks where both exist.  Leaves: the
probability that a mask's IoU with the truth is below one half, and words for the user.
"""

import math

from vseg.analysis.risk_evidence import EVIDENCE, Evidence

# Fitted by `python benchmarks/risk.py --fit pack-256.zip --scenes 14` on 30 training clips at
# three rates, with pasted objects, and on synthetic scenes, all tracked with nano.
# docs/review.md says how well it orders the masks of other clips.
INTERCEPT = -7.85
WEIGHTS = Evidence(
    doubt=2.01,
    mean_doubt=4.30,
    absent_doubt=0.00,
    absent_touched=5.20,
    absent_abrupt=9.01,
    pieces=3.58,
    near=0.70,
    touching=1.89,
    touched=0.58,
    resized=0.88,
    jump=0.27,
    smaller=1.41,
    larger=0.76,
    reshaped=2.63,
    small=1.35,
    age=0.30,
    cut=0.82,
    reassigned=0.00,
)
DISAGREEMENT = 2.74
AGREEMENT = 3.19

_DISTANCE = "far from an anchor"
_WORDS = {
    "low quality": ("doubt", "mean_doubt", "small"),
    "absent": ("absent_doubt",),
    "vanished at once": ("absent_abrupt",),
    "vanished beside another object": ("absent_touched",),
    "in pieces": ("pieces",),
    "beside another object": ("near", "touching", "touched"),
    "jumps": ("resized", "jump"),
    "smaller than at the anchor": ("smaller",),
    "larger than at the anchor": ("larger",),
    "other shape than at the anchor": ("reshaped",),
    _DISTANCE: ("age",),
    "after a cut": ("cut",),
    "joined from two tracks": ("reassigned",),
}
_BACKWARD = "forward and backward tracks differ"
_LEAST_SHARE = 0.15
"""A reason makes up at least this share of all that speaks against a mask.  A round value."""


def risk_of(evidence: Evidence, agreement: float | None) -> float:
    """The risk in [0, 1].  agreement: IoU with the backward track, None if there is none."""
    logit = INTERCEPT + float(WEIGHTS.vector() @ evidence.vector())
    if agreement is not None:
        logit += DISAGREEMENT * (1 - agreement) - AGREEMENT * agreement
    return 1 / (1 + math.exp(-logit))


def reasons_of(evidence: Evidence, agreement: float | None, most: int = 2) -> tuple[str, ...]:
    """What speaks against the mask, loudest first; at most `most` reasons."""
    parts = dict(zip(EVIDENCE, (WEIGHTS.vector() * evidence.vector()).tolist(), strict=True))
    loud = {words: sum(parts[name] for name in names) for words, names in _WORDS.items()}
    if agreement is not None:
        loud[_BACKWARD] = DISAGREEMENT * (1 - agreement)
    least = _LEAST_SHARE * max(sum(loud.values()), 1e-9)
    # Distance speaks against every mask a little: it is named where nothing else is.
    distance = loud.pop(_DISTANCE)
    ranked = sorted(loud, key=lambda words: -loud[words])
    chosen = tuple(words for words in ranked[:most] if loud[words] > least)
    return chosen or ((_DISTANCE,) if distance > 0 else ())
