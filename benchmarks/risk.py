"""How well risk predicts wrong masks, and the fit of its weights.

    python benchmarks/risk.py --davis DAVIS DAVIS-2017
    python benchmarks/risk.py --fit pack-256.zip --scenes 14

A mask is wrong where its IoU with the truth is below one half.  Clips are tracked with nano.
The table says which share of the wrong masks of each kind of clip is among the riskiest tenth
of all its masks, `risk`; the share that the best order could reach, `most`; and the share that
the predicted quality alone finds, `score`.  `expected` is the mean risk, which is to be
`wrong`.  DAVIS folders are measured with the weights of vseg/analysis/risk_model.py.

With --fit, the training clips of a dataset zip at several rates and sizes, with pasted
objects, and synthetic scenes are measured with weights that are fitted on the other half of
the clips; then the weights fitted on all of them are printed as they stand in
vseg/analysis/risk_model.py.

Not counted are masks of prompted frames, of objects of which less than a tenth of the prompted
area is in the image, and objects whose mask on the prompted frame was wrong: the user sees it.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

from benchmarks.risk_clips import TrueClip, davis_clips, pasted_clips, scenes, zipped_clips
from benchmarks.risk_fit import auc, combined, fit_agreement, fit_evidence, found_in_tenth
from benchmarks.shared import Table, prompt_object, run
from vseg import Session, load_model
from vseg.analysis.risk_evidence import EVIDENCE, EvidenceObserver
from vseg.analysis.risk_model import AGREEMENT, DISAGREEMENT, INTERCEPT, WEIGHTS
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.ops.masks import mask_iou
from vseg.types import Frame

WRONG = 0.5
VISIBLE_SHARE = 0.1
PROMPTS = ("mask", "click", "box")
_ALL = "ALL FITTED"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: shares in percent."""

    clips: str
    masks: int
    wrong: float
    expected: float
    most: float
    score: float
    risk: float
    auc_score: float
    auc_risk: float


@dataclass(frozen=True, slots=True)
class Sample:
    """The masks of one object of one clip.  agreement: IoU with the backward track, NaN where
    there is none.
    """

    name: str
    kind: str
    evidence: Float64[np.ndarray, "T K"]
    agreement: Float64[np.ndarray, " T"]
    wrong: Bool[np.ndarray, " T"]


def main() -> None:
    options = _options()
    table = Table(Row)
    if options.fit:
        samples = list(_sampled(_fit_clips(options)))
        _show_fit(samples, table)
    for root in options.davis:
        test = list(_sampled((clip, 384) for clip in davis_clips(root, root.name)))
        weights = np.array([INTERCEPT, *WEIGHTS.vector()])
        pair = np.array([DISAGREEMENT, AGREEMENT])
        table.add(_row(root.name, [(test, _risk(test, weights, pair))]))
    table.write(options.json)


def _show_fit(samples: Sequence[Sample], table: Table) -> None:
    """Rows by weights of the other half of the clips; then the weights by all of them."""
    halves: tuple[list[Sample], list[Sample]] = ([], [])
    order = sorted({sample.name for sample in samples})
    for sample in samples:
        halves[order.index(sample.name) % 2].append(sample)
    scored = [
        (half, _risk(half, *_fitted(other)))
        for half, other in zip(halves, halves[::-1], strict=True)
    ]
    for kind in (*dict.fromkeys(sample.kind for sample in samples), _ALL):
        table.add(_row(kind, scored))
    weights, pair = _fitted(samples)
    print(f"INTERCEPT = {weights[0]:.2f}")
    for name, weight in zip(EVIDENCE, weights[1:].tolist(), strict=True):
        print(f"{name}={weight:.2f},")
    print(f"DISAGREEMENT = {pair[0]:.2f}\nAGREEMENT = {pair[1]:.2f}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--fit", type=Path, help="a dataset zip with video/<clip>/<frame>")
    parser.add_argument("--davis", type=Path, nargs="*", default=[], help="DAVIS folders")
    parser.add_argument("--scenes", type=int, default=14, help="with --fit")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


def _fit_clips(options: argparse.Namespace) -> Iterator[tuple[TrueClip, int]]:
    """The clips to fit with, and the short side at which nano tracks them: small ones, which
    are quick and fail often enough.
    """
    pack = options.fit
    sources = (
        (zipped_clips(pack, "every frame", 1), 128),
        (zipped_clips(pack, "every second", 2), 192),
        (zipped_clips(pack, "every fourth", 4), 128),
        (pasted_clips(pack, "pasted", 2, 4), 192),
        (pasted_clips(pack, "pasted", 2, 13), 192),
        (pasted_clips(pack, "mirrored", 2, 0), 192),
        (scenes(options.scenes, "scenes"), 384),
    )
    return chain.from_iterable(((clip, side) for clip in clips) for clips, side in sources)


def _sampled(clips: Iterator[tuple[TrueClip, int]]) -> Iterator[Sample]:
    """Every clip tracked; one in three backward as well."""
    models: dict[int, Model] = {}
    for number, (clip, side) in enumerate(clips):
        if side not in models:
            models = {side: load_model("nano", short_side=side)}
        yield from _tracked(models[side], clip, PROMPTS[number % 3], both=number % 3 == 0)


def _tracked(model: Model, clip: TrueClip, prompt: str, *, both: bool) -> Iterator[Sample]:
    ids = clip.ids
    if not ids:
        return
    forward = list(_masks(model, clip, ids, prompt, reverse=False))
    backward = list(_masks(model, clip, ids, "mask", reverse=True)) if both else []
    observer = EvidenceObserver()
    evidence = [observer.step(masks, masks.events) for masks in forward]
    for obj in ids:
        truths = [truth == obj for truth in clip.truths]
        areas = np.array([np.count_nonzero(truth) for truth in truths])
        iou = np.array(
            [mask_iou(m[obj], truth) for m, truth in zip(forward, truths, strict=True)]
        )
        counted = (areas == 0) | (areas >= VISIBLE_SHARE * areas[0])
        counted[0] = False
        if iou[0] < WRONG or not counted.any():
            continue
        agreement = np.full(len(iou), np.nan)
        if backward and obj in backward[0]:
            pairs = zip(forward, backward[::-1], strict=True)
            agreement = np.array([mask_iou(one[obj], other[obj]) for one, other in pairs])
        vectors = np.stack([found[obj].vector() for found in evidence])
        wrong = iou < WRONG
        yield Sample(
            clip.name, clip.kind, vectors[counted], agreement[counted], wrong[counted]
        )


def _masks(
    model: Model, clip: TrueClip, ids: Sequence[int], prompt: str, *, reverse: bool
) -> Iterator[FrameMasks]:
    """The clip tracked from its first frame on, or from its last backward."""
    frames: Sequence[Frame] = clip.frames[::-1] if reverse else clip.frames
    truth = clip.truths[-1 if reverse else 0]
    prompted = [obj for obj in ids if np.count_nonzero(truth == obj)]
    if not prompted:
        return
    with Session(model) as session:
        for obj in prompted:
            prompt_object(session, obj, truth == obj, prompt, frames[0])
        yield from session.propagate(frames=iter(frames), reverse=reverse)


def _fitted(
    samples: Sequence[Sample],
) -> tuple[Float64[np.ndarray, " K1"], Float64[np.ndarray, " 2"]]:
    """Intercept and weights of the evidence; weights of disagreement and agreement."""
    evidence = np.concatenate([sample.evidence for sample in samples])
    wrong = np.concatenate([sample.wrong for sample in samples])
    agreement = np.concatenate([sample.agreement for sample in samples])
    # The frames of one object are alike: a long clip counts more, but not in proportion.
    weight = np.concatenate(
        [np.full(len(sample.wrong), len(sample.wrong) ** -0.5) for sample in samples]
    )
    weights = fit_evidence(evidence, wrong, weight)
    return weights, fit_agreement(weights, evidence, agreement, wrong)


def _risk(
    samples: Sequence[Sample],
    weights: Float64[np.ndarray, " K1"],
    pair: Float64[np.ndarray, " 2"],
) -> list[Float64[np.ndarray, " T"]]:
    return [combined(weights, pair, s.evidence, s.agreement) for s in samples]


def _row(
    kind: str, scored: Sequence[tuple[Sequence[Sample], list[Float64[np.ndarray, " T"]]]]
) -> Row:
    pairs = [(s, r) for samples, risks in scored for s, r in zip(samples, risks, strict=True)]
    chosen = [(sample, risk) for sample, risk in pairs if kind in (sample.kind, _ALL)]
    wrong = np.concatenate([sample.wrong for sample, _ in chosen])
    risk = np.concatenate([risk for _, risk in chosen])
    doubt = np.concatenate([s.evidence[:, EVIDENCE.index("doubt")] for s, _ in chosen])
    return Row(
        kind,
        len(wrong),
        wrong=100 * float(wrong.mean()),
        expected=100 * float(risk.mean()),
        most=100 * found_in_tenth(wrong.astype(float), wrong),
        score=100 * found_in_tenth(doubt, wrong),
        risk=100 * found_in_tenth(risk, wrong),
        auc_score=100 * auc(doubt, wrong),
        auc_risk=100 * auc(risk, wrong),
    )


if __name__ == "__main__":
    run(main)
