"""Tags of a frame: the words of a vocabulary that fit the whole image.

Enters: a frame.  Leaves: Text queries, for a grounder to detect.  This is
the first step of tagging, grounding, segmenting (Recognize Anything, Zhang et al. 2023) with a
model of images and words.
"""

from collections.abc import Sequence

from vseg.errors import UsageError
from vseg.grounding.image_text import ImageText, best_fits
from vseg.types import Frame, Text

MOST_TAGS = 20
_SHARED = 0.02
"""Least probability of a tag where the words share a probability of 1; not tuned."""
_ALONE = 0.05
"""The same where every word is scored alone."""


class Tagger:
    """Tags by one model and one vocabulary.  threshold: least score in (0, 1]; the family's if
    None.
    """

    def __init__(
        self,
        image_text: ImageText,
        vocabulary: Sequence[str],
        *,
        threshold: float | None = None,
        most: int = MOST_TAGS,
    ) -> None:
        if threshold is not None and not 0 < threshold <= 1:
            raise UsageError(f"the threshold {threshold:g} of the tags is not in (0, 1]")
        self._image_text = image_text
        self._vocabulary = tuple(vocabulary)
        self._most = most
        usual = _ALONE if image_text.alone else _SHARED
        self.threshold = usual if threshold is None else threshold

    def tags(self, frame: Frame) -> tuple[Text, ...]:
        """The words that fit the frame, best first; none if nothing reaches the threshold."""
        vectors = self._image_text.images([frame.image])
        scores = self._image_text.scores(vectors, self._image_text.words(self._vocabulary))[0]
        fits = best_fits(scores, self._vocabulary, self._most)
        return tuple(Text(fit.phrase) for fit in fits if fit.score >= self.threshold)
