"""Where a prompted object is, if it is small: the place that its first crop shows.

Enters: prompts.  Leaves: places, None for an object to be tracked in the whole frame.  A mask
or a box says how large its object is.  A point does not, and in the whole frame an object of a
few pixels cannot be told from what is around it: the point is decoded at several scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from vseg.session.crops.crop_decoder import CropDecoder
from vseg.session.crops.crop_place import CROP_SIDE, CropPlace, PixelBox, longer_side
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


@dataclass(frozen=True, slots=True)
class FirstPlaces:
    """Finds the places of prompted objects.

    below: an object is small whose longer side is less, in pixels at the size at which the
    model works.
    """

    crops: CropDecoder
    below: int

    def by_extent(self, on: TrackedFrame, tracked: TrackedObject) -> CropPlace | None:
        """The place after the prompts of this frame, of which some say how large the object
        is, or after which it stays where it is.
        """
        prompts = tracked.prompts[on.index]
        box = _extent(prompts)
        before = tracked.place
        if box is None:
            return before and self._kept(before, on.index, _positive(prompts))
        if longer_side(box) * on.scale >= self.below:
            return None
        place = CropPlace.of(on.index, box)
        if before is None or not before.view(on.index).holds(place.centre):
            return place  # how it moved elsewhere says nothing here
        return before.seen(on.index, box).rescaled()

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
        quality = max(_LEAST_QUALITY, float(whole.quality[0]))
        best = None
        for scale in _SCALES:
            x, y = (float(v) for v in marks.mean(axis=0) + 0.5)
            view = CropView.around(x, y, CROP_SIDE / (scale * on.scale))
            row = self._row(on, view, tracked.prompts[on.index])
            box = self._object_in(on, row, marks)
            if box is not None and float(row.decoded.quality[0]) > quality:
                quality = float(row.decoded.quality[0])
                best = CropPlace.of(on.index, box)
        return best

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
    ) -> PixelBox | None:
        """The box of the mask, if it may be that of a small object."""
        view = row.view
        mask = view.mask(row.logits, on.hw)
        if not mask.area:
            return None
        box = mask.xyxy
        share = longer_side(box) / view.width
        inside = (
            view.x < box[0]
            and view.y < box[1]
            and box[2] < view.x + view.width
            and box[3] < view.y + view.height
        )
        fits = _LEAST_SHARE <= share <= _MOST_SHARE and inside
        small = longer_side(box) * on.scale < self.below
        return box if fits and small and _on_all(mask, marks) else None


def _extent(prompts: Sequence[VisualPrompt]) -> PixelBox | None:
    """The box of a mask and of the points on the object that it lacks, or else a box among
    the prompts; None without any.
    """
    for prompt in prompts:
        if isinstance(prompt, Mask):
            mask = MaskCrop.of(prompt.mask)
            if mask.area:
                return _around(mask.xyxy, _positive(prompts))
    for prompt in prompts:
        if isinstance(prompt, Box):
            return prompt.x1, prompt.y1, prompt.x2, prompt.y2
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
