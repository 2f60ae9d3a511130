"""What a job looks for again and again: its descriptions, or everything.

Enters: what was asked for, and the models it needs.  Leaves: a `DetectFunction`.  Words go to
the grounder, exemplars to the tracking model itself; what both find is one list, best first.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vseg.build import open_image_text
from vseg.config import TrackConfig
from vseg.grounding.automatic_masks import AutomaticMaskGenerator
from vseg.grounding.tags import Tagger
from vseg.grounding.word_lists import EVERYDAY, read_words
from vseg.interfaces.grounder import FrameFeatures, Grounder
from vseg.interfaces.model import Model
from vseg.pipelines.redetection_driver import DetectFunction, Query
from vseg.prompts.resolve import named
from vseg.session.exemplar import ExemplarGrounder
from vseg.types import ConceptPrompt, Detections, Exemplar, Frame, Grounding

NOTHING = Grounding(
    Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64)), np.zeros(1), ()
)


class PromptedDetector:
    """Grounds words and references together.

    words: None where no description has words.  queries: the descriptions by name, with their
    least scores.
    """

    def __init__(
        self, descriptions: Sequence[ConceptPrompt], model: Model, words: Grounder | None
    ) -> None:
        """Raises BadPrompt for a description that cannot be looked for."""
        likes = ExemplarGrounder(model)
        self._model_sha256 = model.weights_sha256
        self._descriptions = tuple(descriptions)
        self._asked: list[tuple[Grounder, list[int]]] = []
        thresholds = [0.0] * len(self._descriptions)
        for grounder, wanted in ((words, False), (likes, True)):
            places = [
                k
                for k, each in enumerate(descriptions)
                if isinstance(each, Exemplar) == wanted
            ]
            if grounder is None or not places:
                continue
            grounder.check([descriptions[k] for k in places])
            self._asked.append((grounder, places))
            for k in places:
                least = descriptions[k].threshold
                thresholds[k] = grounder.threshold if least is None else least
        pairs = zip(self._descriptions, thresholds, strict=True)
        self.queries = tuple(Query(named(each), least) for each, least in pairs)

    def __call__(
        self, frame: Frame, features: FrameFeatures, adjacent: Frame | None
    ) -> Grounding:
        """The detections of all descriptions on the frame, best first."""
        parts = []
        for grounder, places in self._asked:
            queries = [self._descriptions[k] for k in places]
            is_shared = grounder.shares_features_with == self._model_sha256
            shared = features() if is_shared else None
            parts.append((places, grounder.ground(frame, queries, shared, adjacent)))
        best = np.zeros(len(self._descriptions))
        for places, grounding in parts:
            best[places] = grounding.best
        return _joined(parts, best)


def automatic_detector(
    model: Model, words: Grounder | None, config: TrackConfig
) -> DetectFunction:
    """Detects whatever there is: by the tags of the frame where there is a tagger, else
    without names.

    Raises ModelError and BadVocabulary for a tagger that cannot be had.
    """
    settings = config.redetection
    if settings.tagger is None or words is None:
        proposer = AutomaticMaskGenerator(model)

        def propose(
            frame: Frame, features: FrameFeatures, adjacent: Frame | None
        ) -> Grounding:
            proposed = proposer.propose(frame, features())
            return replace(proposed, names=("",) * len(proposed.found))

        return propose
    image_text = open_image_text(settings.tagger, config.device)
    tagger = Tagger(image_text, read_words(settings.vocabulary or EVERYDAY))

    def detect_tags(
        frame: Frame, features: FrameFeatures, adjacent: Frame | None
    ) -> Grounding:
        tags = tagger.tags(frame)
        if not tags:
            return NOTHING
        is_shared = words.shares_features_with == model.weights_sha256
        named = words.ground(frame, tags, features() if is_shared else None, adjacent)
        # The tags change from frame to frame: the best score is that of all of them together.
        return Grounding(named.found, named.best.max(keepdims=True), named.names)

    return detect_tags


def _joined(parts: Sequence[tuple[list[int], Grounding]], best: np.ndarray) -> Grounding:
    """One list of several; masks only where every part has them."""
    if len(parts) == 1:
        places, only = parts[0]
        labels = np.array(places, dtype=np.int64)[only.found.labels]
        found = Detections(only.found.boxes, only.found.scores, labels, only.found.masks)
        return Grounding(found, best, only.names)
    boxes = np.concatenate([g.found.boxes for _, g in parts])
    scores = np.concatenate([g.found.scores for _, g in parts])
    labels = np.concatenate([np.array(p, dtype=np.int64)[g.found.labels] for p, g in parts])
    names = [name for _, g in parts for name in g.names]
    order = np.argsort(-scores, kind="stable")
    masks = None
    if all(g.found.masks is not None for _, g in parts):
        every = [mask for _, g in parts for mask in g.found.masks or ()]
        masks = tuple(every[k] for k in order)
    found = Detections(boxes[order], scores[order], labels[order], masks)
    return Grounding(found, best, tuple(names[k] for k in order))
