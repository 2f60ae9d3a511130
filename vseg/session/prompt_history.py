"""What was said in one session, round by round, and what was found for it.

Enters: prompts and descriptions.  Leaves: the drawn prompts that the engine takes.  A
description is looked for once, when it is said; later rounds choose again among what was found
then.  Words are looked for by the session's grounder, references by its own model.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vseg.errors import BadPrompt
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.prompts.resolve import GroundingResult, Spoken, effective, resolve_prompts
from vseg.session.exemplar import ExemplarGrounder
from vseg.types import (
    AnyPrompt,
    ConceptPrompt,
    Exemplar,
    Frame,
    Mask,
    PlacedPrompt,
    Text,
    VisualPrompt,
)


@dataclass(frozen=True, slots=True)
class PromptEntry:
    """One thing that was said, with the answer where it is a description that was looked
    for.
    """

    placed: PlacedPrompt
    answer: GroundingResult | None = None


@dataclass(frozen=True, slots=True)
class ResolvedPrompts:
    """What a new round comes to: the rounds to remember, and the prompts that stand for all of
    them.
    """

    rounds: tuple[PromptEntry, ...]
    prompts: tuple[VisualPrompt, ...]


class PromptHistory:
    """The rounds of one session, in order.  `rounds` is read and written by snapshots."""

    def __init__(self, model: Model, grounder: Grounder | None) -> None:
        self._words, self._likes = grounder, ExemplarGrounder(model)
        self.rounds: list[PromptEntry] = []

    def resolve(
        self, obj: int, frame: Frame, said: Sequence[AnyPrompt], near: Frame | None = None
    ) -> ResolvedPrompts:
        """What is said now of an object on a frame, beside what was said of it there; changes
        nothing.

        near: a frame close in time, for words about what moves.  Raises BadPrompt for a
        description that cannot be looked for, NothingFound where nothing fits.
        """
        place = (obj, frame.index)
        before = [
            r for r in self.rounds if (r.placed.object_id, r.placed.frame_index) == place
        ]
        # A mask wins over every description: there is nothing to look for.
        drawn = any(
            isinstance(each, Mask) for each in (*said, *(r.placed.prompt for r in before))
        )
        added = tuple(
            PromptEntry(
                PlacedPrompt(frame.index, obj, each),
                self._answer(frame, each, near)
                if isinstance(each, Text | Exemplar) and not drawn
                else None,
            )
            for each in said
        )
        spoken = effective([Spoken(r.placed.prompt, r.answer) for r in (*before, *added)])
        height, width = frame.image.shape[:2]
        return ResolvedPrompts(added, resolve_prompts(spoken, (height, width)))

    def remember(self, heard: ResolvedPrompts) -> None:
        """Add the rounds that were heard."""
        self.rounds += heard.rounds

    def keep(self, places: Collection[tuple[int, int]]) -> None:
        """Forget every round but those of these objects and frames."""
        self.rounds = [
            r for r in self.rounds if (r.placed.object_id, r.placed.frame_index) in places
        ]

    def _answer(
        self, frame: Frame, description: ConceptPrompt, near: Frame | None
    ) -> GroundingResult:
        grounder = self._grounder_of(description)
        grounder.check([description])
        least = grounder.threshold if description.threshold is None else description.threshold
        return GroundingResult(grounder.ground(frame, [description], near), least)

    def _grounder_of(self, description: ConceptPrompt) -> Grounder:
        if isinstance(description, Exemplar):
            return self._likes
        if self._words is None:
            raise BadPrompt(
                f"'{description.phrase}' cannot be looked for: this session has no grounder "
                "for words",
                hint="give Session a grounder (vseg track: --grounder), or draw a box or "
                "a click",
            )
        return self._words
