"""Automatic mask generation: masks of all objects in a frame, without names.

Enters: a frame.  Leaves: a Grounding whose detections are called "object", best first.  A grid
of clicks is decoded, as in Kirillov et al. 2023, "Segment Anything", section 5, and masks that
are stable, neither tiny nor the whole frame, and no part of another are kept.  A model that
decodes in two passes gives coarse masks of all clicks, where a click reaches a whole object;
then of clicks on what is not explained yet, within parts of the frame, where small objects are
large; and decodes what is left of both again at full size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32

from vseg.grounding.point_grid import FrameCrop, corners, grid
from vseg.interfaces.promptable_model import EncodeCoarse, PromptableModel
from vseg.ops.few_batches import few_batches
from vseg.ops.masks import drop_contained, mask_nms, without_specks
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.session.prompt_rounds import coarse_masks
from vseg.tensors import PRESENT, Decoded, Features
from vseg.types import Detections, Frame, Grounding, MaskCrop, Points

NAME = "object"
_BATCH = 64
"""Clicks decoded together: enough to fill a processor, and few enough for its memory."""


@dataclass(frozen=True, slots=True)
class AutomaticMaskRules:
    """Which masks are objects; the numbers were chosen on clips that nothing was trained or
    measured on.

    grid, dense: clicks along the shorter side of the frame, of the whole frame and of its
    parts; part: the share of the frame's sides that a part has.  score: least quality x
    stability (of 8 synthetic scenes as many bodies are found from 0.5 as from 0.45, by 75
    masks instead of 83).  margin: of the logits; stability is the IoU of the masks that are
    cut that much higher and lower.  smallest, largest: share of the frame.  finely: how many
    coarse masks are decoded again, of those that reach `coarse`.  overlap: IoU above which two
    masks are of one object.  inside, trust: when one is part of another, see
    `vseg.ops.masks.drop_contained`.  speck: smaller pieces and holes, as a share of the
    largest piece, are dropped and filled.  most: objects in a frame.
    """

    grid: int = 12
    dense: int = 16
    part: float = 0.6
    score: float = 0.5
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
class _Proposals:
    """Masks by clicks: logits that cover the frame, quality x stability, and the clicks."""

    logits: Float32[np.ndarray, "N h w"]
    scores: Float32[np.ndarray, " N"]
    clicks: Float32[np.ndarray, "N 2"]

    @property
    def masks(self) -> Bool[np.ndarray, "N h w"]:
        return np.asarray(self.logits > 0, dtype=bool)

    def __getitem__(self, rows: np.ndarray) -> "_Proposals":
        return _Proposals(self.logits[rows], self.scores[rows], self.clicks[rows])


class AutomaticMaskGenerator:
    """Proposals of a frame by a model of either kind; has no state of any video."""

    def __init__(
        self, model: PromptableModel, rules: AutomaticMaskRules | None = None
    ) -> None:
        self._predictor = ImagePredictor(model)
        self._rules = rules or AutomaticMaskRules()

    @torch.inference_mode()
    def propose(self, frame: Frame, features: Features | None = None) -> Grounding:
        """The objects of the frame, best first, with masks at its size; scores are quality x
        stability.

        features: of the frame by the same model, if it was encoded already.
        """
        rules = self._rules
        if features is None:
            image = self._predictor.encode(frame)
        else:
            image = EncodedImage(frame, features)
        encode_coarse = self._predictor.model.encode_coarse
        if encode_coarse is None:
            proposals = self._hypotheses(image)
        else:
            proposals = self._refined(image, self._coarse(image, encode_coarse))
        best = float(proposals.scores.max(initial=0.0))
        proposals = proposals[proposals.scores >= rules.score]
        count = len(proposals.scores)
        proposals = proposals[
            mask_nms(proposals.masks, proposals.scores, rules.overlap, count)
        ]
        proposals = proposals[
            drop_contained(proposals.masks, proposals.scores, rules.inside, rules.trust)
        ]
        return self._grounding(proposals, frame, best)

    def _hypotheses(self, image: EncodedImage) -> _Proposals:
        """All masks that a model of the SAM 2 family proposes for every click."""
        clicks = grid(image.frame, self._rules.grid)
        parts = []
        for start in range(0, len(clicks), _BATCH):
            some = clicks[start : start + _BATCH]
            decoded = self._predictor.decode(image, _prompts(some))
            parts.append(self._scored(*_every_hypothesis(decoded, some)))
        return _joined(parts)

    def _refined(self, image: EncodedImage, coarse: _Proposals) -> _Proposals:
        """Distinct coarse masks, decoded again as priors; of a mask's two scores the better
        one counts.
        """
        rules = self._rules
        model = self._predictor.model
        coarse = coarse[coarse.scores >= rules.coarse]
        coarse = coarse[mask_nms(coarse.masks, coarse.scores, rules.overlap, rules.finely)]
        parts = []
        for some in few_batches(range(len(coarse.scores)), _BATCH):
            clicks = coarse.clicks[some]
            priors = torch.from_numpy(coarse.logits[some]).to(model.device, model.dtype)
            decoded = self._predictor.refine(image, _prompts(clicks), priors)
            parts.append(self._scored(decoded, clicks))
        fine = _joined(parts)
        return replace(fine, scores=np.maximum(fine.scores, coarse.scores) * (fine.scores > 0))

    def _coarse(self, image: EncodedImage, encode_coarse: EncodeCoarse) -> _Proposals:
        """Coarse masks of the whole frame, then of its parts where the first explain
        nothing.
        """
        rules = self._rules
        height, width = image.features.video_hw
        map_hw = image.features.map_hw
        whole = FrameCrop(0, 0, width, height)
        first = self._coarse_in(image, encode_coarse, whole, grid(image.frame, rules.grid))
        explained = np.asarray(first.masks[first.scores >= rules.score].any(axis=0))
        dense = grid(image.frame, rules.dense)
        column, row = (dense * [map_hw[1] / width, map_hw[0] / height]).astype(int).T
        dense = dense[~explained[row, column]]
        windows = corners(width, height, rules.part)
        nearest = np.argmin([window.distance(dense) for window in windows], axis=0)
        closer = [
            self._coarse_in(image, encode_coarse, window, dense[nearest == place])
            for place, window in enumerate(windows)
        ]
        return _joined([first, *closer])

    def _coarse_in(
        self,
        image: EncodedImage,
        encode_coarse: EncodeCoarse,
        window: FrameCrop,
        clicks: Float32[np.ndarray, "N 2"],
    ) -> _Proposals:
        """The masks of clicks where the model is shown the window alone; nothing of what its
        inner edges cut.
        """
        if not len(clicks):
            return _joined(())
        coarse = encode_coarse(window.of(image.frame))
        parts = []
        for numbers in few_batches(range(len(clicks)), _BATCH):
            some = clicks[numbers]
            inside = some - np.array([window.x, window.y], np.float32)
            decoded = coarse_masks(self._predictor.model, coarse, _prompts(inside))
            logits, whole = window.placed(
                decoded.logits.float(), image.frame, image.features.map_hw
            )
            presence = decoded.presence * whole
            decoded = replace(decoded, logits=logits, presence=presence)
            parts.append(self._scored(decoded, some))
        return _joined(parts)

    def _scored(self, decoded: Decoded, clicks: Float32[np.ndarray, "N 2"]) -> _Proposals:
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
        return _Proposals(logits.cpu().numpy(), scores.cpu().numpy(), clicks)

    def _grounding(self, proposals: _Proposals, frame: Frame, best: float) -> Grounding:
        height, width = frame.hw
        crops = []
        scores = []
        for logits, score in zip(proposals.logits, proposals.scores, strict=True):
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


def _every_hypothesis(
    decoded: Decoded, clicks: Float32[np.ndarray, "N 2"]
) -> tuple[Decoded, Float32[np.ndarray, "M 2"]]:
    """Every hypothesis of every object as a row of its own, and the click of each."""
    of = decoded.alternatives
    if of is None:
        return decoded, clicks
    count = of.quality.shape[1]
    rows = Decoded(
        of.logits.flatten(0, 1),
        of.quality.flatten(),
        decoded.presence.repeat_interleave(count),
        of.embedding.flatten(0, 1),
    )
    return rows, np.repeat(clicks, count, axis=0)


def _prompts(clicks: Float32[np.ndarray, "N 2"]) -> list[list[Points]]:
    """Each click as the prompt of an object of its own."""
    positive = np.array([True])
    return [[Points(click[None].astype(np.float32), positive)] for click in clicks]


def _joined(parts: Sequence[_Proposals]) -> _Proposals:
    parts = [part for part in parts if len(part.scores)]
    if not parts:
        return _Proposals(
            *(np.zeros(shape, np.float32) for shape in ((0, 1, 1), (0,), (0, 2)))
        )
    return _Proposals(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.clicks for part in parts]),
    )
