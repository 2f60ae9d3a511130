"""One of several look-alikes that touch, as a layer: a shape that moves as a whole, before or
behind others.

Enters: masks, and grey images of two frames.  Leaves: where the shape is expected, hidden
parts included.  Representing a video by layers that move and occlude one another is Wang and
Adelson's (Representing moving images with layers, 1994).  Dense optical flow does not do
instead: its patches lie across the edge between two objects, so that the edge stays where it
is while both pass.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from vseg.ops.masks import mask_box

GREY_SCALE = 2
"""Pixels of the grey images along a cell of the masks: motions are measured to half a cell."""
MOST_FRAMES_APART = 5
"""After a jump over more frames than this nothing is compared or expected.  A round value."""

# Share of a frame in velocity and area while the mask is the object's own: a running mean over
# about four frames.
_SMOOTHING = 0.25
# The same of a velocity that is measured from pixels. Of made-up pairs that cross, with masks
# that are exact but for their border, 15 of 15 are kept with 0, 0.1 and 0.3, and 15 with 0.6,
# but there with more wrong cells; 0 cannot follow who turns back.
_PIXEL_SMOOTHING = 0.3
# From this share of its area on, what is visible of an object tells how it moves; with less,
# the pixels along what hides it tell how that moves. Of a crossing of 15 pairs IDF1 is 91.6
# with 0.25, 94.1 with 0.6 and 94.9 with 0.85, and with it nobody changes places.
_TELLS_MOTION = 0.85
# How far from the expected place it is searched for, in pixels of the grey images, and what a
# pixel of distance, squared, adds to the squared differences, as a share.  Round values.
_SEARCH = 3
_NEARER = 0.02
# Within this share of its usual area a mask shows the object whole.  A round value.
_WHOLE = 0.9
# How fast the usual area follows while look-alikes touch: slowly, for masks may be wrong.
_TOUCHING_SMOOTHING = 0.05
# Who meets others and is smaller than usual is whole where no more than this share of its area
# is under them. Of two that cross, the one in front shrinking by a fifth when they meet, J is
# 49 and 71 by the usual area alone, and 86 and 92 with 0.1 or 0.02.
_HIDDEN = 0.1

# A mask within this share of its usual area, of which less than this share is where the object
# was expected, shows that it moved otherwise.  A round value; not tuned.
_ABOUT = 0.75
# And of which at least this share is where the object was a frame before: a mask may also jump
# to another one. Of equal people on a street 4 of 6 are counted right without, and 6 with it.
_GOES_ON = 0.5
# How far from where it was expected a shape that is hidden in part is looked for, in radii of
# a disc of its area, for each frame. Masks of small shapes, for which that is less than the
# second in cells, err by as much: of 30 that cross IDF1 is 91.1 if these are too, else 93.2.
_REACH = 0.3
_LEAST_REACH = 3
# From these shares of its area on, cells tell that it is elsewhere: those that nothing else
# accounts for, and how many more of them it accounts for there.  Not tuned.
_UNEXPLAINED = 0.25
_BETTER = 0.05

# How far an object moves in the same shape, in radii of a disc of its area. When an overlap
# begins, objects of a crossing of 15 pairs have moved 0.6 to 3.7 cells since they were last
# whole, less than their radii; those of a herd that swell and turn 3.4 to 16, up to three.
_SAME_SHAPE = 1.0

_CORE = np.ones((3, 3), dtype=np.uint8)
_AHEAD = np.mgrid[-_SEARCH : _SEARCH + 1, -_SEARCH : _SEARCH + 1]
_PENALTY = 1 + _NEARER * np.square(_AHEAD).sum(axis=0)

Cells = Bool[np.ndarray, "h w"]
Grey = UInt8[np.ndarray, "h2 w2"]
Vector = Float64[np.ndarray, " 2"]


@dataclass(frozen=True, slots=True)
class MotionLayer:
    """An object as it was last seen whole, and where that is now.

    whole: its mask then.  moved: x, y since then, in cells.  velocity: cells per frame.  area:
    its usual one, in cells.  visible: its mask on the last frame.  touching: look-alikes, on
    the last frame.  divided: there its mask was cut from a joint one.
    """

    whole: Cells
    moved: Vector
    velocity: Vector
    area: float
    visible: Cells
    touching: bool = False
    divided: bool = False

    @classmethod
    def of(cls, mask: Cells, *, touching: bool = False) -> "MotionLayer":
        """Of an object of which nothing is known but its mask."""
        still = np.zeros(2)
        return cls(mask, still, still, float(_count(mask)), mask, touching)

    def expected(self) -> Cells:
        """Where it is, what others hide of it included."""
        if not self.moved.any():
            return self.whole
        return np.asarray(shifted(self.whole.astype(np.float32), self.moved) > 0.5)

    def shows_whole(self, mask: Cells) -> bool:
        """Whether a mask is as large as the object usually is."""
        return _WHOLE * self.area <= _count(mask) <= self.area / _WHOLE

    def shrank(self, mask: Cells, theirs: Cells) -> bool:
        """Whether a mask on this frame is smaller than usual by itself: what is missing of the
        expected shape is not under others.  theirs: the masks of those that it touches.
        """
        missing = self.expected() & ~mask
        hidden = _count(missing & theirs)
        return 0 < _count(mask) < self.area and hidden <= _HIDDEN * self.area

    def elsewhere(self, mask: Cells) -> bool:
        """Whether a mask about as large as the object goes on where that was seen last, and is
        not where it was expected.
        """
        cells = _count(mask)
        about = _ABOUT * self.area <= cells <= self.area / _ABOUT
        goes_on = _count(mask & self.visible) >= _GOES_ON * cells
        return about and goes_on and _count(mask & self.expected()) < _ABOUT * cells

    def outdated(self) -> bool:
        """Whether it has moved too far to be still of the shape in which it was last whole."""
        return bool(np.hypot(*self.moved) > _SAME_SHAPE * self._radius())

    def _radius(self) -> float:
        return float(np.sqrt(self.area / np.pi))

    def advanced(self, before: Grey, now: Grey, frames: int) -> "MotionLayer":
        """Moved to a later frame, as the pixels moved that are visible of it; as before where
        they are too few.
        """
        velocity = self.velocity
        if _count(self.visible) >= _TELLS_MOTION * self.area:
            core = cv2.erode(self.visible.astype(np.uint8), _CORE) > 0
            motion = _motion(before, now, core, frames * velocity) / frames
            velocity = (1 - _PIXEL_SMOOTHING) * velocity + _PIXEL_SMOOTHING * motion
        return replace(self, velocity=velocity).after(frames)

    def fitted(self, unexplained: Cells, empty: Cells, frames: int) -> "MotionLayer":
        """Where its shape accounts best for cells of a joint mask that nothing else does; as
        it is where its own pixels tell how it moves, or too few cells are unexplained.

        empty: where it would be seen and is not.
        """
        reach = int(_REACH * self._radius() * abs(frames) + 0.5)
        tells = _count(self.visible) >= _TELLS_MOTION * self.area
        if tells or reach < _LEAST_REACH * abs(frames):
            return self
        unexplained = cv2.morphologyEx(unexplained.view(np.uint8), cv2.MORPH_OPEN, _CORE) > 0
        if _count(unexplained) < max(1, _UNEXPLAINED * self.area):
            return self
        shape = self.expected()
        x, y, width, height = cv2.boundingRect(shape.view(np.uint8))
        if not width:
            return self
        gain = np.pad(unexplained.astype(np.float32) - empty, reach)
        around = gain[y : y + height + 2 * reach, x : x + width + 2 * reach]
        template = shape[y : y + height, x : x + width].astype(np.float32)
        gains = cv2.matchTemplate(around, template, cv2.TM_CCORR)
        row, column = np.unravel_index(int(gains.argmax()), gains.shape)
        if gains[row, column] - gains[reach, reach] < _BETTER * self.area:
            return self
        shift = np.array([column - reach, row - reach], dtype=np.float64)
        velocity = self.velocity + _PIXEL_SMOOTHING * shift / frames
        return replace(self, moved=self.moved + shift, velocity=velocity)

    def after(self, frames: int) -> "MotionLayer":
        """On a later frame, if it goes on as before."""
        return replace(self, moved=self.moved + frames * self.velocity)

    def apart(self, mask: Cells, frames: int) -> "MotionLayer":
        """On a frame where it touches none of its look-alikes: its mask is its own.  As before
        where it has none.
        """
        if not mask.any():
            return self
        area = (1 - _SMOOTHING) * self.area + _SMOOTHING * _count(mask)
        velocity = self.velocity if self.touching else self._velocity_to(mask, frames)
        return MotionLayer(mask, np.zeros(2), velocity, area, mask)

    def met(self, mask: Cells, frames: int, theirs: Cells) -> "MotionLayer":
        """On the first frame where it touches one.  theirs: the masks of those."""
        ahead = self.after(frames)
        velocity = self._velocity_to(mask, frames)
        if self.shows_whole(mask):
            return MotionLayer(mask, np.zeros(2), velocity, self.area, mask, touching=True)
        if ahead.shrank(mask, theirs):
            return replace(MotionLayer.of(mask, touching=True), velocity=velocity)
        return replace(ahead, touching=True)

    def found(self, mask: Cells, frames: int) -> "MotionLayer":
        """On a frame where it touches one, and moved otherwise than expected, by its mask."""
        velocity = self.velocity
        if frames and self.visible.any():
            velocity = (_centre(mask) - _centre(self.visible)) / frames
        return replace(MotionLayer.of(mask, touching=True), velocity=velocity)

    def seen_whole(self, mask: Cells) -> "MotionLayer":
        """On a frame where it touches one, and hides nor is hidden."""
        area = self.area + _TOUCHING_SMOOTHING * (_count(mask) - self.area)
        return MotionLayer(mask, np.zeros(2), self.velocity, area, mask, touching=True)

    def _velocity_to(self, mask: Cells, frames: int) -> Vector:
        if not frames or not self.visible.any() or not mask.any():
            return self.velocity
        motion = (_centre(mask) - _centre(self.visible)) / frames
        return np.asarray(self.velocity + _SMOOTHING * (motion - self.velocity))


def shifted(
    values: "Float32[np.ndarray, 'h w'] | UInt8[np.ndarray, 'h w']", by: Vector
) -> "Float32[np.ndarray, 'h w'] | UInt8[np.ndarray, 'h w']":
    """Values moved by x, y; 0 comes in from outside."""
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]], dtype=np.float32)
    size = (values.shape[1], values.shape[0])
    return np.asarray(cv2.warpAffine(values, matrix, size, flags=cv2.INTER_LINEAR))


def _count(mask: Cells) -> int:
    return int(np.count_nonzero(mask))


def _centre(mask: Cells) -> Vector:
    cells = mask.view(np.uint8)
    x, y, width, height = cv2.boundingRect(cells)  # a tenth of the time of moments
    box = np.ascontiguousarray(cells[y : y + height, x : x + width])
    moments = cv2.moments(box, binaryImage=True)
    area = moments["m00"]
    return np.array([moments["m10"] + x * area, moments["m01"] + y * area]) / area


def _motion(before: Grey, now: Grey, mask: Cells, expected: Vector) -> Vector:
    """How far what is under the mask has moved, in cells, near where it is expected."""
    box = mask_box(mask)
    x1, y1, x2, y2 = box
    if x1 == x2:
        return expected
    cells = mask[y1:y2, x1:x2]
    x1, y1, x2, y2 = (GREY_SCALE * edge for edge in box)
    jump = np.round(GREY_SCALE * expected).astype(int)
    left, top = (np.array([x1, y1]) + jump - _SEARCH).tolist()
    right, bottom = (np.array([x2, y2]) + jump + _SEARCH).tolist()
    height, width = now.shape
    if left < 0 or top < 0 or right > width or bottom > height:
        return expected  # at the border, what is visible of it changes
    weights = np.kron(cells, np.ones((GREY_SCALE, GREY_SCALE))).astype(np.float32)
    differences = cv2.matchTemplate(
        now[top:bottom, left:right].astype(np.float32),
        before[y1:y2, x1:x2].astype(np.float32),
        cv2.TM_SQDIFF,
        mask=weights,
    )
    # Without texture all differences are 0: then it is where it was expected.
    differences = (np.maximum(differences, 0) + 1) * _PENALTY
    row, column = np.unravel_index(int(differences.argmin()), differences.shape)
    x = column - _SEARCH + _between(differences[row], int(column))
    y = row - _SEARCH + _between(differences[:, column], int(row))
    return np.asarray((jump + np.array([x, y])) / GREY_SCALE)


def _between(values: Float64[np.ndarray, " S"], least: int) -> float:
    """Where the parabola through the least value and its neighbours is least, as an offset."""
    if not 0 < least < len(values) - 1:
        return 0.0
    one, here, other = values[least - 1 : least + 2].tolist()
    bend = one + other - 2 * here
    return 0.5 * (one - other) / bend if bend > 0 else 0.0
