"""What words name on an image, as masks: shared by every plug that takes words.

Enters: an encoded image and phrases.  Leaves: a mask for each detection, best first.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from vseg.grounding.box_masks import box_masks
from vseg.interfaces.grounder import Grounder
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.types import MaskCrop, Text


@dataclass(frozen=True, slots=True)
class NamedMask:
    """word: the place of the phrase among those asked for."""

    word: int
    crop: MaskCrop
    score: float


def phrases_of(text: str) -> list[str]:
    """The phrases of a line, with commas, full stops or semicolons between them, each once."""
    phrases = [phrase.strip() for phrase in re.split(r"[,.;]", text)]
    return list(dict.fromkeys(phrase for phrase in phrases if phrase))


def named_masks(
    predictor: ImagePredictor,
    grounder: Grounder,
    image: EncodedImage,
    phrases: Sequence[str],
    least: float | None = None,
) -> list[NamedMask]:
    """Every instance of every phrase that has a mask.

    least: the score that each needs; the grounder's own if None.  Raises BadPrompt for a
    phrase that it does not know.
    """
    if least is not None:  # sliders go down to 0, which no threshold may be
        least = max(least, sys.float_info.min)
    texts = [Text(phrase, least) for phrase in phrases]
    grounder.check(texts)
    found = grounder.ground(image.frame, texts, image.features).found
    crops: Sequence[MaskCrop] | None = found.masks
    if crops is None:
        crops = box_masks(predictor, image, found.boxes)
    scores = found.scores.tolist()
    rows = zip(found.labels.tolist(), crops, scores, strict=True)
    return [NamedMask(word, crop, score) for word, crop, score in rows if crop.area]
