"""What a journal amounts to: the prompts that are pending, the revision that counts, and what
can be undone and redone.

Enters: entries, in order.  Leaves: the state after them.  Undo and redo move between the
steps; the state is that of the steps that count, read from the start, so that it cannot
depend on the way it was come to.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vseg.errors import BadRun
from vseg.server.annotator.journal import (
    AnyEntry,
    Begun,
    Ended,
    Journal,
    Opened,
    Outside,
    Prompted,
    Redone,
    Removed,
    Skipped,
    Styled,
    Undone,
)
from vseg.types import Prompt


@dataclass(frozen=True, slots=True)
class PendingPrompt:
    """A prompt that was not propagated yet."""

    number: int
    prompt: Prompt

    @property
    def place(self) -> tuple[int, int]:
        """Object and frame."""
        assert self.prompt.object_id is not None, "an annotator's prompt is of one object"
        return self.prompt.object_id, self.prompt.frame_index


@dataclass(frozen=True, slots=True)
class LedgerStep:
    """One thing that undo takes back.  title, object_id, frame: what, and where.  revision:
    that the run has from then on, None where it stays.
    """

    title: str
    object_id: int | None
    frame: int | None
    revision: int | None = None
    adds: PendingPrompt | None = None
    takes: frozenset[int] = frozenset()
    unending: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()
    skips: tuple[int, int, int] | None = None
    styles: Styled | None = None


@dataclass(slots=True)
class Ledger:
    """The state of a journal.  base: the revision that was opened, once it was.  steps: that
    count; undone: that can be redone, the next one last.  begun: a revision under way.
    moved_from: the revision that the run had, where the last entry is an undo or a redo.
    numbers: the greatest of a prompt; objects: all that were ever prompted.
    """

    base: int = 0
    opened: bool = False
    steps: list[LedgerStep] = field(default_factory=list)
    undone: list[LedgerStep] = field(default_factory=list)
    begun: Begun | None = None
    moved_from: int | None = None
    numbers: int = 0
    objects: set[int] = field(default_factory=set)

    def add(self, entry: AnyEntry, prompt: Prompt | None = None) -> None:
        """Take an entry.  prompt: of a Prompted one."""
        self.moved_from = None
        match entry:
            case Opened():
                self.base = entry.revision
                self.opened = True
            case Begun():
                self.begun = entry
            case Undone():
                self.undone.append(self.steps.pop())
                self.moved_from = entry.before
            case Redone():
                self.steps.append(self.undone.pop())
                self.moved_from = entry.before
            case _:
                self._add_step(entry, prompt)

    def _add_step(
        self,
        entry: Prompted | Removed | Styled | Ended | Skipped | Outside,
        prompt: Prompt | None,
    ) -> None:
        step = self._step(entry, prompt)
        if step is not None:
            self.steps.append(step)
            self.undone.clear()

    def _step(
        self,
        entry: Prompted | Removed | Styled | Ended | Skipped | Outside,
        prompt: Prompt | None,
    ) -> LedgerStep | None:
        match entry:
            case Prompted():
                assert prompt is not None, "a prompt comes with its entry"
                return self._prompted(entry, prompt)
            case Removed():
                return self._removed(entry)
            case Styled():
                title = "colour" if entry.label is None else "name"
                return LedgerStep(title, entry.object, None, styles=entry)
            case Ended():
                begun = self.begun
                self.begun = None
                return None if begun is None else _revised(begun, entry)
            case Skipped():
                span = (entry.object, entry.first, entry.end)
                return LedgerStep("skip", entry.object, entry.first, skips=span)
            case Outside():
                return LedgerStep(
                    "change by another program", None, None, revision=entry.revision
                )

    def _prompted(self, entry: Prompted, prompt: Prompt) -> LedgerStep:
        added = PendingPrompt(entry.number, prompt)
        self.numbers = max(self.numbers, entry.number)
        obj, frame = added.place
        self.objects.add(obj)
        title = _KINDS[type(prompt.value).__name__]
        return LedgerStep(title, obj, frame, adds=added, takes=frozenset(entry.replaces))

    def _removed(self, entry: Removed) -> LedgerStep:
        gone = [p for p in self.pending if p.number in entry.numbers]
        obj, frame = gone[0].place if gone else (None, None)
        return LedgerStep("removal of marks", obj, frame, takes=frozenset(entry.numbers))

    @property
    def pending(self) -> tuple[PendingPrompt, ...]:
        """The prompts that are pending, in the order given."""
        held: dict[int, PendingPrompt] = {}
        for step in self.steps:
            for number in step.takes:
                held.pop(number, None)
            if step.adds is not None:
                held[step.adds.number] = step.adds
        return tuple(held.values())

    @property
    def revision(self) -> int:
        """The revision that the run is to be at."""
        return self.revision_after(self.steps)

    def revision_after(self, steps: Iterable[LedgerStep]) -> int:
        """The same after these steps only."""
        revision = self.base
        for step in steps:
            revision = revision if step.revision is None else step.revision
        return revision

    @property
    def unending(self) -> frozenset[int]:
        """Objects whose rows end only because a propagation was ended or bounded there."""
        held: frozenset[int] = frozenset()
        for step in self.steps:
            held = (held - step.ended) | step.unending
        return held

    def style_of(self, obj: int) -> Styled:
        """What an object is called and drawn in from when it is stored."""
        label = colour = None
        for step in self.steps:
            if step.styles is not None and step.styles.object == obj:
                label = step.styles.label or label
                colour = step.styles.colour or colour
        return Styled(object=obj, label=label, colour=colour)

    def skipped(self) -> Iterator[tuple[int, int, int]]:
        """Object, first and end of the risky spans that were left for later."""
        return (step.skips for step in self.steps if step.skips is not None)


def read_ledger(journal: Journal) -> Ledger:
    """What a journal amounts to.  Raises BadRun."""
    ledger = Ledger()
    for entry in journal.read():
        prompt = journal.unpack(entry.prompt) if isinstance(entry, Prompted) else None
        try:
            ledger.add(entry, prompt)
        except IndexError as error:
            raise BadRun(
                f"{journal.path} undoes or redoes more than was done",
                hint="delete it: the run itself is whole",
            ) from error
    return ledger


def _revised(begun: Begun, ended: Ended) -> LedgerStep | None:
    """The step of a revision; None where none was made."""
    if ended.revision is None:
        return None
    return LedgerStep(
        begun.title,
        begun.object,
        begun.frame,
        revision=ended.revision,
        takes=frozenset(begun.consumes) - frozenset(ended.left),
        unending=frozenset(ended.unending),
        ended=frozenset(ended.ended),
    )


_KINDS = {
    "Points": "click",
    "Box": "box",
    "Scribble": "scribble",
    "Mask": "brush",
    "Polygon": "polygon",
    "Text": "words",
    "Exemplar": "exemplar",
}
