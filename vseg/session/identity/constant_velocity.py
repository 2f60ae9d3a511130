"""Where an object is if it goes on as it moved.

Enters: its box on frames on which that is known for sure.  Leaves: its box on a later frame,
and which share of it has gone through which border of the frame by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

# Share of a frame in the velocity: a running mean over about four frames, as of look-alikes
# that are apart (`vseg.session.identity.layers`).
_SMOOTHING = 0.25
# A velocity is believed for so many times as long as it takes to go out. A round value.
_BELIEVED = 2.0

LEFT, TOP, RIGHT, BOTTOM = range(4)

MovingBox = Float64[np.ndarray, " 4"]
"""x1 y1 x2 y2 in cells or pixels, right and bottom exclusive."""


@dataclass(frozen=True, slots=True)
class ConstantVelocity:
    """box: the last one known; velocity: of its centre along x and y, per frame; frame_index:
    of that box.
    """

    box: MovingBox
    velocity: Float64[np.ndarray, " 2"]
    frame_index: int

    @classmethod
    def after(
        cls, known: "ConstantVelocity | None", box: MovingBox, frame_index: int
    ) -> "ConstantVelocity":
        """After a frame on which the box is known; known: before it, None if nothing was."""
        if known is None:
            return cls(box, np.zeros(2), frame_index)
        return known.seen(box, frame_index)

    def seen(self, box: MovingBox, frame_index: int) -> "ConstantVelocity":
        """After one more frame on which its box is known."""
        frames = frame_index - self.frame_index
        if not frames:
            return replace(self, box=box)
        motion = (_centre(box) - _centre(self.box)) / frames
        share = _SMOOTHING if self.velocity.any() else 1.0
        velocity = self.velocity + share * (motion - self.velocity)
        return ConstantVelocity(box, velocity, frame_index)

    def expected(self, frame_index: int) -> MovingBox:
        """Its box on another frame."""
        moved = (frame_index - self.frame_index) * self.velocity
        box: MovingBox = self.box + np.tile(moved, 2)
        return box

    def outside(self, frame_index: int, hw: tuple[int, int]) -> tuple[int, float]:
        """The border that it goes out through next, and the share of its length that is out by
        this frame; 1 or more: all of it.  0 where the frame is too late to tell.
        """
        moved = np.tile((frame_index - self.frame_index) * self.velocity, 2)
        lengths = np.tile(self.box[2:] - self.box[:2], 2)
        ends = np.array([0, 0, hw[1], hw[0]])
        sign = np.array([-1, -1, 1, 1])
        toward = sign * moved
        beyond = sign * (self.box - ends) + toward
        shares = np.where(toward > 0, beyond / lengths, -np.inf)
        side = int(shares.argmax())
        way = lengths[side] + toward[side] - beyond[side]  # until all of it is out
        if toward[side] > _BELIEVED * way:
            return side, 0.0
        return side, max(0.0, float(shares[side]))

    def packed(self) -> list[Any]:
        """Plain values for a snapshot."""
        return [self.box.tolist(), self.velocity.tolist(), self.frame_index]

    @classmethod
    def unpacked(cls, values: Sequence[Any] | None) -> "ConstantVelocity | None":
        """What `packed` gave; None of None."""
        if values is None:
            return None
        box, velocity, frame_index = values
        return cls(np.array(box), np.array(velocity), frame_index)


def length_in_view(box: MovingBox, side: int, hw: tuple[int, int]) -> float:
    """How far what is in a box reaches into the frame from one of its borders, in cells."""
    if side in (LEFT, TOP):
        return float(box[side + 2])
    return float((hw[1] if side == RIGHT else hw[0]) - box[side - 2])


def _centre(box: MovingBox) -> Float64[np.ndarray, " 2"]:
    centre: Float64[np.ndarray, " 2"] = (box[:2] + box[2:]) / 2
    return centre
