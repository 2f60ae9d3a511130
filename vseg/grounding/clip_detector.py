"""What detectors have in common that read phrases as CLIP does, each apart from the image.

Enters: an image, or what a network answered.  Leaves: its pixels as the library's processor
makes them ready, or Proposals.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from vseg.grounding.clip_tokens import ShortTexts
from vseg.grounding.pretrained import Pretrained
from vseg.grounding.proposals import Proposals, corners


class ClipDetector:
    """A network of the transformers library with its tokenizer and its image processor."""

    def __init__(self, read: Pretrained, tokenizer: Any, images: Any) -> None:
        self._net = read.net
        self._dtype = read.dtype
        self._device = read.device
        length = read.net.config.text_config.max_position_embeddings
        self._texts = ShortTexts(tokenizer, length)
        self._images = images

    def check(self, phrase: str) -> None:
        """Raise BadPrompt for a phrase that is too long for the network."""
        self._texts.check(phrase)

    def _pixels(self, image: UInt8[np.ndarray, "H W 3"]) -> Float[Tensor, "1 3 h w"]:
        made = self._images(image, input_data_format="channels_last", return_tensors="pt")
        pixels: Tensor = made["pixel_values"].to(self._device, self._dtype)
        return pixels


def proposals_of(
    boxes: Float[Tensor, "Q 4"], logits: Float[Tensor, "Q P"], wh: tuple[int, int]
) -> Proposals:
    """All phrases in one batch.  boxes: centre and size, as shares of `wh` in pixels."""
    w, h = wh
    return Proposals(
        0,
        corners(boxes).double().cpu().numpy() * np.array([w, h, w, h]),
        logits.float().sigmoid().double().cpu().numpy(),
    )
