"""What a redetection tracker detects: what its queries describe, or whatever there is.

Enters: queries or settings, and the models they need.  Leaves: a `DetectFunction`.  Words go
to a grounder, exemplars to the tracking model itself; the detections of both are one list,
best first.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from vseg.build import open_image_text
from vseg.config import TrackConfig
from vseg.grounding.automatic_masks import AutomaticMaskGenerator
from vseg.grounding.tags import Tagger
from vseg.grounding.word_lists import EVERYDAY, read_words
from vseg.interfaces.grounder import ClassGrounder, FrameFeatures, Grounder
from vseg.interfaces.model import Model
from vseg.pipelines.queries import DetectFunction, Query
from vseg.prompts.resolve import named
from vseg.session.exemplar import ExemplarGrounder
from vseg.tensors import Features
from vseg.types import ConceptPrompt, Detections, Exemplar, Frame, Grounding, Text

NOTHING = Grounding(
    Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64)), np.zeros(1), ()
)


class PromptedDetector:
    """Detects the instances of every concept prompt, words and exemplars together.

    queries: the concepts by name, with their least scores.
    """

    def __init__(
        self, concepts: Sequence[ConceptPrompt], model: Model, words: Grounder | None
    ) -> None:
        """words: None where no concept has words.  Raises BadPrompt for a concept that cannot
        be detected.
        """
        self._concepts = tuple(concepts)
        self._model = model
        self._grounders: list[tuple[Grounder, list[int]]] = []
        thresholds = [0.0] * len(self._concepts)
        for grounder, is_exemplar in ((words, False), (ExemplarGrounder(model), True)):
            places = [
                place
                for place, concept in enumerate(self._concepts)
                if isinstance(concept, Exemplar) == is_exemplar
            ]
            if grounder is None or not places:
                continue
            grounder.check(self._chosen(places))
            self._grounders.append((grounder, places))
            for place in places:
                threshold = self._concepts[place].threshold
                thresholds[place] = grounder.threshold if threshold is None else threshold
        pairs = zip(self._concepts, thresholds, strict=True)
        self.queries = tuple(Query(named(concept), threshold) for concept, threshold in pairs)

    def __call__(
        self, frame: Frame, features: FrameFeatures, adjacent: Frame | None
    ) -> Grounding:
        """The instances of all concepts on the frame, best first."""
        best = np.zeros(len(self._concepts))
        parts = []
        for grounder, places in self._grounders:
            shared = _shared(features, grounder, self._model)
            grounding = grounder.ground(frame, self._chosen(places), shared, adjacent)
            best[places] = grounding.best
            parts.append((places, grounding))
        return _joined(parts, best)

    def _chosen(self, places: Sequence[int]) -> list[ConceptPrompt]:
        return [self._concepts[place] for place in places]


def automatic_detector(
    model: Model, words: Grounder | None, config: TrackConfig
) -> DetectFunction:
    """Detects whatever there is: by the tags of the frame where there is a tagger, all classes
    of a grounder that has some, else without names.

    Raises ModelError and BadVocabulary for a tagger that cannot be had.
    """
    settings = config.redetection
    if settings.tagger is None and isinstance(words, ClassGrounder):
        return _classed(words)
    if settings.tagger is None or words is None:
        return _unnamed(AutomaticMaskGenerator(model))
    image_text = open_image_text(settings.tagger, config.device)
    tagger = Tagger(image_text, read_words(settings.vocabulary or EVERYDAY))
    return _tagged(tagger, words, model)


def _unnamed(generator: AutomaticMaskGenerator) -> DetectFunction:
    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        proposed = generator.propose(frame, features())
        return replace(proposed, names=("",) * len(proposed.found))

    return detect


def _classed(words: ClassGrounder) -> DetectFunction:
    texts = tuple(Text(name) for name in words.classes)

    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        return words.ground(frame, texts)

    return detect


def _tagged(tagger: Tagger, words: Grounder, model: Model) -> DetectFunction:
    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        tags = tagger.tags(frame)
        if not tags:
            return NOTHING
        shared = _shared(features, words, model)
        grounding = words.ground(frame, tags, shared, adjacent)
        # The tags change from frame to frame: one best score stands for all of them.
        best = grounding.best.max(keepdims=True)
        return Grounding(grounding.found, best, grounding.names)

    return detect


def _shared(features: FrameFeatures, grounder: Grounder, model: Model) -> Features | None:
    """The tracking model's features, if the grounder can use them."""
    return features() if grounder.shares_features_with == model.weights_sha256 else None


def _joined(
    parts: Sequence[tuple[list[int], Grounding]], best: Float64[np.ndarray, " Q"]
) -> Grounding:
    """The detections of all grounders in one list, best first; masks only where every part has
    them.  Labels of a part are places among its own queries.
    """
    boxes = np.concatenate([part.found.boxes for _, part in parts])
    scores = np.concatenate([part.found.scores for _, part in parts])
    labels = np.concatenate(
        [np.array(places, dtype=np.int64)[part.found.labels] for places, part in parts]
    )
    names = [name for _, part in parts for name in part.names]
    order = np.argsort(-scores, kind="stable")
    masks = None
    if all(part.found.masks is not None for _, part in parts):
        crops = [crop for _, part in parts for crop in part.found.masks or ()]
        masks = tuple(crops[row] for row in order)
    found = Detections(boxes[order], scores[order], labels[order], masks)
    return Grounding(found, best, tuple(names[row] for row in order))
