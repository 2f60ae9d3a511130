"""What the page is told of a project: objects, pending prompts, what is stale, undo and redo.

Enters: a project.  Leaves: the values of messages.  Nothing here grows with the clip.
"""

from vseg.pipelines.correction_gaps import gaps_of
from vseg.pipelines.propagation_settings import Reach
from vseg.results.lives import object_lives
from vseg.results.spans import ObjectSpans
from vseg.server.annotator.desk_events import ObjectsEvent, StaleEvent
from vseg.server.annotator.frame_view import FrameView
from vseg.server.annotator.ledger import LedgerStep
from vseg.server.annotator.page_prompts import pending_mark
from vseg.server.annotator.project import Project
from vseg.server.annotator.wire_values import ObjectState, PendingMark, Span, StepTitle


class DeskState:
    """The state of one project, asked for after every command."""

    def __init__(self, project: Project, view: FrameView) -> None:
        self._project = project
        self._view = view
        self._lives: tuple[int, dict[int, tuple[int, int]]] = (-1, {})

    def objects(self) -> list[ObjectState]:
        """The objects, by ascending id."""
        project = self._project
        stored = {known.id: known for known in project.run.objects}
        states = []
        for obj in project.known_ids:
            known = stored.get(obj)
            states.append(
                ObjectState(
                    id=obj,
                    label=project.ledger.style_of(obj).label if known is None else known.label,
                    name=None if known is None else known.name,
                    colour=project.colour_of(obj),
                    first_frame=None if known is None else known.first_frame,
                    last_frame=None if known is None else known.last_frame,
                    stored=known is not None,
                )
            )
        return states

    def pending(self) -> list[PendingMark]:
        """The pending prompts, in the order given."""
        return [pending_mark(pending) for pending in self._project.ledger.pending]

    def stale(self) -> list[Span]:
        """What the pending prompts will track again, at most."""
        project = self._project
        with project.lock:
            places = {(p.place[1], p.place[0]) for p in project.ledger.pending}
            ids = {obj for _, obj in places}
            known = self._view.spans()
            none = {obj: ObjectSpans(object_id=obj, spans=()) for obj in ids}
            spans = {obj: known.get(obj, none[obj]) for obj in ids}
            reach = Reach(unending=project.ledger.unending)
            lives = {obj: life for obj, life in self._life_of(ids - reach.unending).items()}
            first, end = project.frames
            gaps = gaps_of(spans, places, lives, (first, end - 1), reach)
        found = [Span(object=obj, first=at, end=at + 1) for at, obj in sorted(places)]
        ranges = ((gap.object_id, *gap.range) for gap in gaps)
        return found + [Span(object=obj, first=a, end=b) for obj, a, b in ranges]

    def undo(self) -> StepTitle | None:
        """What undo would take back."""
        steps = self._project.ledger.steps
        return step_title(steps[-1]) if steps else None

    def redo(self) -> StepTitle | None:
        """What redo would make again."""
        undone = self._project.ledger.undone
        return step_title(undone[-1]) if undone else None

    def objects_event(self, seq: int) -> ObjectsEvent:
        """Objects, pending prompts, undo and redo as an event."""
        with self._project.lock:
            return ObjectsEvent(
                seq=seq,
                revision=self._project.run.revision,
                objects=self.objects(),
                pending=self.pending(),
                undo=self.undo(),
                redo=self.redo(),
            )

    def stale_event(self, seq: int) -> StaleEvent:
        """`stale` as an event."""
        return StaleEvent(seq=seq, spans=self.stale())

    def _life_of(self, ids: set[int]) -> dict[int, tuple[int, int]]:
        """The first and the last frame with a row, of those that have one; read once for each
        revision and object.
        """
        run = self._project.run
        if self._lives[0] != run.revision:
            self._lives = run.revision, {}
        held = self._lives[1]
        wanted = {obj for obj in ids if obj in run.object_ids} - held.keys()
        if wanted:
            held |= object_lives(run.content, run.shards, wanted, visible=False)
        return {obj: held[obj] for obj in ids if obj in held}


def step_title(step: LedgerStep) -> StepTitle:
    """What undo or redo does, as the page is told."""
    return StepTitle(title=step.title, object=step.object_id, frame=step.frame)
