"""What a mask with nothing but negative marks on it implies: that the rest is the object.

Enters: the prompts of an object.  Leaves: the same with a point on the mask.  nano was trained
on clicks that begin on the object; by negative ones alone it gave up 110 of 174 masks whole.
"""

import numpy as np

from vseg.interfaces.promptable_model import ObjectPrompts
from vseg.prompts.simulate import depth_inside
from vseg.types import Mask, Points


def with_implied_marks(prompts: ObjectPrompts) -> ObjectPrompts:
    """The prompts, with a point where a given mask is deepest and farthest from the negative
    points, if there is no other mark than these.

    J of 174 masks of tracked objects was 65.8 after a simulated negative click; 22.2 without.
    """
    masks = [p for p in prompts if isinstance(p, Mask)]
    points = [p for p in prompts if isinstance(p, Points)]
    only = len(masks) == 1 and points and len(points) + 1 == len(prompts)
    if not only or any(p.positive.any() for p in points) or not masks[0].mask.any():
        return prompts
    xy = np.concatenate([p.xy for p in points])
    room = depth_inside(masks[0].mask)
    rows, columns = np.indices(room.shape, dtype=np.float32)
    for x, y in xy:
        room = np.minimum(room, np.hypot(columns - x, rows - y))
    row, column = np.unravel_index(int(np.argmax(room)), room.shape)
    marks = np.array([[column, row], *xy], dtype=np.float32)
    return (masks[0], Points(marks, np.arange(len(marks)) == 0))
