"""RF-DETR, D-FINE, DEIMv2 and LW-DETR: detectors of a fixed list of classes.

Enters: an image and phrases that name classes.  Leaves: Proposals: the box of every query, its
probability of each class that was asked for, and its mask where the network has a mask head
(RF-DETR-Seg): masks and classes in one pass, with no text encoder.  Papers: RF-DETR (arXiv
2511.09554), D-FINE (2410.13842), DEIMv2 (2509.20787), LW-DETR (2406.03459).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from vseg.grounding.class_words import ClassWords
from vseg.grounding.open_vocabulary import OpenVocabulary
from vseg.grounding.pretrained import (
    Placement,
    Pretrained,
    read_image_processor,
    read_pretrained,
)
from vseg.grounding.proposals import DetectionRules, Proposals, corners

CLASSES = {
    "rf_detr": "RfDetrForInstanceSegmentation",
    "d_fine": "DFineForObjectDetection",
    "deimv2": "Deimv2ForObjectDetection",
    "lw_detr": "LwDetrForObjectDetection",
}
_IMAGES = {
    # RF-DETR's own processor is DETR's with another post-processing, and wants torchvision.
    "rf_detr": "DetrImageProcessorPil",
    "d_fine": "RTDetrImageProcessorPil",
    "deimv2": "RTDetrImageProcessorPil",
    "lw_detr": "DeformableDetrImageProcessorPil",
}
"""The library's classes that make images ready, of those that need no torchvision."""
_BOXES_ONLY = "RfDetrForObjectDetection"


class ClassDetector:
    """A Detector over a loaded network; what it needs of phrases are rows of its scores."""

    # 0.5 is the default of the library's post-processing of all four, and of the rfdetr
    # package; queries are matched one to one, so that only boxes that nearly coincide are
    # duplicates.
    rules = DetectionRules(threshold=0.5, overlap=0.8)

    def __init__(self, read: Pretrained, words: ClassWords, images: Any) -> None:
        self.words = words
        self._name = read.name
        self._net = read.net
        self._dtype = read.dtype
        self._device = read.device
        self._images = images

    def check(self, phrase: str) -> None:
        """Raise BadPrompt for a phrase that names no class."""
        self.words.row_of(phrase, self._name)

    def encode(self, phrases: tuple[str, ...]) -> list[int]:
        """The rows of the classes that the phrases name."""
        return [self.words.row_of(phrase, self._name) for phrase in phrases]

    def propose(
        self, image: UInt8[np.ndarray, "H W 3"], words: list[int]
    ) -> Iterator[Proposals]:
        """All phrases in one batch."""
        made = self._images(image, input_data_format="channels_last", return_tensors="pt")
        output = self._net(pixel_values=made["pixel_values"].to(self._device, self._dtype))
        h, w = image.shape[:2]
        masks = output.get("pred_masks")
        yield Proposals(
            0,
            corners(output.pred_boxes[0]).double().cpu().numpy() * np.array([w, h, w, h]),
            output.logits[0][:, words].float().sigmoid().double().cpu().numpy(),
            None if masks is None else masks[0],
            level=0.0,
        )


class ClosedVocabulary(OpenVocabulary[list[int]]):
    """A ClassGrounder."""

    def __init__(self, name: str, weights_sha256: str, detector: ClassDetector) -> None:
        super().__init__(name, weights_sha256, detector)
        self.classes = detector.words.names


def read_classes(folder: Path, name: str, place: Placement) -> ClosedVocabulary:
    """The detector saved in a folder.  Raises as read_pretrained, and WeightsMismatch for one
    whose classes have no names.
    """
    read = read_pretrained(folder, name, _classes_in(folder), place)
    words = ClassWords(read.net.config.id2label, str(folder))
    images = read_image_processor(folder, _IMAGES[read.kind])
    return ClosedVocabulary(name, read.sha256, ClassDetector(read, words, images))


def _classes_in(folder: Path) -> dict[str, str]:
    """CLASSES, but for an RF-DETR that was saved without a mask head."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    boxes_only = _BOXES_ONLY in config.get("architectures", ())
    return CLASSES | {"rf_detr": _BOXES_ONLY} if boxes_only else CLASSES
