"""Feature distillation: the student's stride-8 and stride-16 features learn a teacher's,
without labels.

Enters: examples, images with a teacher's features of them.  Leaves: a Stage for the training
loop.  The teacher encoded every image once per scale; the student trains on many crops of it,
mirrored and under changing colours, for the price of its own steps alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from vseg.models.nano.encoder import WIDTHS, Encoder
from vseg.training.data.augment.colour import blur, draw_jitter, jitter
from vseg.training.distill.feature_cache import Example
from vseg.training.normalise import normalise

_STRIDES = (8, 16)
# nano's memory reads stride 16, so it counts twice.  Not tuned.
_LOSS_WEIGHTS = (1.0, 2.0)
# Examples that the teacher's mean and deviation are estimated from: they are of all cells, so
# that a few hundred images settle them.
_MOMENT_EXAMPLES = 300
_P_BLUR = 0.2


class Student(nn.Module):
    """The encoder and one 1x1 head per distilled stride."""

    def __init__(self, teacher_channels: tuple[int, int]) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.heads = nn.ModuleList(
            nn.Conv2d(width, channels, 1)
            for width, channels in zip(WIDTHS[1:], teacher_channels, strict=True)
        )

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        _, *features = self.encoder(image)
        return [head(feature) for head, feature in zip(self.heads, features, strict=True)]


class DistillStage:
    """Random crops, flips and colours; cosine distance to the teacher's standardised
    features.
    """

    def __init__(
        self, student: Student, examples: Sequence[Example], batch: int, crop: int
    ) -> None:
        self.network: nn.Module = student
        self._examples = examples
        self._batch = batch
        self._crop = crop
        # Where the targets are on a GPU, images are copied there from pinned memory.
        self._pinned = examples[0].features[0].is_cuda
        sample = examples[:: max(1, len(examples) // _MOMENT_EXAMPLES)]
        self._moments = [_moments([e.features[level] for e in sample]) for level in range(2)]

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """One group: the encoder and the heads."""
        return [{"params": list(self.network.parameters()), "lr": rate}]

    def batch(
        self, rng: np.random.Generator, progress: float
    ) -> tuple[UInt8[Tensor, "B 3 S S"], list[Float[Tensor, "B _ _ _"]]]:
        views = [
            self._view(self._examples[int(rng.integers(len(self._examples)))], rng)
            for _ in range(self._batch)
        ]
        images = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image, _ in views])
        if self._pinned:
            images = images.pin_memory()
        return images, [torch.stack([targets[k] for _, targets in views]) for k in range(2)]

    def _view(
        self, example: Example, rng: np.random.Generator
    ) -> tuple[UInt8[np.ndarray, "S S 3"], list[Float[Tensor, "_ _ _"]]]:
        # Crops start on cells of stride 16, so that the targets are exact slices.
        cells = self._crop // 16
        h, w = (side // 16 for side in example.image.shape[:2])
        y = int(rng.integers(h - cells + 1))
        x = int(rng.integers(w - cells + 1))
        image = example.image[y * 16 : y * 16 + self._crop, x * 16 : x * 16 + self._crop]
        targets = [
            feature[:, y * k : (y + cells) * k, x * k : (x + cells) * k]
            for feature, k in zip(example.features, (2, 1), strict=True)
        ]
        image = jitter(image, draw_jitter(rng, 1.0))
        if rng.random() < _P_BLUR:
            image = blur(image, rng)
        if rng.random() < 0.5:
            return np.ascontiguousarray(image[:, ::-1]), [t.flip(2) for t in targets]
        return image, targets

    def loss(
        self,
        batch: tuple[UInt8[Tensor, "B 3 S S"], list[Float[Tensor, "B _ _ _"]]],
        device: torch.device,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        images, targets = batch
        outputs = self.network(normalise(images.to(device, non_blocking=True)))
        distances = []
        moments = [(mean.to(device), std.to(device)) for mean, std in self._moments]
        for output, target, (mean, std) in zip(outputs, targets, moments, strict=True):
            wanted = (target.to(device, non_blocking=True).float() - mean) / std
            distances.append(1 - F.cosine_similarity(output.float(), wanted, dim=1).mean())
        loss = torch.stack(
            [w * d for w, d in zip(_LOSS_WEIGHTS, distances, strict=True)]
        ).sum()
        parts = {f"stride{s}": d.detach() for s, d in zip(_STRIDES, distances, strict=True)}
        return loss, parts


def _moments(features: list[Tensor]) -> tuple[Float[Tensor, "C 1 1"], Float[Tensor, "C 1 1"]]:
    """Mean and deviation of every channel, summed map by map: all at once would not fit."""
    cells = sum(feature.shape[1] * feature.shape[2] for feature in features)
    mean = torch.stack([f.double().sum((1, 2)) for f in features]).sum(0) / cells
    square = torch.stack([f.double().square().sum((1, 2)) for f in features]).sum(0) / cells
    deviation = (square - mean.square()).clamp_min(0).sqrt().clamp_min(1e-4)
    return mean.float().view(-1, 1, 1), deviation.float().view(-1, 1, 1)
