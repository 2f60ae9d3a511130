"""Words of a stated vocabulary -> the things they name, with nano alone.  Implements
`stages.Grounder`.

Enters: a frame, Text descriptions, perhaps a frame close in time.  Leaves: boxes, scores and
masks.  The word head proposes boxes on the features of nano's own encoder, nano's box prompt
makes them masks, and colour, place, size and motion are decided on the masks.  "Moving
objects" asks for no word of the head: what moves against the camera is proposed instead, and
its score is the share of the mask that moves.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vseg.errors import BadPrompt, WeightsMismatch
from vseg.grounding.motion import motion_between
from vseg.grounding.nano_candidates import FrameCandidates, resolve_query
from vseg.grounding.vocabulary import WordQuery, parse_words
from vseg.models.nano.model import Nano
from vseg.models.nano.text_head.boxes import see
from vseg.models.nano.text_head.head import WORDS, load_words
from vseg.session.image_predictor import ImagePredictor
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
        self.threshold = head.threshold
        self.words = head.words
        self._nano = nano
        self._head = head

    def check(self, descriptions: Sequence[ConceptPrompt]) -> None:
        """Raise BadPrompt for what is not Text, or not in the vocabulary."""
        for description in descriptions:
            self._query(description)

    def ground(
        self, frame: Frame, descriptions: Sequence[ConceptPrompt], near: Frame | None = None
    ) -> Grounding:
        """Every thing that each phrase means.  Names are the phrases.

        best: of what has all that the phrase asks for, found or not.
        """
        asked = [self._query(description) for description in descriptions]
        moves = any(query.motion for query, _ in asked)
        predictor = ImagePredictor(self._nano)
        candidates = FrameCandidates(
            predictor,
            predictor.encode(frame),
            see(self._nano, self._head, frame),
            motion_between(frame, near) if moves else None,
        )
        answers = [resolve_query(candidates, query, least) for query, least in asked]
        return _joined(answers, [d.phrase for d in descriptions if isinstance(d, Text)])

    def _query(self, description: ConceptPrompt) -> tuple[WordQuery, float]:
        """What is asked and its threshold."""
        if not isinstance(description, Text):
            raise BadPrompt(
                f"{self.name} understands words, not images",
                hint="give a phrase: --text person",
            )
        query = parse_words(description.phrase, self.words)
        least = self.threshold if description.threshold is None else description.threshold
        return query, least


def _joined(answers: Sequence[tuple[Detections, float]], phrases: Sequence[str]) -> Grounding:
    """The answers to all phrases as one, best first."""
    boxes = np.zeros((0, 4))
    scores = np.zeros(0)
    labels = np.zeros(0, np.int64)
    masks: list[MaskCrop] = []
    for label, (found, _) in enumerate(answers):
        boxes = np.concatenate([boxes, found.boxes])
        scores = np.concatenate([scores, found.scores])
        labels = np.concatenate([labels, found.labels + label])
        masks += found.masks or ()
    order = np.argsort(-scores, kind="stable")
    found = Detections(
        boxes[order], scores[order], labels[order], tuple(masks[row] for row in order)
    )
    best = np.array([top for _, top in answers], np.float64)
    return Grounding(found, best, tuple(phrases[label] for label in found.labels))
