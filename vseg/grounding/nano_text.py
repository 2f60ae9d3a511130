"""Words of a stated vocabulary -> the objects they name, with nano alone.  Implements
`vseg.interfaces.grounder.Grounder`.

Enters: a frame, Text queries, perhaps an adjacent frame.  Leaves: boxes, scores and masks.
The word head detects boxes on the features of nano's own encoder, nano's box prompt makes them
masks, and colour, place, size and motion are decided on the masks.  "Moving objects" asks for
no word of the head: what moves against the camera is proposed instead, and its score is the
share of the mask that moves.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vseg.errors import BadPrompt, WeightsMismatch
from vseg.grounding.frame_motion import motion_between
from vseg.grounding.nano_candidates import FrameCandidates, resolve_query
from vseg.grounding.vocabulary import WordQuery, parse_words
from vseg.models.nano.model import Nano
from vseg.models.nano.shipped import WORDS
from vseg.models.nano.text_head.head import load_words
from vseg.models.nano.text_head.head_boxes import detect_words
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.tensors import Features
from vseg.types import ConceptPrompt, Detections, Frame, Grounding, MaskCrop, Text


class NanoTextGrounder:
    """A Grounder for Text of a small vocabulary; `words` lists its nouns.

    threshold: the head's own, chosen on images that it was not trained on.
    """

    name = "nano-words"

    def __init__(self, nano: Nano, path: Path = WORDS) -> None:
        """Raises WeightsMissing, and WeightsMismatch for a head of another encoder."""
        head = load_words(path, nano.device, nano.dtype)
        if head.encoder_sha256 != nano.encoder_sha256:
            raise WeightsMismatch(
                f"the word head {path.name} was trained on another encoder than that of "
                "these weights",
                hint="leave --weights out, or train a head for them: vseg train words "
                "--weights FILE",
            )
        self.weights_sha256 = head.weights_sha256
        self.shares_features_with = nano.weights_sha256
        self.threshold = head.threshold
        self.words = head.words
        self._nano = nano
        self._head = head

    def check(self, queries: Sequence[ConceptPrompt]) -> None:
        """Raise BadPrompt for what is not Text, or not in the vocabulary."""
        for query in queries:
            self._parsed(query)

    def ground(
        self,
        frame: Frame,
        queries: Sequence[ConceptPrompt],
        features: Features | None = None,
        adjacent: Frame | None = None,
    ) -> Grounding:
        """Every object that each phrase means.  Names are the phrases.

        best: of what has all that the phrase asks for, detected or not.  features: used where
        they are of the same nano.
        """
        parsed = [self._parsed(query) for query in queries]
        if features is None or not self._nano.can_use(features):
            features = self._nano.encode([frame])[0]
        is_about_motion = any(query.motion for query, _ in parsed)
        candidates = FrameCandidates(
            ImagePredictor(self._nano),
            EncodedImage(frame, features),
            detect_words(self._nano, self._head, frame, features),
            motion_between(frame, adjacent) if is_about_motion else None,
        )
        resolved = [resolve_query(candidates, query, least) for query, least in parsed]
        return _joined(resolved, [q.phrase for q in queries if isinstance(q, Text)])

    def _parsed(self, query: ConceptPrompt) -> tuple[WordQuery, float]:
        """What the query asks for and its threshold."""
        if not isinstance(query, Text):
            raise BadPrompt(
                f"{self.name} grounds text, not exemplars",
                hint="give a phrase: --text person",
            )
        words = parse_words(query.phrase, self.words)
        return words, self.threshold if query.threshold is None else query.threshold


def _joined(resolved: Sequence[tuple[Detections, float]], phrases: Sequence[str]) -> Grounding:
    """The detections of all phrases as one, best first."""
    boxes = np.zeros((0, 4))
    scores = np.zeros(0)
    labels = np.zeros(0, np.int64)
    masks: list[MaskCrop] = []
    for label, (detections, _) in enumerate(resolved):
        boxes = np.concatenate([boxes, detections.boxes])
        scores = np.concatenate([scores, detections.scores])
        labels = np.concatenate([labels, detections.labels + label])
        masks += detections.masks or ()
    order = np.argsort(-scores, kind="stable")
    joined = Detections(
        boxes[order], scores[order], labels[order], tuple(masks[row] for row in order)
    )
    best = np.array([reached for _, reached in resolved], np.float64)
    return Grounding(joined, best, tuple(phrases[label] for label in joined.labels))
