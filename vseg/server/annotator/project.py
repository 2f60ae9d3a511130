"""One clip that is annotated: the commands that change its objects and prompts.

Enters: commands.  Leaves: a changed run or changed pending prompts, on the disk before the
command returns.  Prompts are pending until they are propagated; everything else is a revision
of the run at once, by the engine of `vseg correct`.
"""

from collections.abc import Sequence
from dataclasses import replace

from vseg.errors import BadPrompt, UnknownObject
from vseg.ops.colours import hex_of
from vseg.pipelines.run_edit import RunEdit
from vseg.prompts.check import check_agreement, check_begins, check_prompt
from vseg.results.layout import content_root, read_objects
from vseg.server.annotator.journal import Begun, Ended, Prompted, Removed
from vseg.server.annotator.journaled_run import JournaledRun
from vseg.server.annotator.ledger import PendingPrompt
from vseg.server.annotator.pending_rules import first_edits, is_void, replaced, style
from vseg.server.annotator.wire_edits import TitledEdit
from vseg.types import Prompt, PromptValue, Timecode
from vseg.types.edit_values import (
    ColourObject,
    DeleteObject,
    Edit,
    MergeObjects,
    RenameObject,
    SplitObject,
)


class Project(JournaledRun):
    """Commands may come from any thread; one is carried out at a time."""

    @property
    def known_ids(self) -> tuple[int, ...]:
        """The objects of the run and those of pending prompts, ascending."""
        pending = {p.place[0] for p in self.ledger.pending}
        return tuple(sorted({*self.run.object_ids, *pending}))

    def pending_of(self, obj: int, frame: int) -> tuple[PendingPrompt, ...]:
        """The pending prompts of an object on a frame, in the order given."""
        return tuple(p for p in self.ledger.pending if p.place == (obj, frame))

    def add_prompt(self, obj: int | None, frame: int, value: PromptValue) -> PendingPrompt:
        """Keep a prompt; obj: None for a new object.

        Raises BadPrompt for one that is not on the frame, or says only where a new object is
        not, UnknownObject.
        """
        with self.lock:
            number = self._next_id() if obj is None else obj
            if obj is not None and obj not in self.known_ids:
                known = ", ".join(map(str, self.known_ids)) or "none"
                raise UnknownObject(f"there is no object {obj}", hint=f"objects: {known}")
            self.check_frame(frame)
            video = self.run.video
            check_prompt(value, (video.height, video.width), video.rotation, frame)
            self._check_marks(number, frame, value)
            prompt = Prompt(number, Timecode(frame=frame), value)
            entry = Prompted(
                number=self.ledger.numbers + 1,
                prompt=self.journal.pack(prompt),
                replaces=tuple(
                    p.number for p in replaced(self.pending_of(number, frame), value)
                ),
            )
            self._write(entry, prompt)
            return PendingPrompt(entry.number, prompt)

    def remove_prompts(self, obj: int, frame: int, number: int | None) -> tuple[int, ...]:
        """Take pending prompts away; their numbers.  Raises BadPrompt if there are none."""
        with self.lock:
            own = [p.number for p in self.pending_of(obj, frame)]
            if self.ledger.begun is not None and {*own} & {*self.ledger.begun.consumes}:
                self._check_still()
            gone = tuple(n for n in own if number in (None, n))
            if not gone:
                raise BadPrompt(
                    f"object {obj} has no pending marks on frame {frame}"
                    + ("" if number is None else f" of number {number}"),
                    hint="marks that were propagated are undone, or corrected by new ones",
                )
            self._write(Removed(numbers=gone))
            return gone

    def edit(self, titled: TitledEdit) -> int | None:
        """Make an edit; the id of the object that it made.  Raises what `RunEdit` raises, and
        BadPrompt for a merge or split of an object with pending prompts.
        """
        with self.lock:
            self._check_still()
            edit = titled.edit
            own = [p for p in self.ledger.pending if p.place[0] in titled.objects]
            stored = set(self.run.object_ids)
            if isinstance(edit, DeleteObject) and own and edit.object_id not in stored:
                self._write(Removed(numbers=tuple(p.number for p in own)))
                return None
            if isinstance(edit, MergeObjects | SplitObject) and own:
                obj, frame = own[0].place
                raise BadPrompt(
                    f"object {obj} has marks on frame {frame} that were not propagated",
                    hint="propagate or remove them first",
                )
            new = [
                obj for obj in titled.objects if obj not in stored and obj in self.known_ids
            ]
            if new and isinstance(edit, RenameObject | ColourObject):
                self._write(style(edit))
                return None
            consumed = tuple(p.number for p in own if is_void(p, edit))
            begun = Begun(
                revision=self._next_revision(),
                title=titled.title,
                object=titled.object_id,
                frame=titled.frame,
                consumes=consumed,
            )
            fresh = None
            if isinstance(edit, SplitObject):
                # Objects that have pending prompts alone have their ids already.
                fresh = self._next_id()
                edit = replace(edit, fresh=fresh)
            first = [one for obj in new for one in self.first_edits(obj)]
            self._make_revision(begun, [*first, edit])
            return fresh

    def _make_revision(self, begun: Begun, edits: Sequence[Edit]) -> None:
        """Write a revision of edits, with the journal around it."""
        self._write(begun)
        revision = None
        try:
            with RunEdit(self.path) as opened:
                for edit in edits:
                    opened.apply(edit)
            revision = None if opened.revision is None else opened.revision.number
        finally:
            self.end_revision(Ended(revision=revision))

    def check_frame(self, frame: int) -> None:
        """Raise BadPrompt for a frame that the run does not reach to."""
        first, end = self.frames
        if not first <= frame < end:
            raise BadPrompt(
                f"there is no frame {frame}", hint=f"the clip has frames {first} to {end - 1}"
            )

    @property
    def frames(self) -> tuple[int, int]:
        """First frame and last + 1."""
        extent = self.run.extent
        return (0, 0) if extent is None else (extent[0], extent[1] + 1)

    def colour_of(self, obj: int) -> str:
        """The colour of an object, stored or not."""
        stored = next((o.colour for o in self.run.objects if o.id == obj), None)
        return stored or self.ledger.style_of(obj).colour or hex_of(obj)

    def first_edits(self, obj: int) -> list[Edit]:
        """What makes an object of pending prompts one of the run."""
        return [*first_edits(self.ledger.style_of(obj))]

    def _check_marks(self, obj: int, frame: int, value: PromptValue) -> None:
        """Raise BadPrompt for a click that contradicts another one, and for negative marks on
        a frame on which nothing shows the object.
        """
        before = [p.prompt.value for p in self.pending_of(obj, frame)]
        where = f"object {obj} on frame {frame}"
        check_agreement([*before, value], where)
        if obj in self.run.object_ids and frame in self.run and obj in self.run[frame]:
            return
        check_begins([*before, value], where)

    def _next_id(self) -> int:
        """An id that no object of any revision has or had, nor any that was prompted."""
        header = self.run.header
        used = {0, *self.ledger.objects}
        for number in (0, *(known.number for known in header.revisions)):
            root = content_root(self.path, header, number)
            used |= {stored.id for stored in read_objects(root)}
        return max(used) + 1
