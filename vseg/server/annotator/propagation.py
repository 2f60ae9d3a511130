"""The propagation of pending prompts, or of masks that come from another program: one revision
of the run.

Enters: pending prompts and how far they may reach, or edits.  Leaves: a revision with what
was tracked, to the end or to where it was cancelled, and the masks of every frame as they
come.  Runs on a thread of its own; the device is passed on after every frame.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vseg.errors import VsegError
from vseg.frame_masks import FrameMasks
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.job import ProgressCallbacks
from vseg.pipelines.propagation_settings import PropagationSettings, Reach
from vseg.pipelines.run_edit import RunEdit
from vseg.server.annotator.journal import Ended
from vseg.server.annotator.ledger import PendingPrompt
from vseg.server.annotator.mask_message import MaskFlag, ShownMask
from vseg.server.annotator.project import Project
from vseg.server.annotator.wire_values import RunningPropagation, Span
from vseg.types import MaskCrop

KEPT_FRAMES = 64
"""Frames whose new masks are kept until the revision is made, for who shows one of them."""


@dataclass(slots=True)
class Propagation:
    """One propagation.  job: its number.  edits: what is made of the run before prompts are
    propagated.  cut: set to end it with what there is.  live: the masks tracked last, by
    frame.
    """

    job: int
    prompts: Sequence[PendingPrompt]
    reach: Reach = field(default_factory=Reach)
    edits: Callable[[RunEdit], None] = lambda edit: None
    cut: threading.Event = field(default_factory=threading.Event)
    live: OrderedDict[int, list[ShownMask]] = field(default_factory=OrderedDict)
    spans: list[Span] = field(default_factory=list)
    revision: int | None = None
    error: VsegError | None = None
    done: int = 0
    total: int = 0
    frame: int | None = None
    began: float = field(default_factory=time.monotonic)

    def run(
        self,
        project: Project,
        correction: Callable[[], CorrectionSettings],
        shown: Callable[[list[ShownMask]], None],
        seen: Callable[[int, int], MaskCrop | None],
    ) -> None:
        """Track.  correction(): what with; it may load a model.  shown(masks): called with
        those of every frame; what it raises ends the propagation without a revision.
        seen(obj, frame): the mask that was shown for the prompts of an object on a frame.
        Raises what `correction` and `RunEdit` raise.
        """
        ended = Ended(revision=None)
        try:
            ended = self._tracked(project, correction, shown, seen)
        finally:
            project.end_revision(ended)

    @property
    def state(self) -> RunningPropagation:
        """How far it has come."""
        return RunningPropagation(
            job=self.job,
            done=self.done,
            total=self.total,
            frame=self.frame,
            seconds=round(time.monotonic() - self.began, 2),
        )

    def _tracked(
        self,
        project: Project,
        correction: Callable[[], CorrectionSettings],
        shown: Callable[[list[ShownMask]], None],
        seen: Callable[[int, int], MaskCrop | None],
    ) -> Ended:
        def on_masks(masks: FrameMasks) -> None:
            self.frame = masks.frame_index
            self.live[masks.frame_index] = [_live(masks, obj) for obj in masks]
            while len(self.live) > KEPT_FRAMES:
                self.live.popitem(last=False)
            shown(self.live[masks.frame_index])

        objects = {p.place[0] for p in self.prompts}
        new = sorted(objects - {*project.run.object_ids})
        settings = PropagationSettings(self.reach, self.cut.is_set, on_masks, seen)
        callbacks = ProgressCallbacks(self._count)
        with RunEdit(project.path, correction(), callbacks) as edit:
            self.edits(edit)
            for first in (one for obj in new for one in project.first_edits(obj)):
                edit.apply(first)
            edit.add_prompts(p.prompt for p in self.prompts)
            for span in edit.propagate(settings):
                self.spans.append(Span(object=span.object_id, first=span.first, end=span.end))
            left = {(p.object_id, p.frame_index) for p in edit.left}
            if self.prompts and left == {p.place for p in self.prompts}:
                edit.abandon()
        self.revision = None if edit.revision is None else edit.revision.number
        unending = edit.cut | (self._bounded(project, new) & objects)
        return Ended(
            revision=self.revision,
            left=tuple(p.number for p in self.prompts if p.place in left),
            unending=tuple(sorted(unending)),
            ended=tuple(sorted(objects - unending)),
            frames=self.done,
        )

    def _bounded(self, project: Project, new: Sequence[int]) -> set[int]:
        """The objects whose rows now end at a bound that the user gave."""
        bounded = self.reach.direction != "both" or (self.reach.first, self.reach.end) != (
            None,
            None,
        )
        return {*new, *project.ledger.unending} if bounded else set()

    def _count(self, done: int, total: int) -> None:
        self.done = done
        self.total = total


def _live(masks: FrameMasks, obj: int) -> ShownMask:
    place = masks.object_ids.index(obj)
    flags = MaskFlag.TRANSIENT
    if masks.visible[place]:
        flags |= MaskFlag.PRESENT
    if masks.sources[place] == "prompt":
        flags |= MaskFlag.ANCHOR
    return ShownMask(
        masks.frame_index, obj, flags, float(masks.scores[place]), masks.crop(obj)
    )
