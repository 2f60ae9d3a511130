"""OWLv2: a phrase is one vector, a patch of the image a box and a vector to compare with it.

Enters: an image and phrases.  Leaves: Proposals: the box of every patch and its score for
every phrase.  Paper: Minderer et al. 2023 (arXiv 2306.09683).  Phrases are read as they are
given; the image is padded to a square at its right and bottom, so that boxes are fractions of
its longer side.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from vseg.grounding.clip_detector import ClipDetector, proposals_of
from vseg.grounding.pretrained import (
    Placement,
    read_image_processor,
    read_pretrained,
    read_tokenizer,
)
from vseg.grounding.proposals import DetectionRules, Proposals

CLASSES = {"owlv2": "Owlv2ForObjectDetection"}


class Owl(ClipDetector):
    """A Detector over a loaded OWLv2."""

    # 0.1 is the library's; adjacent patches may propose one object with nearly equal boxes.
    rules = DetectionRules(threshold=0.1, overlap=0.8)

    def encode(self, phrases: tuple[str, ...]) -> Float[Tensor, "1 P C"]:
        """Unit vectors of the phrases."""
        read = self._texts.tokens(phrases, self._device)
        vectors: Tensor = self._net.owlv2.get_text_features(**read).pooler_output
        return F.normalize(vectors, dim=-1)[None]

    def propose(
        self, image: UInt8[np.ndarray, "H W 3"], words: Float[Tensor, "1 P C"]
    ) -> Iterator[Proposals]:
        """All phrases in one batch."""
        cells, _ = self._net.image_embedder(self._pixels(image))
        patches = cells.flatten(1, 2)
        logits, _ = self._net.class_predictor(patches, words)
        side = max(image.shape[:2])
        boxes = self._net.box_predictor(patches, cells)[0]
        yield proposals_of(boxes, logits[0], (side, side))


def read_owl(folder: Path, name: str, place: Placement) -> tuple[Owl, str]:
    """The detector saved in a folder and the hash of its weights.  Raises as
    read_pretrained.
    """
    read = read_pretrained(folder, name, CLASSES, place)
    images = read_image_processor(folder, "Owlv2ImageProcessorPil")
    return Owl(read, read_tokenizer(folder), images), read.sha256
