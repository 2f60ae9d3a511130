"""Which of two objects is in front, as the pixels say where both were expected.

Enters: layers, and grey images of two frames.  Leaves: the objects from behind to the front.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vseg.session.identity.layers import GREY_SCALE, Cells, Grey, MotionLayer, shifted

# How much of what was seen before counts with every comparison: objects rarely change their
# order, and single frames are wrong.  A round value; not tuned.
_KEPT = 0.95
# What a cell that went over from one object's mask to the other's says, in grey levels: a
# border that stays may do so by the decoder's fault, and one that moves on does not.  With 30
# the crossings of the identity suite are as without; with 100 cross-30 has 5 switches, not 1.
_WENT_OVER = 30.0


@dataclass(slots=True)
class DepthOrder:
    """in_front: by pair of ids, ascending, how much better the motion of the first explains
    the pixels that both claim, in summed grey levels, and how many went over to it; below 0
    that of the second does.
    """

    in_front: dict[tuple[int, int], float] = field(default_factory=dict)

    def compare(
        self,
        layers: Mapping[int, MotionLayer],
        greys: tuple[Grey, Grey],
        joint: Cells,
        masks: Mapping[int, Cells],
        frames: int,
    ) -> None:
        """Compare every two layers on the cells that both would show on this frame.

        greys: of the last frame and of this.  masks: of this frame, as decoded; joint: of all.
        """
        before, now = greys
        moved = {}
        for i, layer in layers.items():
            motion = frames * layer.velocity
            pixels = shifted(before, GREY_SCALE * motion)
            cells = shifted(layer.visible.astype(np.float32), motion) > 0.5
            moved[i] = cv2.absdiff(pixels, now), cells
        ids = sorted(layers)
        for k, other in enumerate(ids):
            for one in ids[:k]:
                here = layers[one].expected() & layers[other].expected()
                took, lost = (
                    _went_over(layers[a], layers[b], masks[b] & here)
                    for a, b in ((other, one), (one, other))
                )
                if took != lost:
                    known = self.in_front.get((one, other), 0.0)
                    self.in_front[one, other] = known + _WENT_OVER * (took - lost)
                both = moved[one][1] & moved[other][1] & joint
                if not both.any():
                    continue
                pixels = np.kron(both, np.ones((GREY_SCALE, GREY_SCALE), dtype=bool))
                ones, others = (float(moved[i][0][pixels].sum()) for i in (one, other))
                kept = _KEPT * self.in_front.get((one, other), 0.0)
                self.in_front[one, other] = kept + others - ones

    def from_behind(self, ids: Sequence[int]) -> list[int]:
        """The objects by how many of the others they are in front of."""
        ids = sorted(ids)
        over = dict.fromkeys(ids, 0)
        for k, other in enumerate(ids):
            for one in ids[:k]:
                front = one if self.in_front.get((one, other), 0.0) > 0 else other
                over[front] += 1
        return sorted(ids, key=lambda i: over[i])

    def forget(self, object_id: int) -> None:
        """Drop what is known of one object."""
        self.in_front = {k: v for k, v in self.in_front.items() if object_id not in k}

    def keep(self, touching: Mapping[int, Iterable[int]]) -> None:
        """Drop the pairs that do not touch any more."""
        self.in_front = {
            (one, other): value
            for (one, other), value in self.in_front.items()
            if other in touching.get(one, ())
        }


def _went_over(one: MotionLayer, other: MotionLayer, mask: Cells) -> int:
    """How many cells of a mask of another object were shown by one, and not by the other."""
    return int(np.count_nonzero(mask & one.visible & ~other.visible))
