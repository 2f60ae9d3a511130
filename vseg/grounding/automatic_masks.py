"""Everything in a frame: masks of whatever looks like one thing, without names.

Enters: a frame.  Leaves: a Grounding whose detections are called "object", best first.  A grid
of clicks is drawn by the model, as in Kirillov et al. 2023, "Segment Anything", section 5, and
what is drawn clearly, is neither tiny nor the whole frame, and is no part of something else,
is kept.  nano draws all clicks coarsely, where a click reaches a whole object; then clicks on
what is not explained yet, within parts of the frame, where small things are large; and what is
left of both finely.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32

from vseg.grounding.point_grid import Window, corners, grid
from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.slot_model import SlotModel
from vseg.ops.masks import drop_contained, mask_nms, without_specks
from vseg.tensors import PRESENT, Decoded
from vseg.types import Detections, Frame, Grounding, MaskCrop, Points

NAME = "object"
_BATCH = 64
"""Clicks drawn together: enough to fill a processor, and few enough for its memory."""


@dataclass(frozen=True, slots=True)
class AutomaticMaskRules:
    """What counts as a thing; the numbers were chosen on clips that nothing was trained or
    measured on.

    grid, dense: clicks along the shorter side of the frame, of the first and of the closer
    look; part: the share of the frame's sides that a closer look sees.  score: least quality x
    stability.  margin: of the logits; stability is the IoU of the masks that are cut that much
    higher and lower.  smallest, largest: share of the frame.  finely: how many of nano's
    coarse masks are drawn again, those that reach `coarse`.  overlap: IoU above which two
    masks are the same thing.  inside, trust: when one is part of another, see
    `vseg.ops.masks.drop_contained`.  speck: smaller pieces and holes, as a share of the
    largest piece, are dropped and filled.  most: things in a frame.
    """

    grid: int = 12
    dense: int = 16
    part: float = 0.6
    score: float = 0.45
    margin: float = 1.0
    smallest: float = 0.0008
    largest: float = 0.6
    finely: int = 64
    coarse: float = 0.2
    overlap: float = 0.6
    inside: float = 0.85
    trust: float = 0.8
    speck: float = 0.1
    most: int = 32


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Masks that clicks gave: logits that cover the frame, quality x stability, and the
    clicks.
    """

    logits: Float32[np.ndarray, "N h w"]
    scores: Float32[np.ndarray, " N"]
    clicks: Float32[np.ndarray, "N 2"]

    @property
    def masks(self) -> Bool[np.ndarray, "N h w"]:
        return np.asarray(self.logits > 0, dtype=bool)

    def __getitem__(self, rows: np.ndarray) -> "_Drawn":
        return _Drawn(self.logits[rows], self.scores[rows], self.clicks[rows])


class AutomaticMaskGenerator:
    """Proposals of a frame by a model of either kind; has no state of any video."""

    def __init__(
        self, model: AffinityModel | SlotModel, rules: AutomaticMaskRules | None = None
    ) -> None:
        self._model, self._rules = model, rules or AutomaticMaskRules()

    @torch.inference_mode()
    def propose(self, frame: Frame) -> Grounding:
        """The things in the frame, best first, with masks at its size; scores are quality x
        stability.
        """
        rules = self._rules
        if isinstance(self._model, SlotModel):
            drawn = self._answered(self._model, frame)
        else:
            drawn = self._refined(self._model, frame)
        best = float(drawn.scores.max(initial=0.0))
        drawn = drawn[drawn.scores >= rules.score]
        drawn = drawn[mask_nms(drawn.masks, drawn.scores, rules.overlap, len(drawn.scores))]
        drawn = drawn[drop_contained(drawn.masks, drawn.scores, rules.inside, rules.trust)]
        return self._grounding(drawn, frame, best)

    def _answered(self, model: SlotModel, frame: Frame) -> _Drawn:
        """All that a model of the SAM 2 family proposes for each click."""
        features = model.encode([frame])[0]
        parts = [
            self._scored(*_proposals(model.answer(features, [click], None, None), click))
            for click in _clicks(grid(frame, self._rules.grid))
        ]
        return _joined(parts)

    def _refined(self, model: AffinityModel, frame: Frame) -> _Drawn:
        """Coarse masks that differ, or fine ones of them; a mask's score is the better
        look's.
        """
        rules = self._rules
        features = model.encode([frame])[0]
        coarse = self._sketched(model, frame, features.map_hw)
        coarse = coarse[coarse.scores >= rules.coarse]
        coarse = coarse[mask_nms(coarse.masks, coarse.scores, rules.overlap, rules.finely)]
        parts = []
        for start in range(0, len(coarse.scores), _BATCH):
            some = slice(start, start + _BATCH)
            priors = torch.from_numpy(coarse.logits[some]).to(model.device, model.dtype)
            said = [
                model.encode_prompts(features, [click], prior)
                for click, prior in zip(_clicks(coarse.clicks[some]), priors, strict=True)
            ]
            drawn = model.decode(
                features, torch.stack(said), model.warp_prior(features, None, priors)
            )
            parts.append(self._scored(drawn, coarse.clicks[some]))
        fine = _joined(parts)
        return replace(fine, scores=np.maximum(fine.scores, coarse.scores) * (fine.scores > 0))

    def _sketched(self, model: AffinityModel, frame: Frame, map_hw: tuple[int, int]) -> _Drawn:
        """Coarse masks of the whole frame, then of its parts where the first look explains
        nothing.
        """
        rules = self._rules
        height, width = frame.image.shape[:2]
        whole = Window(0, 0, width, height)
        dense = grid(frame, rules.dense)
        first = self._seen_in(model, frame, whole, grid(frame, rules.grid), map_hw)
        explained = np.asarray(first.masks[first.scores >= rules.score].any(axis=0))
        column, row = (dense * [map_hw[1] / width, map_hw[0] / height]).astype(int).T
        dense = dense[~explained[row, column]]
        windows = corners(width, height, rules.part)
        nearest = np.argmin([window.distance(dense) for window in windows], axis=0)
        closer = [
            self._seen_in(model, frame, window, dense[nearest == place], map_hw)
            for place, window in enumerate(windows)
        ]
        return _joined([first, *closer])

    def _seen_in(
        self,
        model: AffinityModel,
        frame: Frame,
        window: Window,
        clicks: Float32[np.ndarray, "N 2"],
        map_hw: tuple[int, int],
    ) -> _Drawn:
        """What clicks give where only the window is seen; nothing of what its inner edges
        cut.
        """
        part = window.of(frame)
        parts = []
        for start in range(0, len(clicks), _BATCH):
            some = clicks[start : start + _BATCH]
            inside = some - np.array([window.x, window.y], np.float32)
            objects = [[click] for click in _clicks(inside)]
            decoded = model.coarse_masks(part, objects)
            logits, whole = window.placed(decoded.logits.float(), frame, map_hw)
            presence = decoded.presence * whole
            parts.append(
                self._scored(replace(decoded, logits=logits, presence=presence), some)
            )
        return _joined(parts)

    def _scored(self, decoded: Decoded, clicks: Float32[np.ndarray, "N 2"]) -> _Drawn:
        """The masks with their scores, 0 for what is absent, tiny or fills the frame."""
        rules = self._rules
        logits = decoded.logits.float()
        surely, maybe = (
            (logits > edge).sum(dim=(1, 2)).float() for edge in (rules.margin, -rules.margin)
        )
        share = (logits > 0).float().mean(dim=(1, 2))
        counts = (share >= rules.smallest) & (share <= rules.largest)
        counts &= decoded.presence > PRESENT
        scores = decoded.quality.float() * surely / maybe.clamp_min(1) * counts
        return _Drawn(logits.cpu().numpy(), scores.cpu().numpy(), clicks)

    def _grounding(self, drawn: _Drawn, frame: Frame, best: float) -> Grounding:
        height, width = frame.image.shape[:2]
        crops = []
        scores = []
        for logits, score in zip(drawn.logits, drawn.scores, strict=True):
            big = cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)
            crops.append(MaskCrop.of(without_specks(big > 0, self._rules.speck)))
            scores.append(float(score))
        crops = crops[: self._rules.most]
        scores = scores[: self._rules.most]
        corners = [c.xyxy for c in crops]
        found = Detections(
            np.array(corners, dtype=np.float64).reshape(-1, 4),
            np.array(scores, dtype=np.float64),
            np.zeros(len(crops), dtype=np.int64),
            tuple(crops),
        )
        return Grounding(found, np.array([best]), (NAME,) * len(crops))


def _proposals(decoded: Decoded, click: Points) -> tuple[Decoded, np.ndarray]:
    """Every hypothesis of one object as a row of its own, and the click for each."""
    of = decoded.alternatives
    if of is None:
        return decoded, click.xy
    count = of.quality.shape[1]
    rows = Decoded(
        of.logits[0], of.quality[0], decoded.presence.expand(count), of.embedding[0]
    )
    return rows, np.repeat(click.xy, count, axis=0)


def _clicks(places: Float32[np.ndarray, "N 2"]) -> list[Points]:
    return [Points(place[None].astype(np.float32), np.array([True])) for place in places]


def _joined(parts: Sequence[_Drawn]) -> _Drawn:
    parts = [part for part in parts if len(part.scores)]
    if not parts:
        return _Drawn(*(np.zeros(shape, np.float32) for shape in ((0, 1, 1), (0,), (0, 2))))
    return _Drawn(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.clicks for part in parts]),
    )
