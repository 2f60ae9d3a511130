"""What speaks for a wrong mask, of every object on every frame, from the stored masks alone.

Enters: the masks of a run's frames in ascending order, and what happened on them.  Leaves:
Evidence by object.  Kept of the past: the last mask of each tracked object and the one it is
anchored by, so nothing grows with the length of the video.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
from jaxtyping import Float64

from vseg.analysis.mask_shapes import (
    centroid,
    gap_to,
    outside_largest_piece,
    shape_difference,
    touched_outline,
)
from vseg.frame_masks import FrameMasks
from vseg.types import MaskCrop, TrackEvent

# How fast the past is forgotten: running means over about five frames; a jump halves in 23
# frames, a touch and a cut in 34, about one and one and a half seconds.  Round values.
_MEAN = 0.2
_JUMP_KEPT = 0.97
_TOUCH_KEPT = 0.98
# Where more adds nothing: e squared times the area, three times the object's own size.
_MOST_AREA = 2.0
_MOST_MOVE = 3.0
_SMALL_SIDE = 0.1
"""Objects of less than a tenth of the frame's side are small: a pixel more or less counts."""
_IDENTITY_EVENTS = frozenset({"relinked", "recovered", "merged"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One object on one frame.  Every value is at least 0, and higher is worse.

    doubt: 1 - the predicted quality; mean_doubt: of the last frames.  Where there is no mask,
    absent_doubt: its doubt; absent_touched: how much others touched the last one;
    absent_abrupt: how much of the object that one showed, 0 at the border of the frame.
    pieces: share outside the largest piece.  near: 1 beside another object, less farther off.
    touching: share of the outline beside another object; touched: the same of late.  resized:
    change of area since the frame before.  jump: of late, the largest change of area, place
    or shape within a frame, beyond steady motion.  smaller, larger, reshaped: against the mask
    at the last anchor.  small: of the frame.
    age: frames to the nearest anchor, as a logarithm.  cut, reassigned: of late, a new shot,
    or another track or tracklet joined.
    """

    doubt: float = 0.0
    mean_doubt: float = 0.0
    absent_doubt: float = 0.0
    absent_touched: float = 0.0
    absent_abrupt: float = 0.0
    pieces: float = 0.0
    near: float = 0.0
    touching: float = 0.0
    touched: float = 0.0
    resized: float = 0.0
    jump: float = 0.0
    smaller: float = 0.0
    larger: float = 0.0
    reshaped: float = 0.0
    small: float = 0.0
    age: float = 0.0
    cut: float = 0.0
    reassigned: float = 0.0

    def vector(self) -> Float64[np.ndarray, " K"]:
        """The values in the order of EVIDENCE."""
        return np.array(astuple(self), dtype=np.float64)


EVIDENCE = tuple(field.name for field in fields(Evidence))
"""The names of the values, in the order of `Evidence.vector`."""


@dataclass(slots=True)
class _Past:
    """One object up to the frame before.  reference: its mask at the last anchor.  crop: its
    last mask; absent: whether it has none on the frame before.  whole: how much of the
    reference that mask shows, 0 at the border.
    """

    anchor: int
    mean_doubt: float
    reference: MaskCrop | None = None
    crop: MaskCrop | None = None
    centre: Float64[np.ndarray, " 2"] | None = None
    velocity: Float64[np.ndarray, " 2"] | None = None
    absent: bool = False
    touching: float = 0.0
    whole: float = 0.0
    touched: float = 0.0
    jump: float = 0.0
    cut: float = 0.0
    reassigned: float = 0.0


class EvidenceObserver:
    """Takes the frames of a run one after another, ascending.

    references: masks at the first anchor of objects that were tracked backward from it, which
    those before it are compared with; any other object's first mask is its reference.
    """

    def __init__(self, references: Mapping[int, MaskCrop] | None = None) -> None:
        self._past: dict[int, _Past] = {}
        self._references = dict(references or {})

    def step(
        self,
        masks: FrameMasks,
        events: Iterable[TrackEvent] = (),
        anchored: Iterable[int] = (),
    ) -> dict[int, Evidence]:
        """What speaks against each object's mask.  events: of this frame.  anchored: objects
        that the user prompted or accepted here.
        """
        happened = [(event.kind, event.object_id) for event in events]
        begun = set(anchored)
        crops = {obj: masks.crop(obj) for obj in masks}
        found: dict[int, Evidence] = {}
        for place, obj in enumerate(masks.object_ids):
            doubt = 1 - float(masks.scores[place])
            past = self._past.get(obj)
            if past is None:
                reference = self._references.get(obj)
                past = self._past[obj] = _Past(masks.frame_index, doubt, reference)
            elif masks.sources[place] != "track" or obj in begun:
                _anchor(past, masks.frame_index)
            past.cut = max(past.cut * _TOUCH_KEPT, float(("cut", None) in happened))
            joined = any(kind in _IDENTITY_EVENTS and who == obj for kind, who in happened)
            past.reassigned = max(past.reassigned * _TOUCH_KEPT, float(joined))
            others = [crop for other, crop in crops.items() if other != obj and crop.mask.size]
            visible = bool(masks.visible[place]) and crops[obj].mask.any()
            about = (
                _seen(past, crops[obj], others, (masks.height, masks.width))
                if visible
                else _unseen(past, doubt)
            )
            past.mean_doubt += _MEAN * (doubt - past.mean_doubt)
            found[obj] = replace(
                about,
                doubt=doubt,
                mean_doubt=past.mean_doubt,
                age=math.log1p(masks.frame_index - past.anchor),
                jump=past.jump,
                touched=past.touched,
                cut=past.cut,
                reassigned=past.reassigned,
            )
        # What is not tracked any more is forgotten.
        self._past = {obj: self._past[obj] for obj in masks.object_ids}
        return found


def _anchor(past: _Past, frame_index: int) -> None:
    """Begin anew at a mask that the user gave: what was before does not count any more."""
    past.anchor = frame_index
    past.reference = None
    past.jump = 0.0
    past.touched = 0.0
    past.cut = 0.0
    past.reassigned = 0.0


def _unseen(past: _Past, doubt: float) -> Evidence:
    past.absent = True
    past.velocity = None
    return Evidence(
        absent_doubt=doubt,
        absent_touched=past.touching,
        absent_abrupt=past.whole,
    )


def _seen(
    past: _Past, crop: MaskCrop, others: list[MaskCrop], hw: tuple[int, int]
) -> Evidence:
    """What an object's mask says, compared with those before; it becomes the last one."""
    area = crop.area
    resized = _note_step(past, crop)
    past.touching = touched_outline(crop, others)
    past.touched = max(past.touched * _TOUCH_KEPT, past.touching)
    gaps = [gap_to(crop, other) for other in others]
    reference = past.reference = past.reference or crop
    growth = math.log(area / reference.area)
    side = math.sqrt(area / (hw[0] * hw[1]))
    past.whole = min(1.0, area / reference.area) * (not _at_border(crop, hw))
    return Evidence(
        pieces=outside_largest_piece(crop),
        near=math.exp(-min(gaps) / math.sqrt(area)) if gaps else 0.0,
        touching=past.touching,
        resized=resized,
        smaller=min(_MOST_MOVE, max(0.0, -growth)),
        larger=min(_MOST_MOVE, max(0.0, growth)),
        reshaped=shape_difference(reference, crop),
        small=max(0.0, math.log(_SMALL_SIDE / side)),
    )


def _at_border(crop: MaskCrop, hw: tuple[int, int]) -> bool:
    left, top, right, bottom = crop.xyxy
    return left <= 0 or top <= 0 or right >= hw[1] or bottom >= hw[0]


def _note_step(past: _Past, crop: MaskCrop) -> float:
    """Update what is known of an object's motion; the change of its area."""
    centre = centroid(crop)
    resized = moved = reshaped = 0.0
    if past.crop is not None and past.centre is not None:
        area = past.crop.area
        resized = min(_MOST_AREA, abs(math.log(crop.area / area)))
        reshaped = shape_difference(past.crop, crop)
        step = centre - past.centre
        if not past.absent:
            before = past.velocity if past.velocity is not None else np.zeros(2)
            moved = min(_MOST_MOVE, float(np.linalg.norm(step - before)) / math.sqrt(area))
            past.velocity = 0.5 * (before + step)
    past.jump = max(past.jump * _JUMP_KEPT, resized, moved, reshaped)
    past.crop = crop
    past.centre = centre
    past.absent = False
    return resized
