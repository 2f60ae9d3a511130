"""OWLv2: a phrase is one vector, a patch of the image a box and a vector to compare with it.

Enters: an image and phrases.  Leaves: Proposals: the box of every patch and its score for
every phrase.  Paper: Minderer et al. 2023 (arXiv 2306.09683).  Phrases are read as they are
given; the image is padded to a square at its right and bottom, so that boxes are fractions of
its longer side.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from vseg.grounding.clip_tokens import ShortTexts
from vseg.grounding.pretrained import (
    Placement,
    Pretrained,
    read_image_processor,
    read_pretrained,
    read_tokenizer,
)
from vseg.grounding.proposals import DetectionRules, Proposals, corners

CLASSES = {"owlv2": "Owlv2ForObjectDetection"}


class Owl:
    """A Detector over a loaded OWLv2."""

    # 0.1 is the library's; adjacent patches may propose one object with nearly equal boxes.
    rules = DetectionRules(threshold=0.1, overlap=0.8)

    def __init__(self, read: Pretrained, tokenizer: Any, images: Any) -> None:
        self._net = read.net
        self._dtype = read.dtype
        self._device = read.device
        self._texts = ShortTexts(
            tokenizer, read.net.config.text_config.max_position_embeddings
        )
        self._images = images

    def check(self, phrase: str) -> None:
        """Raise BadPrompt for a phrase that is too long for the network."""
        self._texts.check(phrase)

    def encode(self, phrases: tuple[str, ...]) -> Float[Tensor, "1 P C"]:
        """Unit vectors of the phrases."""
        read = self._texts.tokens(phrases, self._device)
        vectors: Tensor = self._net.owlv2.get_text_features(**read).pooler_output
        return F.normalize(vectors, dim=-1)[None]

    def propose(
        self, image: UInt8[np.ndarray, "H W 3"], words: Float[Tensor, "1 P C"]
    ) -> Iterator[Proposals]:
        """All phrases in one batch."""
        made = self._images(image, input_data_format="channels_last", return_tensors="pt")
        cells, _ = self._net.image_embedder(made["pixel_values"].to(self._device, self._dtype))
        patches = cells.flatten(1, 2)
        logits, _ = self._net.class_predictor(patches, words)
        boxes = corners(self._net.box_predictor(patches, cells)[0])
        yield Proposals(
            0,
            boxes.double().cpu().numpy() * max(image.shape[:2]),
            logits[0].float().sigmoid().double().cpu().numpy(),
        )


def read_owl(folder: Path, name: str, place: Placement) -> tuple[Owl, str]:
    """The detector saved in a folder and the hash of its weights.  Raises as
    read_pretrained.
    """
    read = read_pretrained(folder, name, CLASSES, place)
    images = read_image_processor(folder, "Owlv2ImageProcessorPil")
    return Owl(read, read_tokenizer(folder), images), read.sha256
