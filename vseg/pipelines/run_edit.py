"""Corrections of a finished run: edits and prompts in, a new revision out.

Enters: a run, then edits and prompts in the order given.  Leaves: one revision, when the block
ends without an error; otherwise the run as it was.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from vseg.build import open_clip
from vseg.errors import BadPrompt, UsageError
from vseg.ops.frame_range import end_of_last, is_end
from vseg.pipelines.correction_gaps import Gap, check_positive
from vseg.pipelines.correction_plan import plan
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.job import ProgressCallbacks
from vseg.pipelines.propagation_settings import PropagationSettings, Reach
from vseg.prompts.check import check_prompt, collect_prompts, placed_prompts
from vseg.prompts.commands import prompt_options
from vseg.results.draft import RevisionDraft
from vseg.results.draft_checks import check_frame, check_object, end_of, next_object_id
from vseg.results.edits import apply_edit
from vseg.results.records import Revision
from vseg.results.run import Run
from vseg.results.write_lock import write_lock
from vseg.types import Prompt, PromptValue, Timecode
from vseg.types.edit_values import (
    AcceptSpan,
    AddObject,
    ColourObject,
    DeleteObject,
    Edit,
    MarkAbsent,
    MergeObjects,
    RenameObject,
    SplitObject,
)

if TYPE_CHECKING:
    from vseg.pipelines.correction import CorrectedSpan


class RunEdit:
    """Edits of one run; use it as a context manager.

    with vseg.open_run("runs/a").edit() as edit:
        edit.rename(1, "car")
        edit.absent(2, 40, 55)
        edit.prompt(2, 60, points=[(412, 220)])
        for span in edit.propagate():
            print(span)

    revision: what the edits became, once the block has ended; None before that, and where
    nothing was edited.  cut, left: objects whose propagation was ended before its end, and
    prompts whose turn had not come then, which are not part of the revision.
    """

    def __init__(
        self,
        path: Path,
        settings: CorrectionSettings | None = None,
        callbacks: ProgressCallbacks | None = None,
    ) -> None:
        """settings: of the tracking; the run's where none are given."""
        self.path = path
        self.revision: Revision | None = None
        self._settings = settings or CorrectionSettings()
        self._callbacks = callbacks or ProgressCallbacks()
        self.cut: set[int] = set()
        self.left: list[Prompt] = []
        self._prompts: list[Prompt] = []
        self._frames = 0
        self._seconds = 0.0
        self._draft: RevisionDraft | None = None
        self._stack = ExitStack()
        self._commands: list[str] = []

    def __enter__(self) -> "RunEdit":
        """Raises BadRun for a run that is not finished, OutputError if another process writes
        it.
        """
        with ExitStack() as stack:
            stack.enter_context(write_lock(self.path))
            self._draft = RevisionDraft(self.path)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            draft = self.draft
            try:
                if error is None:
                    self._commit(draft)
            finally:
                self._draft = None
                if self.revision is None:
                    draft.discard()

    @property
    def draft(self) -> RevisionDraft:
        """The revision being made.  Raises UsageError outside the `with` block."""
        if self._draft is None:
            raise UsageError(
                "the edit is not open", hint="with run.edit() as edit: edit.rename(1, 'car')"
            )
        return self._draft

    def abandon(self) -> None:
        """Let the block end without a revision."""
        self._commands = []
        self._prompts = []

    def apply(self, edit: Edit) -> None:
        """Make one edit; the methods below are the same by name.  Prompts that were given
        before it are propagated first.

        Raises what `propagate` and `apply_edit` raise, and then nothing has changed by it.
        """
        self._propagate_all()
        apply_edit(self.draft, edit)
        self._commands.append(str(edit))

    def prompt(
        self, obj: int, frame: int, prompts: Sequence[PromptValue] = (), **numbers: Any
    ) -> None:
        """Say where an object is on a frame, as in `Session.prompt`: points, labels, box,
        scribble, mask, polygon, text or exemplar.

        `propagate` tracks from it; the next edit and the end of the block do so as well.
        Raises UnknownObject, and BadPrompt for a frame that the run has not, a prompt that
        does not lie on it, and a negative one alone where the object is absent.
        """
        values = collect_prompts(prompts, **numbers)
        self.add_prompts(Prompt(obj, Timecode(frame=frame), value) for value in values)

    def add_prompts(self, prompts: Iterable[Prompt]) -> None:
        """The same for prompts with their places; a time is that of a stored frame."""
        listed = placed_prompts(prompts)
        placed = [replace(p, at=Timecode(frame=self.frame_of(p.at))) for p in listed]
        video = self.draft.header.video
        for prompt in placed:
            if prompt.object_id is None:
                raise UsageError(
                    "a correction is of one object", hint="name it: --text '2@60:a dog'"
                )
            check_object(self.draft, prompt.object_id, prompted=True)
            hw = (video.height, video.width)
            check_prompt(prompt.value, hw, video.rotation, prompt.frame_index)
        check_positive(self.draft.content.spans, placed)
        self._prompts += placed

    def plan(self, reach: Reach | None = None) -> tuple[Gap, ...]:
        """How far the prompts given may reach, at most, before and after each; tracking ends
        earlier where it comes to agree with what is stored.
        """
        spans = dict(self.draft.content.spans)
        planned = plan(self.draft, self._prompts, reach or Reach())
        self.draft.content.spans = spans
        return planned

    @property
    def frames_per_s(self) -> float | None:
        """How fast the last correction of this run was tracked; None before the first."""
        measured = [r for r in self.draft.header.revisions if r.seconds > 0]
        return measured[-1].frames / measured[-1].seconds if measured else None

    def propagate(
        self, settings: PropagationSettings | None = None
    ) -> "Iterator[CorrectedSpan]":
        """Track from every prompt given since the last call; each span once it is corrected.

        settings: how far, and when to end with what there is.

        Raises BadRun for another clip, WeightsMismatch, BadPrompt, NothingFound, and
        KeyboardInterrupt when the callbacks ask to stop.
        """
        prompts = self._prompts
        self._prompts = []
        if not prompts:
            return
        # What tracks needs torch, whose import takes seconds: edits alone do without.
        from vseg.pipelines.correction import Correction
        from vseg.pipelines.correction_setup import open_tracker

        draft = self.draft
        with open_tracker(Run(self.path, open_clip), self._settings, prompts) as tracker:
            chosen = settings or PropagationSettings()
            correction = Correction(draft, tracker, self._callbacks, chosen)
            yield from correction.run(prompts)
        self.left += correction.left
        self.cut |= correction.cut
        self._commands += [prompt_options(prompt) for prompt in correction.done]
        if correction.done and (bounds := str(chosen.reach)):
            self._commands.append(bounds)
        self._frames += correction.frames
        self._seconds += correction.seconds

    def absent(self, obj: int, first: int, end: int) -> None:
        """The object is not in the image on frames [first, end)."""
        self.apply(MarkAbsent(obj, first, end))

    def accept(self, obj: int, first: int, end: int) -> None:
        """The object's masks on frames [first, end) are right, and stay as they are."""
        self.apply(AcceptSpan(obj, first, end))

    def delete(self, obj: int) -> None:
        """Drop an object."""
        self.apply(DeleteObject(obj))

    def rename(self, obj: int, label: str) -> None:
        """Name an object."""
        self.apply(RenameObject(obj, label))

    def colour(self, obj: int, colour: str) -> None:
        """Draw an object in a colour, #rrggbb."""
        self.apply(ColourObject(obj, colour))

    def merge(self, *objects: int) -> None:
        """Several objects become the first of them."""
        self.apply(MergeObjects(objects))

    def split(self, obj: int, at: int) -> int:
        """From frame `at` on the object is another one; the new id."""
        fresh = next_object_id(self.draft)
        self.apply(SplitObject(obj, at))
        return fresh

    def add(self, label: str | None = None, *, obj: int | None = None) -> int:
        """A new object, to be prompted; its id, the next free one unless `obj` is given."""
        number = next_object_id(self.draft) if obj is None else obj
        self.apply(AddObject(number, label))
        return number

    def _commit(self, draft: RevisionDraft) -> None:
        self._propagate_all()
        if self._commands:
            self.revision = draft.commit(
                self._commands, frames=self._frames, seconds=self._seconds
            )

    def _propagate_all(self) -> None:
        for _ in self.propagate():
            pass

    @property
    def _end_s(self) -> float:
        return end_of_last(self.draft.header.video, self.draft.index.last_time_s or 0.0)

    def frame_of(self, at: Timecode) -> int:
        """The stored frame at a frame number or time.  Raises BadPrompt."""
        _check_place(at)
        index = at.frame
        if index is None:
            assert at.time_s is not None
            if at.time_s >= self._end_s:
                raise BadPrompt(
                    f"{at.time_s:g}s is past the end: {self.path} ends at {self._end_s:.3f} s",
                    hint="`vseg probe` tells the true duration of the clip",
                )
            index = self.draft.index.frame_at(at.time_s)
        if index is None:
            raise BadPrompt(f"{self.path} holds no frame")
        check_frame(self.draft, index)
        return index

    def range_of(self, first: Timecode, end: Timecode | None) -> tuple[int, int]:
        """First frame and last + 1 of a range; left out, its end is that of the run.  Raises
        BadPrompt.
        """
        _check_place(first if end is None else end)
        last = end_of(self.draft)
        at_end = end is not None and end.time_s is not None and is_end(end.time_s, self._end_s)
        if end is None or at_end or end.frame == last:
            return self.frame_of(first), last
        return self.frame_of(first), self.frame_of(end)


def _check_place(at: object) -> None:
    """Raise BadPrompt for what is no Timecode."""
    if not isinstance(at, Timecode):
        raise BadPrompt(
            f"a place is {type(at).__name__}, not vseg.Timecode",
            hint="give vseg.Timecode(frame=60), or vseg.Timecode(time_s=2.4)",
        )
