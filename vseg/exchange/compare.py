"""What another program changed: masks before and after, object by object and frame by frame.

Enters: two sequences of the same clip.  Leaves: the changes, and how many masks are the same.
Masks that only went through a format and back are no changes: `before` is what the format
holds (`held`), a mask that differs in next to no pixel is the same, and one whose outline
moved less than by a person's change was rounded.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import cv2
import numpy as np

from vseg.exchange.spool import MaskSpool
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskSequence
from vseg.ops.masks import crop_iou, crop_overlap
from vseg.types import MaskCrop

SAME = 0.999
"""IoU of a mask and itself, decoded by another program: less than a pixel of an outline."""
ROUNDED = 0.97
"""IoU of a mask and its outline in whole pixels, from about 60 pixels across on."""
ROUNDED_PX = 1.5
"""How far rounded corners and simplified outlines stray; a person's change goes further."""
ROUNDED_OUTLINE = 1.0
"""Changed pixels for each pixel of the outline, of a small mask, whose IoU tells nothing.  A
polygon through the centres of pixels in place of along their edges changes up to so many.
"""
_ALIKE = 0.9
"""IoU over the whole clip of an object and itself under another number: few of its frames were
changed as well.
"""


class ChangeKind(StrEnum):
    """MOVED: another mask.  DELETED, ADDED: no mask any more, or one where none was."""

    MOVED = "moved"
    DELETED = "deleted"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class MaskChange:
    """One object on one frame.  iou: of the mask before and after."""

    frame: int
    object_id: int
    kind: ChangeKind
    iou: float


@dataclass(slots=True)
class Comparison:
    """What differs.

    same, rounded: how many masks.  changes: by ascending frame.  labels: new names by object.
    numbers: the id before of objects that have another one after.  handed_over: by the id
    before and the one after, the frames on which a mask is only another object's now.  frames:
    how many were compared.
    """

    same: int = 0
    rounded: int = 0
    frames: int = 0
    changes: list[MaskChange] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    handed_over: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[ChangeKind]:
        """How many masks changed in which way."""
        return Counter(change.kind for change in self.changes)

    @property
    def is_same(self) -> bool:
        """Whether nothing was changed."""
        return not self.changes and not self.labels and not self.handed_over

    def of(self, object_id: int, kind: ChangeKind) -> list[int]:
        """The frames on which an object changed in one way."""
        return [c.frame for c in self.changes if (c.object_id, c.kind) == (object_id, kind)]

    def objects(self) -> tuple[int, ...]:
        """The objects that changed, ascending."""
        return tuple(sorted({change.object_id for change in self.changes}))


def compare(before: MaskSequence, after: MaskSequence) -> Comparison:
    """The changes on the frames that both speak of; ids of `after` are those of `before`."""
    found = Comparison()
    for old, new in pairs(before, after):
        found.frames += 1
        taken = _handed_over(found, old, new)
        for obj in sorted({*old.object_ids, *new.object_ids} - taken):
            _add(found, old.frame_index, obj, _crop(old, obj), _crop(new, obj))
    names = before.labels
    known = {*before.object_ids}
    found.labels = {
        obj: label
        for obj, label in sorted(after.labels.items())
        if obj in known and names.get(obj) != label
    }
    return found


def pairs(
    before: MaskSequence, after: MaskSequence
) -> Iterator[tuple[FrameMasks, FrameMasks]]:
    """The frames of both, ascending; one of each is in memory."""
    others = iter(after)
    other = next(others, None)
    for frame in before:
        while other is not None and other.frame_index < frame.frame_index:
            other = next(others, None)
        if other is not None and other.frame_index == frame.frame_index:
            yield frame, other


def renumbered(before: MaskSequence, after: MaskSequence) -> dict[int, int]:
    """The id before, by the id after, of objects that only have another number.

    An object counts as one of the other sequence where their masks of all frames together are
    alike, and those of the same number are not.
    """
    shared: Counter[tuple[int, int]] = Counter()
    areas: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    for old, new in pairs(before, after):
        for side, frame in enumerate((old, new)):
            areas[side].update({obj: frame.area(obj) for obj in frame})
        for one in old:
            overlap = {
                (one, other): crop_overlap(old.crop(one), new.crop(other)) for other in new
            }
            shared.update({pair: pixels for pair, pixels in overlap.items() if pixels})

    def alike(pair: tuple[int, int]) -> float:
        union = areas[0][pair[0]] + areas[1][pair[1]] - shared[pair]
        return shared[pair] / max(1, union)

    best = sorted((pair for pair in shared if alike(pair) >= _ALIKE), key=alike, reverse=True)
    own = {one for one, other in best if one == other}
    numbers: dict[int, int] = {}
    for old_id, new_id in best:
        known = own.union(numbers.values())
        if old_id not in known and new_id not in own.union(numbers):
            numbers[new_id] = old_id
    return numbers


def renumber(spool: MaskSpool, numbers: Mapping[int, int]) -> None:
    """Give objects other ids, by their present ones; who is in the way gets a free one."""
    taken = [*spool.object_ids, *numbers.values()]
    in_the_way = {obj for obj in numbers.values() if obj in spool.object_ids} - {*numbers}
    spare = {obj: max(taken) + place for place, obj in enumerate(sorted(in_the_way), start=1)}
    spool.renumber({**numbers, **spare})


def _add(found: Comparison, frame: int, obj: int, old: MaskCrop, new: MaskCrop) -> None:
    if not old.area and not new.area:
        return
    iou = crop_iou(old, new)
    if iou >= SAME:
        found.same += 1
    elif not new.area:
        found.changes.append(MaskChange(frame, obj, ChangeKind.DELETED, 0.0))
    elif not old.area:
        found.changes.append(MaskChange(frame, obj, ChangeKind.ADDED, 0.0))
    elif _is_rounded(old, new, iou):
        found.rounded += 1
    else:
        found.changes.append(MaskChange(frame, obj, ChangeKind.MOVED, iou))


def _handed_over(found: Comparison, old: FrameMasks, new: FrameMasks) -> set[int]:
    """Note the masks of a frame that only changed their object; the objects concerned."""
    gone = [obj for obj in old if old.area(obj) and not _crop(new, obj).area]
    fresh = [obj for obj in new if new.area(obj) and not _crop(old, obj).area]
    taken: set[int] = set()
    for before in gone:
        for after in fresh:
            alike = after not in taken and crop_iou(old.crop(before), new.crop(after))
            if alike >= ROUNDED:
                frames = found.handed_over.setdefault((before, after), [])
                frames.append(old.frame_index)
                taken |= {before, after}
                break
    return taken


def _crop(frame: FrameMasks, obj: int) -> MaskCrop:
    return frame.crop(obj) if obj in frame else MaskCrop.empty()


def _is_rounded(one: MaskCrop, other: MaskCrop, iou: float) -> bool:
    """Whether one mask can be the other with its outline rounded."""
    x1, y1 = (min(a, b) for a, b in zip(one.xyxy[:2], other.xyxy[:2], strict=True))
    x2, y2 = (max(a, b) for a, b in zip(one.xyxy[2:], other.xyxy[2:], strict=True))
    # A pixel of background around, from which distances inside are counted.
    first, second = (
        MaskCrop(crop.x - x1 + 1, crop.y - y1 + 1, crop.mask).paste(y2 - y1 + 2, x2 - x1 + 2)
        for crop in (one, other)
    )
    inside, outside = (
        cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for side in (first, ~first)
    )
    apart = first ^ second
    # The centre of a pixel at the outline is half a pixel from it.
    farthest = float(np.where(first, inside, outside)[apart].max(initial=0.0)) - 0.5
    outline = int(np.count_nonzero(inside == 1))
    few = np.count_nonzero(apart) <= ROUNDED_OUTLINE * outline
    return farthest <= ROUNDED_PX and (iou >= ROUNDED or bool(few))
