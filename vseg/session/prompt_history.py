"""The prompts of one session in the order given, with the detections of each concept prompt.

Enters: prompts.  Leaves: the visual prompts that the engine takes.  A concept prompt is
grounded once, when it is given; prompts that follow on the same object and frame choose again
among its detections.  Text is grounded by the session's grounder, an exemplar by the model.
"""

from collections.abc import Collection, Sequence

from vseg.errors import BadPrompt
from vseg.interfaces.grounder import FrameFeatures, Grounder
from vseg.interfaces.model import Model
from vseg.prompts.check import check_agreement
from vseg.prompts.resolve import GroundingResult, PromptEntry, resolve_prompts
from vseg.session.exemplar import ExemplarGrounder
from vseg.types import (
    Box,
    ConceptPrompt,
    Exemplar,
    Frame,
    Mask,
    Polygon,
    Prompt,
    Text,
    VisualPrompt,
)


class PromptHistory:
    """`entries` is read and written by snapshots."""

    def __init__(self, model: Model, grounder: Grounder | None) -> None:
        self._model_sha256 = model.weights_sha256
        self._text_grounder = grounder
        self._exemplar_grounder = ExemplarGrounder(model)
        self.entries: list[PromptEntry] = []

    def ground(
        self,
        prompts: Sequence[Prompt],
        frame: Frame,
        features: FrameFeatures,
        adjacent: Frame | None = None,
    ) -> list[PromptEntry]:
        """Entries for new prompts of one object on this frame, concepts with their detections;
        nothing is added yet.

        features: of the frame, by the session's model.  adjacent: the frame before or after,
        for phrases about motion.  Raises BadPrompt for a concept that cannot be grounded.
        """
        before = [e for p in prompts[:1] for e in self._entries_beside(p)]
        # A mask wins over every concept: there is nothing to detect.
        values = [*(e.prompt.value for e in before), *(p.value for p in prompts)]
        masked = any(isinstance(value, Mask | Polygon) for value in values)
        return [
            PromptEntry(p, self._detect(p.value, frame, features, adjacent))
            if isinstance(p.value, Text | Exemplar) and not masked
            else PromptEntry(p)
            for p in prompts
        ]

    def resolve(
        self, added: Sequence[PromptEntry], hw: tuple[int, int]
    ) -> tuple[VisualPrompt, ...]:
        """The visual prompts that stand for new entries of one object and frame together with
        those given there before; nothing is added yet.

        hw: height and width of the frame.  Raises NothingFound where no detection fits,
        BadPrompt where clicks contradict each other.
        """
        object_id, frame_index = _place(added[0].prompt)
        entries = [*self._entries_beside(added[0].prompt), *added]
        values = [entry.prompt.value for entry in entries]
        check_agreement(values, f"object {object_id} on frame {frame_index}")
        return resolve_prompts(entries, hw)

    def score(
        self, object_id: int, frame_index: int, resolved: Sequence[VisualPrompt]
    ) -> float | None:
        """The score of the detection that the object's prompts on a frame resolved to; None
        where they are no concepts.
        """
        boxes = [prompt for prompt in resolved if isinstance(prompt, Box)]
        for entry in self.entries:
            if _place(entry.prompt) != (object_id, frame_index) or entry.result is None:
                continue
            found = entry.result.grounding.found
            for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True):
                if any(box == [one.x1, one.y1, one.x2, one.y2] for one in boxes):
                    return float(score)
        return None

    def add(self, entries: Sequence[PromptEntry]) -> None:
        """Keep entries that were resolved."""
        self.entries += entries

    def keep(self, places: Collection[tuple[int, int]]) -> None:
        """Forget every entry but those of these (object id, frame index) pairs."""
        self.entries = [e for e in self.entries if _place(e.prompt) in places]

    def _entries_beside(self, prompt: Prompt) -> list[PromptEntry]:
        """The entries of the same object on the same frame."""
        return [e for e in self.entries if _place(e.prompt) == _place(prompt)]

    def _detect(
        self,
        concept: ConceptPrompt,
        frame: Frame,
        features: FrameFeatures,
        adjacent: Frame | None,
    ) -> GroundingResult:
        grounder = self._grounder_of(concept)
        grounder.check([concept])
        least = grounder.threshold if concept.threshold is None else concept.threshold
        is_shared = grounder.shares_features_with == self._model_sha256
        shared = features() if is_shared else None
        return GroundingResult(grounder.ground(frame, [concept], shared, adjacent), least)

    def _grounder_of(self, concept: ConceptPrompt) -> Grounder:
        if isinstance(concept, Exemplar):
            return self._exemplar_grounder
        if self._text_grounder is None:
            raise BadPrompt(
                f"'{concept.phrase}' cannot be detected: the session has no grounder for text",
                hint="give Session a grounder (vseg track: --grounder), or prompt with a box "
                "or a point",
            )
        return self._text_grounder


def _place(prompt: Prompt) -> tuple[int | None, int]:
    return prompt.object_id, prompt.frame_index
