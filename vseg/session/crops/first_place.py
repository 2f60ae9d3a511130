"""Where a prompted object is, if it is small: the place that its first crop shows.

Enters: prompts.  Leaves: places, None for an object to be tracked in the whole frame.  A mask
or a box says how large its object is.  A point does not, and in the whole frame an object of a
few pixels cannot be told from what is around it: the point is decoded at several scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from vseg.ops.boxes import box_iou
from vseg.session.crops.crop_decoder import CropDecoder
from vseg.session.crops.crop_place import CROP_SIDE, CropPlace, ObjectExtent, PixelBox
from vseg.session.crops.crop_row import CropRow
from vseg.session.crops.view import CropView
from vseg.session.image_predictor import ImagePredictor
from vseg.session.tracked_frame import TrackedFrame
from vseg.session.tracked_object import TrackedObject
from vseg.tensors import Decoded
from vseg.types import Box, Mask, MaskCrop, Points, Scribble, VisualPrompt

# A click is decoded in crops that enlarge the frame, as the model sees it, so many times.
_SCALES = (2, 4, 8, 16)
# The mask of one of them is taken if the model believes it more than that of the whole frame
# and at least so much, if it lies inside the crop and takes this share of its side.  Of 192
# made-up objects of less than 32 pixels as the model sees them, each clicked once, 162 get a
# crop, and IoU rises from 30 to 66; of 79 on stills of the training pack 10 do (10 to 14).  Of
# 382 larger ones two do, and IoU stays (still 38.1 to 38.3, made up 83.4): a click there means
# what it meant.  Without a least quality 11 of the larger ones do; from 0.75 on one.
_LEAST_QUALITY = 0.7
_LEAST_SHARE = 20 / 128
_MOST_SHARE = 70 / 128
# Of a click on a few pixels of a frame of 1080 rows or more, the whole frame's mask is of what
# is around them, and is believed as an object would be.  Where the next wider or narrower crop
# shows the object in the same box (of such an IoU), and the whole frame's mask is so many
# times as wide, a crop's mask need only be believed so much.  Each clicked once: of 20 made-up
# objects of 8 to 24 pixels in 720 to 2160 rows four more get a crop (IoU 69 to 86), of 90
# small ones of stills pasted side by side into 1080 rows ten more (9.2 to 12.5), none of which
# gets worse.  None more does of 466 larger ones, of which 160 were shown in crops as if their
# still had 1500 rows, so that buttons and faces have a crop to themselves.  Without the times
# three of those do, and all three lose.
_AGREE = 0.5
_TIMES = 4
_LEAST_AGREED = 0.5


@dataclass(frozen=True, slots=True)
class _Shown:
    """What one crop shows of a clicked object.

    extent: None if the mask may not be that of a small object.
    """

    view: CropView
    extent: ObjectExtent | None
    quality: float

    @property
    def fits(self) -> bool:
        """Whether the object has the size in the crop at which its mask is exact."""
        if self.extent is None:
            return False
        return _LEAST_SHARE <= self.extent.longer_side / self.view.width <= _MOST_SHARE


@dataclass(frozen=True, slots=True)
class FirstPlaces:
    """Finds the places of prompted objects.

    below: an object is small whose size (see `ObjectExtent`) is less, in pixels at the size at
    which the model works.
    """

    crops: CropDecoder
    below: int

    def by_extent(self, on: TrackedFrame, tracked: TrackedObject) -> CropPlace | None:
        """The place after the prompts of this frame, of which some say how large the object
        is, or after which it stays where it is.
        """
        prompts = tracked.prompts[on.index]
        extent = _extent(prompts)
        before = tracked.place
        if extent is None:
            return before and self._kept(before, on.index, _positive(prompts))
        if extent.size * on.scale >= self.below:
            return None
        place = CropPlace.of(on.index, extent)
        if before is None or not before.view(on.index).holds(place.centre):
            return place  # how it moved elsewhere says nothing here
        return before.seen(on.index, extent).rescaled()

    def _kept(
        self, place: CropPlace, frame_index: int, marks: Float32[np.ndarray, "N 2"]
    ) -> CropPlace | None:
        """The same place, or of the same size where the points are; None where they span too
        much for that, or the object was last seen too long ago to be of that size still.
        """
        view = place.view(frame_index)
        if not len(marks):
            return place
        late = abs(frame_index - place.frame_index) > self.crops.rows.stride
        if late or _span(marks) >= place.side:
            return None
        if all(view.holds(xy) for xy in marks):
            return place
        x, y = (float(v) for v in marks.mean(axis=0) + 0.5)
        return CropPlace(frame_index, x, y, place.size, place.side)

    def by_scale(
        self, on: TrackedFrame, tracked: TrackedObject, whole: Decoded
    ) -> CropPlace | None:
        """The place of an object of which nothing is known but points on it, if a crop shows
        it better than the whole frame.

        whole: its row as decoded there.
        """
        marks = _positive(tracked.prompts[on.index])
        if not len(marks) or _span(marks) * on.scale >= self.below:
            return None
        shown = self._shown(on, tracked.prompts[on.index], marks)
        agreed = _agreed([one.extent for one in shown])
        believed = float(whole.quality[0])
        side = _longer_side_of(whole.logits[0]) * on.hw[0] / on.map_hw[0]
        best = None
        quality = 0.0
        for one, sure in zip(shown, agreed, strict=True):
            if one.extent is None or not one.fits or one.quality <= quality:
                continue
            tiny = sure and side >= _TIMES * one.extent.longer_side
            if one.quality > (_LEAST_AGREED if tiny else max(_LEAST_QUALITY, believed)):
                quality = one.quality
                best = CropPlace.of(on.index, one.extent)
        return best

    def _shown(
        self,
        on: TrackedFrame,
        prompts: Sequence[VisualPrompt],
        marks: Float32[np.ndarray, "N 2"],
    ) -> list["_Shown"]:
        """What crops around the points show, the widest first."""
        x, y = (float(v) for v in marks.mean(axis=0) + 0.5)
        views = [CropView.around(x, y, CROP_SIDE / (scale * on.scale)) for scale in _SCALES]
        shown = []
        for view in dict.fromkeys(views):  # the smallest crop is a limit that two may reach
            row = self._row(on, view, prompts)
            extent = self._object_in(on, row, marks)
            shown.append(_Shown(view, extent, float(row.decoded.quality[0])))
        return shown

    def _row(
        self, on: TrackedFrame, view: CropView, prompts: Sequence[VisualPrompt]
    ) -> CropRow:
        """The prompts decoded twice, the second time with their own mask as prior."""
        image = self.crops.encode(on, view)
        predictor = ImagePredictor(self.crops.model)
        shown = view.prompts(prompts)
        first = predictor.refine(image, [shown])
        return CropRow(view, image.features, predictor.refine(image, [shown], first.logits))

    def _object_in(
        self, on: TrackedFrame, row: CropRow, marks: Float32[np.ndarray, "N 2"]
    ) -> ObjectExtent | None:
        """What the mask takes, if it may be that of a small object."""
        view = row.view
        mask = view.mask(row.logits, on.hw)
        if not mask.area:
            return None
        box = mask.xyxy
        inside = (
            view.x < box[0]
            and view.y < box[1]
            and box[2] < view.x + view.width
            and box[3] < view.y + view.height
        )
        extent = ObjectExtent.of(mask)
        small = extent.size * on.scale < self.below
        return extent if inside and small and _on_all(mask, marks) else None


def _agreed(extents: Sequence[ObjectExtent | None]) -> list[bool]:
    """Whether the next wider or narrower crop shows an object in the same box."""
    same = [_same(a, b) for a, b in pairwise(extents)]
    return [a or b for a, b in zip([False, *same], [*same, False], strict=True)]


def _same(one: ObjectExtent | None, other: ObjectExtent | None) -> bool:
    if one is None or other is None:
        return False
    pair = np.array([one.box, other.box], dtype=np.float64)
    return bool(box_iou(pair[:1], pair[1:])[0, 0] >= _AGREE)


def _longer_side_of(logits: Float[Tensor, "h4 w4"]) -> int:
    """Of the box of a mask, in cells."""
    mask = logits > 0
    sides = [mask.any(dim=axis).nonzero() for axis in (0, 1)]
    return max((int(at[-1] - at[0]) + 1 if len(at) else 0) for at in sides)


def _extent(prompts: Sequence[VisualPrompt]) -> ObjectExtent | None:
    """Of a mask and of the points on the object that it lacks, or else of a box among the
    prompts; None without any.
    """
    for prompt in prompts:
        if isinstance(prompt, Mask):
            mask = MaskCrop.of(prompt.mask)
            if mask.area:
                box = _around(mask.xyxy, _positive(prompts))
                return ObjectExtent(box, mask.area if box == mask.xyxy else None)
    for prompt in prompts:
        if isinstance(prompt, Box):
            return ObjectExtent((prompt.x1, prompt.y1, prompt.x2, prompt.y2))
    return None


def _around(box: PixelBox, marks: Float32[np.ndarray, "N 2"]) -> PixelBox:
    """The box, grown to hold the points."""
    if not len(marks):
        return box
    x1, y1 = marks.min(axis=0).tolist()
    x2, y2 = (marks.max(axis=0) + 1).tolist()
    return min(box[0], x1), min(box[1], y1), max(box[2], x2), max(box[3], y2)


def _positive(prompts: Sequence[VisualPrompt]) -> Float32[np.ndarray, "N 2"]:
    """All points that lie on the object."""
    marks = [np.zeros((0, 2), dtype=np.float32)]
    marks += [p.xy[p.positive] for p in prompts if isinstance(p, Points)]
    marks += [p.xy for p in prompts if isinstance(p, Scribble) and p.positive]
    return np.concatenate(marks)


def _span(marks: Float32[np.ndarray, "N 2"]) -> float:
    """The longer side of the points' box."""
    return float(np.ptp(marks, axis=0).max())


def _on_all(mask: MaskCrop, marks: Float32[np.ndarray, "N 2"]) -> bool:
    height, width = mask.mask.shape
    for x, y in np.round(marks).astype(int) - (mask.x, mask.y):
        if not (0 <= x < width and 0 <= y < height and mask.mask[y, x]):
            return False
    return True
