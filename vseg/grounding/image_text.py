"""Images and words as vectors that can be compared: CLIP and SigLIP of the transformers
library.

Enters: phrases, images of whole frames or of one object.  Leaves: unit vectors, and how well
the images fit the phrases.  CLIP (Radford et al. 2021) shares a probability of 1 among the
phrases; SigLIP (Zhai et al. 2023) scores every phrase alone.  A phrase is put into several
sentences, whose vectors are averaged (Radford et al., section 3.1.4).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from vseg.grounding.clip_tokens import ShortTexts
from vseg.grounding.pretrained import (
    Placement,
    Pretrained,
    read_image_processor,
    read_pretrained,
    read_tokenizer,
)
from vseg.types import MaskCrop
from vseg.weights.catalogue import IMAGE_TEXT_CLASSES

Image = UInt8[np.ndarray, "_ _ 3"]
"""RGB, of any size."""
TEMPLATES = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a cropped photo of a {}.",
    "a {} in a scene.",
)
_IMAGE_PROCESSORS = {
    "clip": "CLIPImageProcessorPil",
    "siglip": "SiglipImageProcessorPil",
    "siglip2": "Siglip2ImageProcessorPil",
}
_BATCH = 32
_MARGIN = 0.15
"""Of an object's square crop, in its sizes; not tuned."""
_BLUR = 0.04
"""Standard deviation of the background's blur, in sides of the crop; not tuned."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A phrase and how well it fits: a probability."""

    phrase: str
    score: float


class ImageText:
    """A loaded model of either family; has no state of any video.

    name, weights_sha256: which one.  alone: whether a phrase is scored alone, as SigLIP does.
    """

    def __init__(self, read: Pretrained, tokenizer: Any, images: Any) -> None:
        self.name = read.name
        self.weights_sha256 = read.sha256
        self.alone = read.kind != "clip"
        self._net = read.net
        self._device = read.device
        self._dtype = read.dtype
        self._texts = ShortTexts(
            tokenizer, read.net.config.text_config.max_position_embeddings
        )
        self._images = images
        self._words: tuple[tuple[str, ...], Float32[np.ndarray, "N C"]] | None = None

    def words(self, phrases: Sequence[str]) -> Float32[np.ndarray, "N C"]:
        """Unit vectors of the phrases; those of the last set are kept.

        Raises BadPrompt for a phrase that is too long for the network.
        """
        key = tuple(phrases)
        if self._words is None or self._words[0] != key:
            every = [
                self.sentences([form.format(phrase) for phrase in key]) for form in TEMPLATES
            ]
            self._words = (key, _unit(np.mean(every, axis=0)))
        return self._words[1]

    @torch.inference_mode()
    def sentences(self, sentences: Sequence[str]) -> Float32[np.ndarray, "N C"]:
        """Unit vectors of sentences as they stand.  Raises as `words` does."""
        parts = []
        for some in _batches([self._normalised(s) for s in sentences]):
            read = self._texts.tokens(some, self._device)
            if self.alone:  # trained on sentences filled up to one length, with nothing masked
                read = {"input_ids": read["input_ids"]}
            parts.append(_vectors(self._net.get_text_features(**read).pooler_output))
        return np.concatenate(parts)

    @torch.inference_mode()
    def images(self, images: Sequence[Image]) -> Float32[np.ndarray, "N C"]:
        """Unit vectors of RGB images, of at least one."""
        parts = []
        for some in _batches(images):
            made = self._images(
                list(some), input_data_format="channels_last", return_tensors="pt"
            )
            made = {key: value.to(self._device) for key, value in made.items()}
            made["pixel_values"] = made["pixel_values"].to(self._dtype)
            parts.append(_vectors(self._net.get_image_features(**made).pooler_output))
        return np.concatenate(parts)

    def scores(
        self, images: Float32[np.ndarray, "P C"], words: Float32[np.ndarray, "N C"]
    ) -> Float32[np.ndarray, "P N"]:
        """Probabilities that the phrases fit the images; CLIP's add up to 1 over the
        phrases.
        """
        logits = np.exp(float(self._net.logit_scale)) * images @ words.T
        if self.alone:
            logits = logits + float(self._net.logit_bias)
            return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))), dtype=np.float32)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)

    def _normalised(self, sentence: str) -> str:
        """As the family's texts were spelt in training: SigLIP's in lower case, without
        punctuation.
        """
        if not self.alone:
            return sentence
        kept = "".join(
            letter for letter in sentence.lower() if letter.isalnum() or letter in " -'"
        )
        return " ".join(kept.split())


def read_image_text(folder: Path, name: str, place: Placement) -> ImageText:
    """The model saved in a folder, called `name`.

    Raises WeightsMissing, WeightsMismatch, DeviceMissing, UsageError, and ModelError for lack
    of memory.
    """
    read = read_pretrained(folder, name, IMAGE_TEXT_CLASSES, place)
    images = read_image_processor(folder, _IMAGE_PROCESSORS[read.kind])
    return ImageText(read, read_tokenizer(folder), images)


def best_fits(
    scores: Float32[np.ndarray, " N"], phrases: Sequence[str], count: int
) -> tuple[Fit, ...]:
    """The `count` phrases that fit best, best first."""
    order = np.argsort(-scores, kind="stable")[:count]
    return tuple(Fit(phrases[place], float(scores[place])) for place in order)


def object_crop(image: Image, crop: MaskCrop) -> Image:
    """The square around an object, with a margin, its surroundings blurred.

    Blurred, not blackened: models of this kind know images, and a blurred background is what
    they are misled by least (Yang et al. 2023, "Fine-Grained Visual Prompting").  Square, as
    they cut the longer side away; beyond the frame its edge is repeated.
    """
    x, y, width, height = crop.xywh
    side = max(2, round(max(width, height) * (1 + 2 * _MARGIN)))
    left = x + width // 2 - side // 2
    top = y + height // 2 - side // 2
    columns = np.clip(np.arange(left, left + side), 0, image.shape[1] - 1)
    rows = np.clip(np.arange(top, top + side), 0, image.shape[0] - 1)
    full_image = image[rows[:, None], columns]
    mask = np.zeros((side, side), np.float32)
    mask[y - top : y - top + height, x - left : x - left + width] = crop.mask
    sigma = max(1.0, _BLUR * side)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, sigma / 8))[..., None]
    blurred = cv2.GaussianBlur(full_image, (0, 0), sigma)
    return np.rint(full_image * soft + blurred * (1 - soft)).astype(np.uint8)


def _vectors(outputs: Float[Tensor, "N C"]) -> Float32[np.ndarray, "N C"]:
    return F.normalize(outputs.float(), dim=-1).cpu().numpy()


def _unit(vectors: Float32[np.ndarray, "N C"]) -> Float32[np.ndarray, "N C"]:
    return np.asarray(
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32
    )


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
