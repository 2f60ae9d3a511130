"""The word head as a Stage of the training loop: crops through nano's frozen encoder to a
loss.

Enters: named images and nano's encoder, whose weights never change.  Leaves: a trained
`WordsNet`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vseg.models.nano.blocks import fold_batch_norms
from vseg.models.nano.encoder import Encoder
from vseg.models.nano.text_head.network import WordsNet
from vseg.training.normalise import normalise
from vseg.training.text_head.crops import CropSampler
from vseg.training.text_head.named_images import ANY, NamedImage
from vseg.training.text_head.targets import CellTargets, targets_of, text_head_loss

TextHeadBatch = tuple[Tensor, tuple[CellTargets, ...]]


class TextHeadStage:
    """Implements `vseg.training.loop.Stage`; only the head is trained.

    encoder: is folded and frozen here.  p_exhaustive: share of crops of wholly marked images.
    """

    def __init__(
        self,
        encoder: Encoder,
        images: Sequence[NamedImage],
        words: Sequence[str],
        *,
        batch: int,
        side: int,
        p_exhaustive: float,
    ) -> None:
        self.network: nn.Module = WordsNet(len(words))
        encoder.eval().requires_grad_(False)
        fold_batch_norms(encoder)
        self._encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._crops = CropSampler(images, words, side)
        self._any_word = list(words).index(ANY)
        self._batch = batch
        self._p_exhaustive = p_exhaustive

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """One group: all weights of the head."""
        return [{"params": list(self.network.parameters()), "lr": rate}]

    def batch(self, rng: np.random.Generator, progress: float) -> TextHeadBatch:
        """Images (B, 3, S, S) as uint8, and the targets of their cells."""
        crops = [self._crops.draw(rng, self._p_exhaustive) for _ in range(self._batch)]
        images = np.stack([crop.image for crop in crops])
        return torch.from_numpy(images).permute(0, 3, 1, 2), targets_of(crops, self._any_word)

    def loss(
        self, batch: TextHeadBatch, device: torch.device
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch and its parts."""
        images, targets = batch
        encoder = self._encoder.to(device)
        with torch.no_grad():
            _, f8, f16 = encoder(normalise(images.to(device)))
        return text_head_loss(self.network(f8, f16), [_on(device, cells) for cells in targets])


def _on(device: torch.device, cells: CellTargets) -> CellTargets:
    return CellTargets(
        cells.words.to(device),
        cells.known.to(device),
        cells.boxes.to(device),
        cells.answers.to(device),
    )
