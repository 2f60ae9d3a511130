"""SAM 3 and SAM 3 LiteText: every instance of a short noun phrase, with its mask.

Enters: an image and phrases.  Leaves: Proposals with masks: every phrase has queries of
its own, scored by the query's match times the probability that the phrase is in the image.
Papers: Carion et al. 2025 (arXiv 2511.16719); LiteText (arXiv 2602.12173) has a text encoder
of an eighth of the size, and the rest is SAM 3's.  The image is encoded once for all phrases,
and the words once for a set of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from vseg.grounding.clip_tokens import ShortTexts
from vseg.grounding.pretrained import Placement, Pretrained, read_pretrained, read_tokenizer
from vseg.grounding.proposals import DetectionRules, Proposals
from vseg.models.sam2.vision import HALF, square

# The folder as published holds the tracker of videos too; the detector is taken out of it.
CLASSES = {
    "sam3": "Sam3Model",
    "sam3_video": "Sam3Model",
    "sam3_lite_text": "Sam3LiteTextModel",
}
_TOKENS = 32
"""The library's processor pads every phrase to this; LiteText has position codes for more, and
interpolates them.
"""
_AT_ONCE = 4
"""Phrases in one batch: one costs the decoders' memory at a quarter of the image's side."""


class Sam3Text:
    """A Detector over a loaded SAM 3."""

    # 0.5 is the published predictor's; queries are matched one to one, nearly equal boxes are
    # duplicates.
    rules = DetectionRules(threshold=0.5, overlap=0.8)

    def __init__(self, read: Pretrained, tokenizer: Any) -> None:
        self._net = read.net
        self._dtype = read.dtype
        self._device = read.device
        config = read.net.config
        self._side = config.vision_config.backbone_config.image_size
        self._texts = ShortTexts(tokenizer, _TOKENS)
        self._normal = HALF.on(read.device)

    def check(self, phrase: str) -> None:
        """Raise BadPrompt for a phrase that is too long for the network."""
        self._texts.check(phrase)

    def encode(self, phrases: tuple[str, ...]) -> list[tuple[Any, Tensor]]:
        """The library's text features of the phrases, in batches, and which of them are not
        padding.
        """
        batches = [phrases[k : k + _AT_ONCE] for k in range(0, len(phrases), _AT_ONCE)]
        tokens = [self._texts.tokens(batch, self._device) for batch in batches]
        return [(self._net.get_text_features(**t), t["attention_mask"]) for t in tokens]

    def propose(
        self, image: UInt8[np.ndarray, "H W 3"], words: list[tuple[Any, Tensor]]
    ) -> Iterator[Proposals]:
        """A batch for every few phrases."""
        pixels = self._normal(square([image], self._side, self._device), self._dtype)
        vision = self._net.get_vision_features(pixels)
        h, w = image.shape[:2]
        first = 0
        for features, mask in words:
            output = self._net(
                vision_embeds=_repeated(vision, len(mask)),
                text_embeds=features,
                attention_mask=mask,
            )
            yield Proposals(
                first,
                output.pred_boxes.flatten(0, 1).double().cpu().numpy()
                * np.array([w, h, w, h]),
                _own(
                    output.pred_logits.float().sigmoid()
                    * output.presence_logits.float().sigmoid()
                ),
                output.pred_masks.flatten(0, 1).sigmoid(),
            )
            first += len(mask)


def read_sam3(folder: Path, name: str, place: Placement) -> tuple[Sam3Text, str]:
    """The detector saved in a folder and the hash of its weights.  Raises as
    read_pretrained.
    """
    read = read_pretrained(folder, name, CLASSES, place)
    return Sam3Text(read, read_tokenizer(folder)), read.sha256


def _own(scores: Float[Tensor, "P Q"]) -> np.ndarray:
    """(P * Q, P) scores: the queries of a phrase are nothing to the others."""
    phrases = scores.shape[0]
    of_all = torch.eye(phrases, device=scores.device)[:, None] * scores[..., None]
    own: np.ndarray = of_all.flatten(0, 1).double().cpu().numpy()
    return own


def _repeated(vision: Any, count: int) -> Any:
    """The features of one image, for as many phrases; no byte is copied."""
    kept = ("fpn_hidden_states", "fpn_position_encoding")
    return type(vision)(
        **{
            key: tuple(level.expand(count, -1, -1, -1) for level in vision[key])
            for key in kept
        }
    )
