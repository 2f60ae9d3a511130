"""Labels propagated by a teacher's features: every cell takes those of the most similar cells of
earlier images.

Enters: the first image with masks, then the following images.  Leaves: masks.  Source: label
propagation as in Jabri et al. 2020, "Space-Time Correspondence as a Contrastive Random Walk",
section 3.3: cosine similarity, top-k, softmax; over the first and the last images.  Nothing is
trained.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from vseg.training.distill.teachers import open_teacher

STRIDE = 16

Features = Callable[[UInt8[np.ndarray, "H W 3"]], Float32[Tensor, "C h w"]]


@dataclass(frozen=True, slots=True)
class Settings:
    """top: most similar cells that count.  recent: last images compared with, beside the first.
    temperature: of the softmax.
    """

    top: int = 8
    recent: int = 3
    temperature: float = 0.05


@dataclass(frozen=True, slots=True)
class _Reference:
    features: Float32[Tensor, "C M"]
    labels: Float32[Tensor, "L M"]


class LabelPropagation:
    """Soft labels at the features' stride, background included; the largest at full size
    wins.
    """

    def __init__(self, features: Features, settings: Settings | None = None) -> None:
        self._features = features
        self._settings = settings or Settings()
        self._first: list[_Reference] = []
        self._recent: deque[_Reference] = deque(maxlen=self._settings.recent)

    def begin(
        self, image: UInt8[np.ndarray, "H W 3"], masks: Bool[np.ndarray, "O H W"]
    ) -> None:
        """Take the first image and its masks."""
        features = self._unit(image)
        layers = np.concatenate([~masks.any(axis=0, keepdims=True), masks])
        soft = F.interpolate(
            torch.from_numpy(layers.astype(np.float32))[None], features.shape[1:], mode="area"
        )[0]
        self._first = [_Reference(features.flatten(1), soft.flatten(1))]
        self._recent.clear()

    @torch.inference_mode()
    def step(self, image: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "O H W"]:
        """The masks on the next image."""
        features = self._unit(image)
        labels = self._propagated(features.flatten(1), [*self._first, *self._recent])
        self._recent.append(_Reference(features.flatten(1), labels))
        soft = labels.view(1, -1, *features.shape[1:])
        big = F.interpolate(soft, image.shape[:2], mode="bilinear", align_corners=False)[0]
        winner = big.argmax(0)
        return np.stack([(winner == k).numpy() for k in range(1, len(labels))])

    def _propagated(
        self, features: Float32[Tensor, "C N"], references: Sequence[_Reference]
    ) -> Float32[Tensor, "L N"]:
        keys = torch.cat([reference.features for reference in references], 1)
        labels = torch.cat([reference.labels for reference in references], 1)
        best, where = (keys.T @ features).topk(min(self._settings.top, keys.shape[1]), dim=0)
        weights = torch.softmax(best / self._settings.temperature, 0)
        return (labels[:, where] * weights).sum(1)

    @torch.inference_mode()
    def _unit(self, image: UInt8[np.ndarray, "H W 3"]) -> Float32[Tensor, "C h w"]:
        return F.normalize(self._features(image), dim=0)


def open_features(teacher: str) -> Features:
    """The stride-16 features of a teacher: a file, a folder or a hub name, as `vseg distill`
    takes it.

    Raises WeightsMissing, WeightsMismatch.
    """
    network = open_teacher(teacher, torch.device("cpu"), torch.float32)

    def features(image: UInt8[np.ndarray, "H W 3"]) -> Float32[Tensor, "C h w"]:
        height, width = (round(side / STRIDE) * STRIDE for side in image.shape[:2])
        scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        _, coarse = network(torch.from_numpy(scaled).permute(2, 0, 1)[None])
        return coarse[0]

    return features
