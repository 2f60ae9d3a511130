"""Phrases of any words -> the objects they name, by a detector of the transformers library.

Enters: a frame and Text queries.  Leaves: Grounding in video pixels, with masks where the
detector gives them.  Phrases are encoded once for a set of them; the last set is kept.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8

from vseg.errors import BadPrompt
from vseg.grounding.proposals import DetectionRules, Proposals, choose, joined
from vseg.tensors import Features
from vseg.types import ConceptPrompt, Detections, Frame, Grounding, Text

Words = TypeVar("Words")


@runtime_checkable
class Detector(Protocol[Words]):
    """A network that detects what phrases name.  rules: as it was published."""

    rules: DetectionRules

    def check(self, phrase: str) -> None:
        """Raise BadPrompt for a phrase that it cannot read."""
        ...

    def encode(self, phrases: tuple[str, ...]) -> Words:
        """What it needs of the phrases, whatever the image."""
        ...

    def propose(self, image: UInt8[np.ndarray, "H W 3"], words: Words) -> Iterator[Proposals]:
        """Proposals for all phrases, batch by batch, in their order; at least one box in
        each.
        """
        ...


class OpenVocabulary(Generic[Words]):
    """A Grounder for Text: names are the phrases as they were given."""

    shares_features_with = ""

    def __init__(
        self,
        name: str,
        weights_sha256: str,
        detector: Detector[Words],
        rules: DetectionRules | None = None,
    ) -> None:
        """rules: the detector's own if left out."""
        self.name = name
        self.weights_sha256 = weights_sha256
        self._detector = detector
        self._rules = rules or detector.rules
        self.threshold = self._rules.threshold
        self._last: tuple[tuple[str, ...], Words] | None = None

    def check(self, queries: Sequence[ConceptPrompt]) -> None:
        """Raise BadPrompt for what is not text, and for a phrase the network cannot read."""
        for text in _texts(self.name, queries):
            self._detector.check(text.phrase)

    @torch.inference_mode()
    def ground(
        self,
        frame: Frame,
        queries: Sequence[ConceptPrompt],
        features: Features | None = None,
        adjacent: Frame | None = None,
    ) -> Grounding:
        """Every instance of each phrase on `frame`.

        features, adjacent: not used; the detector has an encoder of its own, and no phrase is
        about motion to it.  Raises BadPrompt.
        """
        texts = _texts(self.name, queries)
        best = np.zeros(len(texts))
        parts = [_NOTHING]
        if texts:
            words = self._words(tuple(text.phrase for text in texts))
            parts = []
            for proposals in self._detector.propose(frame.image, words):
                reached = proposals.scores.max(axis=0)
                best[proposals.first : proposals.first + len(reached)] = reached
                parts.append(choose(proposals, texts, self._rules, frame.hw))
        return joined(parts, best, texts)

    def _words(self, phrases: tuple[str, ...]) -> Words:
        last = self._last
        if last is None or last[0] != phrases:
            last = self._last = (phrases, self._detector.encode(phrases))
        return last[1]


_NOTHING = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64))


def _texts(name: str, queries: Sequence[ConceptPrompt]) -> list[Text]:
    texts = [query for query in queries if isinstance(query, Text)]
    if len(texts) < len(queries):
        raise BadPrompt(
            f"{name} grounds text, not exemplars",
            hint="describe the object in words, or leave out --grounder",
        )
    return texts
