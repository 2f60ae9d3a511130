"""OmDet-Turbo: phrases are encoded apart from the image, and once.

Enters: an image and phrases.  Leaves: Proposals: the box of every query, and its probability
of each phrase.  Paper: Zhao et al. 2024 (arXiv 2403.06892).  Besides the phrases the network
reads a task that lists them, as the library writes it: "Detect a dog, the red car."  They are
listed in alphabetical order, so that the order in which they are asked for decides nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from vseg.grounding.clip_detector import ClipDetector, proposals_of
from vseg.grounding.omdet_swin import has_timm_encoder, without_timm
from vseg.grounding.pretrained import (
    Placement,
    read_image_processor,
    read_pretrained,
    read_tokenizer,
)
from vseg.grounding.proposals import DetectionRules, Proposals

CLASSES = {"omdet-turbo": "OmDetTurboForObjectDetection"}


class OmDet(ClipDetector):
    """A Detector over a loaded OmDet-Turbo."""

    # Both are the defaults of the library's post-processing: 0.3, and boxes of one phrase
    # whose IoU is above 0.5 are one object.
    rules = DetectionRules(threshold=0.3, overlap=0.5)

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
        maps = self._net.vision_backbone(self._pixels(image))
        maps = self._net.encoder(maps, return_dict=True).extracted_states
        output = self._net.decoder(maps, *words, return_dict=True)
        h, w = image.shape[:2]
        yield proposals_of(output.decoder_coords[-1][0], output.decoder_classes[-1][0], (w, h))


def read_omdet(folder: Path, name: str, place: Placement) -> tuple[OmDet, str]:
    """The detector saved in a folder and the hash of its weights.  Raises as
    read_pretrained.
    """
    translate = without_timm if has_timm_encoder(folder) else None
    read = read_pretrained(folder, name, CLASSES, place, translate)
    images = read_image_processor(folder, "DetrImageProcessorPil")
    return OmDet(read, read_tokenizer(folder), images), read.sha256
