"""OmDet-Turbo: phrases are encoded apart from the image, and once.

Enters: an image and phrases.  Leaves: Proposals: the box of every query, and its probability
of each phrase.  Paper: Zhao et al. 2024 (arXiv 2403.06892).  Besides the phrases the network
reads a task that lists them, as the library writes it: "Detect a dog, the red car."  They are
listed in alphabetical order, so that the order in which they are asked for decides nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from vseg.grounding.clip_tokens import ShortTexts
from vseg.grounding.omdet_swin import has_timm_encoder, without_timm
from vseg.grounding.pretrained import (
    Placement,
    Pretrained,
    read_image_processor,
    read_pretrained,
    read_tokenizer,
)
from vseg.grounding.proposals import DetectionRules, Proposals, corners

CLASSES = {"omdet-turbo": "OmDetTurboForObjectDetection"}


class OmDet:
    """A Detector over a loaded OmDet-Turbo."""

    # Both are the defaults of the library's post-processing: 0.3, and boxes of one phrase
    # whose IoU is above 0.5 are one object.
    rules = DetectionRules(threshold=0.3, overlap=0.5)

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

    def encode(self, phrases: tuple[str, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """The features of the phrases and of their task, and which of the latter are not
        padding.
        """
        phrase = self._texts.tokens(phrases, self._device)
        task = self._texts.cut(f"Detect {', '.join(sorted(phrases))}.", self._device)
        backbone = self._net.language_backbone
        features = backbone(phrase["input_ids"], encode_type="class")
        listed, inside = backbone(task["input_ids"], task["attention_mask"], "task")
        return features[:, None], listed, inside

    def propose(
        self, image: UInt8[np.ndarray, "H W 3"], words: tuple[Tensor, Tensor, Tensor]
    ) -> Iterator[Proposals]:
        """All phrases in one batch."""
        made = self._images(image, input_data_format="channels_last", return_tensors="pt")
        pixels = made["pixel_values"].to(self._device, self._dtype)
        maps = self._net.encoder(self._net.vision_backbone(pixels), return_dict=True)
        output = self._net.decoder(maps.extracted_states, *words, return_dict=True)
        h, w = image.shape[:2]
        boxes = corners(output.decoder_coords[-1][0])
        logits = output.decoder_classes[-1][0]
        yield Proposals(
            0,
            boxes.double().cpu().numpy() * np.array([w, h, w, h]),
            logits.float().sigmoid().double().cpu().numpy(),
        )


def read_omdet(folder: Path, name: str, place: Placement) -> tuple[OmDet, str]:
    """The detector saved in a folder and the hash of its weights.  Raises as
    read_pretrained.
    """
    translate = without_timm if has_timm_encoder(folder) else None
    read = read_pretrained(folder, name, CLASSES, place, translate)
    images = read_image_processor(folder, "DetrImageProcessorPil")
    return OmDet(read, read_tokenizer(folder), images), read.sha256
