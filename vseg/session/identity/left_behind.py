"""Parts of a mask that stay behind while its object moves on.

Enters: the masks of a frame by object, and the frame.  Leaves: the same without such parts.
What an object touches may join its mask, and stays there when the object is gone: on every
frame it is near where it was, and it is remembered.  But it moves as what is around it does,
and the body does not: they are different layers (Wang and Adelson, Representing moving images
with layers, 1994).  Parts on both sides of what hides an object move as its body, an object
that stands still leaves nothing behind, and a prompt may say that an object is in parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float32

from vseg.session.identity.bodies import Labels, separate_bodies
from vseg.session.identity.frame_facts import Mirrored, Rows
from vseg.session.identity.identity_input import IdentityInput
from vseg.session.identity.layers import GREY_SCALE, Cells, Grey, Vector
from vseg.session.identity.optical_flow import Flow, comparable, median_flow, optical_flow
from vseg.session.identity.replaced_rows import without_cells

# The body must have moved on by this share of the square root of its area, and by so many
# cells, on no fewer frames than these: one that nods, or one wrong motion, says nothing.
# Round values.
_SHARE = 0.25
_LEAST = 2.0
_FRAMES = 4
# Slower than this, in cells per frame, is not told from standing still, and of what is faster
# than this the optical flow is not believed.  Round values.
_MOVES = 0.25
_TRUSTED = 4.0
# A part stays if its pixels differ by less than this times as much from what was there before
# moved as its surroundings as from the same moved as the body. On the 30 training clips, masks
# given, parts of the objects larger than three cells never do, parts of something else nearly
# always. Its own flow says nothing of a thin part, where it is that around it; but a part that
# by its flow moves otherwise than its surroundings, by this share of what the body does, goes
# its own way: a mask is on two things, and which is the object it cannot say.
_RATHER = 0.7
_STILL = 0.25
# Only the largest parts are looked at, so that a mask in specks costs no more.
_MOST_PARTS = 8
# What is around a part lies four to eight cells from it: nearer, the patches of the optical
# flow, eight cells wide, lie across its edge.
_REACHED = np.ones((9, 9), dtype=np.uint8)
_AROUND = np.ones((17, 17), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class MaskInParts:
    """An object's mask in parts, on the last frame.

    body: the part that is the object.  behind: of the cells of other parts, by how many cells
    the body has moved on and they have not.
    """

    body: Cells
    behind: Float32[np.ndarray, "h w"]


@dataclass(slots=True)
class LeftBehind:
    """The masks in parts of one video's objects by id, on the last frame, which is kept in
    grey if there are any; read and written by snapshots.

    said: objects that were in parts where they were prompted, of which none is taken.
    """

    masks: dict[int, MaskInParts] = field(default_factory=dict)
    said: set[int] = field(default_factory=set)
    grey: Grey | None = None
    frame_index: int = 0

    def without(self, inputs: IdentityInput, mirrored: Mirrored, visible: Rows) -> Mirrored:
        """The masks of a frame without parts that stay behind.

        visible: rows of objects that are there.  What is prompted on this frame, or decoded in
        crops, stays as it is.
        """
        logits = mirrored.here.logits
        rows = {i: row for i, row in inputs.whole_rows.items() if visible[row]}
        masks = {i: (logits[row] > 0).numpy() for i, row in rows.items()}
        prompted = {i for i, row in rows.items() if inputs.prompted[row]}
        self.said |= {i for i in prompted if _parts(masks[i]) is not None}
        stays = prompted | self.said
        moving = {i: mask for i, mask in masks.items() if i not in stays}
        found = self.find(inputs.frame_index, lambda: inputs.grey, moving)
        if not found:
            return mirrored
        cells = {rows[i]: of_object for i, of_object in found.items()}
        return mirrored.changed(lambda one: without_cells(one, cells))

    def find(
        self, frame_index: int, grey: Callable[[], Grey], masks: Mapping[int, Cells]
    ) -> dict[int, Cells]:
        """The cells of parts that stay behind, by object.  grey: the frame, asked for where a
        mask is in parts.
        """
        in_parts = {
            i: parts for i, mask in masks.items() if (parts := _parts(mask)) is not None
        }
        before, last, known = self.grey, self.frame_index, self.masks
        self.clear()
        if not in_parts:
            return {}
        self.frame_index = frame_index
        self.grey = grey()
        motion = None
        if before is not None and comparable(before, self.grey, frame_index - last):
            motion = _Motion(before, self.grey)
        found = {}
        for i, parts in in_parts.items():
            now = _begun(parts) if motion is None else _followed(parts, known.get(i), motion)
            self.masks[i] = now
            cells = now.behind > _limit(now.body)
            if cells.any():
                found[i] = cells
        return found

    def forget(self, object_id: int) -> None:
        """Drop what was said of an object."""
        self.said.discard(object_id)

    def clear(self) -> None:
        """Drop all masks, as at a shot boundary."""
        self.masks = {}
        self.grey = None


@dataclass(frozen=True)
class _Motion:
    """From one grey image to the next; shifts are x, y in cells."""

    before: Grey
    now: Grey

    @cached_property
    def _flow(self) -> Flow:
        return optical_flow(self.before, self.now)

    def of(self, cells: Cells) -> Vector:
        """How most of the cells moved."""
        return median_flow(self._flow, cells).astype(np.float64)

    def difference(self, cells: Cells, shift: Vector) -> float:
        """The mean difference of cells to what was where they come from by this shift, in
        grey levels.
        """
        size = (self.now.shape[1], self.now.shape[0])
        pixels = cv2.resize(cells.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        moved = np.hstack([np.eye(2), GREY_SCALE * shift[:, None]])
        there = cv2.warpAffine(self.before, moved, size, borderMode=cv2.BORDER_REPLICATE)
        return float(cv2.absdiff(there, self.now)[pixels].mean())


def _parts(mask: Cells) -> Labels | None:
    """The largest parts of a mask, numbered from 1 on, the largest first; None of a mask in
    one.
    """
    count, labels = separate_bodies(mask)
    if count < 3:  # the background and one part
        return None
    areas = np.bincount(labels[mask], minlength=count)
    largest = np.argsort(-areas, kind="stable")[:_MOST_PARTS]
    number = np.zeros(count, dtype=np.int32)
    number[largest] = np.arange(1, len(largest) + 1)
    return np.where(mask, number[labels], np.int32(0))


def _begun(parts: Labels) -> MaskInParts:
    return MaskInParts(parts == 1, np.zeros(parts.shape, dtype=np.float32))


def _followed(parts: Labels, known: MaskInParts | None, motion: _Motion) -> MaskInParts:
    """The parts after one more frame: the body is the one that lies on the last body."""
    if known is None:
        return _begun(parts)
    on_body = np.bincount(parts[known.body], minlength=2)
    body = parts == (1 + int(on_body[1:].argmax()))
    behind = np.zeros(parts.shape, dtype=np.float32)
    most = _limit(body) / _FRAMES
    reached = cv2.dilate((parts > 0).view(np.uint8), _REACHED) > 0
    for number in range(1, int(parts.max()) + 1):
        part = parts == number
        if body[part].any():
            continue
        around = (cv2.dilate(part.view(np.uint8), _AROUND) > 0) & ~reached
        moved = _moved_on(part, body, around, motion) if around.any() else 0.0
        near = cv2.dilate(part.view(np.uint8), _REACHED) > 0
        until_now = float(known.behind[near].max())
        behind[part] = max(0.0, until_now + float(np.clip(moved, -most, most)))
    return MaskInParts(body, behind)


def _moved_on(part: Cells, body: Cells, around: Cells, motion: _Motion) -> float:
    """By how many cells the body moved and the part did not; below 0 if the part moved with
    it, 0 if that cannot be told.
    """
    of_body, of_rest = motion.of(body), motion.of(around)
    apart = float(np.hypot(*(of_body - of_rest)))
    if apart <= _MOVES or max(np.hypot(*of_body), np.hypot(*of_rest)) >= _TRUSTED:
        return 0.0
    with_rest = motion.difference(part, of_rest)
    with_body = motion.difference(part, of_body)
    if with_rest < _RATHER * with_body:
        alone = float(np.hypot(*(motion.of(part) - of_rest)))
        return apart if alone < _STILL * apart else 0.0
    return -apart if with_body < with_rest else 0.0


def _limit(body: Cells) -> float:
    """By how many cells a body must have moved on."""
    return max(_LEAST, _SHARE * float(np.sqrt(np.count_nonzero(body))))
