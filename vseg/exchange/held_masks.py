"""What a file can hold of a frame's masks where it cannot hold all: disjoint masks, boxes,
polygons.

Enters: the masks of a frame.  Leaves: the masks that come back from the file.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import UInt16

from vseg.frame_masks import FrameMasks
from vseg.ops.masks import crop_overlap
from vseg.ops.outline import mask_of_rings, outlines, polygons_of
from vseg.types import MaskCrop

OVERLAP = "overlapping masks: the higher score wins, then the lower id"


def with_crops(masks: FrameMasks, crops: Mapping[int, MaskCrop]) -> FrameMasks:
    """The frame with other masks of the same objects."""
    visible = np.array([crops[obj].area > 0 for obj in masks], dtype=bool)
    return replace(masks, crops=crops, visible=visible)


def disjoint(masks: FrameMasks) -> FrameMasks:
    """Where masks overlap, the higher score wins, then the lower id."""
    places = label_image(masks)
    if sum(map(masks.area, masks)) == np.count_nonzero(places):
        return masks
    crops = {}
    for place, obj in enumerate(masks, start=1):
        crop = masks.crop(obj)
        x1, y1, x2, y2 = crop.xyxy
        inner = MaskCrop.of(places[y1:y2, x1:x2] == place) if crop.area else crop
        crops[obj] = MaskCrop(x1 + inner.x, y1 + inner.y, inner.mask) if inner.area else inner
    return with_crops(masks, crops)


def label_image(masks: FrameMasks) -> UInt16[np.ndarray, "H W"]:
    """The place from 1 on of each pixel's object among the frame's; 0 where none is."""
    labels = np.zeros((masks.height, masks.width), dtype=np.uint16)
    order = {obj: place for place, obj in enumerate(masks, start=1)}
    scores = dict(zip(masks, masks.scores.tolist(), strict=True))
    # The winner is painted last.
    for obj in sorted(masks, key=lambda obj: (scores[obj], -obj)):
        crop = masks.crop(obj)
        x1, y1, x2, y2 = crop.xyxy
        labels[y1:y2, x1:x2][crop.mask] = order[obj]
    return labels


def boxes(masks: FrameMasks) -> FrameMasks:
    """The bounding box of every mask, filled."""
    return with_crops(masks, {obj: _filled(masks.crop(obj)) for obj in masks})


def polygons(masks: FrameMasks, tolerance: float = 0.0) -> FrameMasks:
    """The masks inside the outer outlines: without holes, and with `tolerance` simplified."""
    crops = {obj: _outlined(masks, obj, tolerance) for obj in masks}
    return with_crops(masks, crops)


def _outlined(masks: FrameMasks, obj: int, tolerance: float) -> MaskCrop:
    crop = masks.crop(obj)
    # Without a hole the exact outline has nothing but the mask inside.
    if not crop.area or not (tolerance or any(hole for _, hole in outlines(crop.mask))):
        return crop
    return mask_of_rings(polygons_of(crop, tolerance), masks.height, masks.width)


def box_crop(x1: int, y1: int, x2: int, y2: int) -> MaskCrop:
    """A filled box; no pixel where it has no inside."""
    if x2 <= x1 or y2 <= y1:
        return MaskCrop.empty()
    return MaskCrop(x1, y1, np.ones((y2 - y1, x2 - x1), dtype=bool))


def _filled(crop: MaskCrop) -> MaskCrop:
    return box_crop(*crop.xyxy) if crop.area else crop


def changed_pixels(one: MaskCrop, other: MaskCrop) -> int:
    """How many pixels belong to one of two masks alone."""
    return one.area + other.area - 2 * crop_overlap(one, other)
