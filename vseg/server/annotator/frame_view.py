"""The masks of one frame as an annotator sees them: those of the run, and over them those of
pending prompts.

Enters: a project and a frame.  Leaves: ShownMasks.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from vseg.frame_masks import FrameMasks
from vseg.ops.masks import crop_overlap
from vseg.results.spans import ObjectSpans, SpanState
from vseg.server.annotator.ledger import PendingPrompt
from vseg.server.annotator.mask_message import MaskFlag, ShownMask
from vseg.server.annotator.project import Project
from vseg.server.annotator.prompted_images import PromptedImages, PromptedMask
from vseg.session.identity.nested_objects import NESTED
from vseg.types import Mask, MaskCrop, Polygon, Prompt

_GIVEN = ("prompt", "import")


@dataclass(frozen=True, slots=True)
class PromptedPlace:
    """An object with pending prompts on a frame.  key: what names the prompts and the stored
    mask that they correct.
    """

    object_id: int
    frame: int
    prompts: tuple[Prompt, ...]
    stored: MaskCrop | None
    key: tuple[int, int, tuple[int, ...], int]

    @property
    def is_painted(self) -> bool:
        """Whether the user gave its mask."""
        return isinstance(self.prompts[-1].value, Mask | Polygon)

    def known(self, images: PromptedImages) -> ShownMask | None:
        """Its mask if it is held, on any thread.  Raises what `PromptedImages.mask` raised."""
        mask = images.known(self.key)
        return None if mask is None else self._shown(mask)

    def decoded(self, images: PromptedImages) -> ShownMask:
        """Its mask; on the thread of the device.  Raises what `PromptedImages.mask` raises."""
        return self._shown(images.mask(self.key, self.prompts, self.stored))

    def _shown(self, mask: PromptedMask) -> ShownMask:
        flags = MaskFlag.PENDING
        if mask.crop.area:
            flags |= MaskFlag.PRESENT
        return ShownMask(self.frame, self.object_id, flags, mask.score, mask.crop)


def apart(masks: Collection[ShownMask], painted: Collection[int]) -> list[ShownMask]:
    """Masks of one frame that were decoded one by one, without the pixels that they share.

    painted: objects whose masks the user gave, which share pixels.  `propagate` decodes the
    others together, and no pixel is in two of them but of a part and its whole.  Until then
    the smaller mask has them: one that is decoded alone errs by spreading, as where
    `FrameMasks.with_others` has no logits.
    """
    smallest = sorted(
        masks, key=lambda m: (m.object_id not in painted, m.crop.area, m.object_id)
    )
    shown: list[ShownMask] = []
    for mask in smallest:
        crop = mask.crop
        if mask.object_id not in painted:
            before = smallest[: len(shown)]
            crop = crop.without(m.crop for m in before if not _nested(m.crop, crop))
        shown.append(mask if crop is mask.crop else replace(mask, crop=crop))
    return shown


def _nested(one: MaskCrop, other: MaskCrop) -> bool:
    return crop_overlap(one, other) > NESTED * min(one.area, other.area)


class FrameView:
    """The frames of a project.  What is known of a revision is read once for it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._spans: tuple[int, dict[int, ObjectSpans]] = (-1, {})

    def spans(self) -> dict[int, ObjectSpans]:
        """The spans of every object, by id."""
        project = self._project
        with project.lock:
            if self._spans[0] != project.run.revision:
                known = {spans.object_id: spans for spans in project.run.spans}
                self._spans = project.run.revision, known
            return self._spans[1]

    def stored(self, frame: int) -> list[ShownMask]:
        """The masks of the run, without those of objects that have pending prompts here."""
        project = self._project
        with project.lock:
            masks = self._masks(frame)
            if masks is None:
                return []
            spans = self.spans()
            prompted = {obj for obj, at in self._places() if at == frame}
            return [_stored(masks, obj, spans) for obj in masks if obj not in prompted]

    def prompted(self, frame: int, only: Iterable[int] | None = None) -> list[PromptedPlace]:
        """The objects with pending prompts on a frame."""
        project = self._project
        with project.lock:
            masks = self._masks(frame)
            wanted = {obj for obj, at in self._places() if at == frame}
            wanted &= wanted if only is None else {*only}
            return [
                self._place(obj, frame, self._project.pending_of(obj, frame), masks)
                for obj in sorted(wanted)
            ]

    def place(self, obj: int, frame: int, prompts: Sequence[PendingPrompt]) -> PromptedPlace:
        """An object with these prompts on a frame, which correct what is stored there."""
        with self._project.lock:
            return self._place(obj, frame, prompts, self._masks(frame))

    def crop(self, obj: int, frame: int) -> MaskCrop | None:
        """The stored mask of an object on a frame, None where it has no row."""
        with self._project.lock:
            masks = self._masks(frame)
            return masks.crop(obj) if masks is not None and obj in masks else None

    def missing(self, frame: int, here: Collection[int]) -> list[ShownMask]:
        """For the objects that have no mask on a frame, that they have none.  here: those that
        have one.
        """
        gone = [obj for obj in self._project.known_ids if obj not in here]
        return [ShownMask(frame, obj, MaskFlag(0), 0.0, MaskCrop.empty()) for obj in gone]

    def _place(
        self,
        obj: int,
        frame: int,
        pending: Sequence[PendingPrompt],
        masks: FrameMasks | None,
    ) -> PromptedPlace:
        stored = masks.crop(obj) if masks is not None and obj in masks else None
        numbers = tuple(p.number for p in pending)
        return PromptedPlace(
            obj,
            frame,
            tuple(p.prompt for p in pending),
            stored,
            (obj, frame, numbers, self._project.run.revision),
        )

    def _places(self) -> set[tuple[int, int]]:
        return {p.place for p in self._project.ledger.pending}

    def _masks(self, frame: int) -> FrameMasks | None:
        run = self._project.run
        if frame not in run:  # damaged, or beyond the end
            return None
        return run[frame]


def _stored(masks: FrameMasks, obj: int, spans: dict[int, ObjectSpans]) -> ShownMask:
    place = masks.object_ids.index(obj)
    own = spans.get(obj)
    frame = masks.frame_index
    flags = MaskFlag(0)
    if masks.visible[place]:
        flags |= MaskFlag.PRESENT
    if masks.sources[place] in _GIVEN or (own is not None and frame in own.anchors):
        flags |= MaskFlag.ANCHOR
    if own is not None and own.state_at(frame) is SpanState.ACCEPTED:
        flags |= MaskFlag.ACCEPTED
    return ShownMask(frame, obj, flags, float(masks.scores[place]), masks.crop(obj))
