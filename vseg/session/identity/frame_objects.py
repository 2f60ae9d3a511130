"""The objects of one frame where look-alikes may overlap, and their joint mask.

Enters: masks and logits of a frame, and where objects are expected.  Leaves: which of them
overlap, the cells that they cover together, and shares of these in few pieces.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64

from vseg.session.identity.identity_input import IdentityInput
from vseg.session.identity.layers import Cells, Grey

# Two objects overlap from this share of the smaller one on; below it they lie side by side.
# With 0.15 IDF1 of the same crossing is 91.6 and with 0.05 94.1: later their masks have lost
# too much.
_OVERLAP = 0.05
# Another's mask has taken an object's place if it lies on this share of it.
_TAKEN = 0.5
# Where an object is expected, the joint mask reaches to cells of at least this logit: at the
# border between look-alikes each decoder row says no because of the other. Of a crossing of 15
# pairs IDF1 was 88.3 with 0, 93.4 with -1, 90.3 with -2 and 96.3 with -4, in a first version.
_MAYBE_LOGIT = -4.0
# A part with less than this share of its object's area that is cut off from the rest is a
# fault of the expected shapes.  A round value.
_FRAGMENT = 0.1
# What is narrower than this is no part of an object but an edge.
_OPENED = np.ones((3, 3), dtype=np.uint8)

Logits = Float32[np.ndarray, "h w"]


@dataclass(frozen=True, slots=True)
class FrameObjects:
    """The masks of one frame by object, empty where one is not visible.

    surest(ids): of every cell the largest logit of some objects, as decoded.  grey: the frame,
    GREY_SCALE pixels along a cell.  prompted: those that the user prompted.  similar(one,
    other): whether one may be taken for the other; equal: whether they cannot be told apart;
    nearly_equal: whether how they move tells more of them than a decoder.
    """

    frame_index: int
    masks: Mapping[int, Cells]
    surest: Callable[[Sequence[int]], Logits]
    grey: Grey
    prompted: frozenset[int]
    similar: Callable[[int, int], bool]
    equal: Callable[[int, int], bool]
    nearly_equal: Callable[[int, int], bool]

    @classmethod
    def of(
        cls,
        inputs: IdentityInput,
        masks: Bool[np.ndarray, "O h w"],
        similar: Callable[[int, int], bool],
        equal: Callable[[int, int], bool],
        nearly_equal: Callable[[int, int], bool],
    ) -> "FrameObjects":
        """Those that were decoded on the whole frame, not in crops."""
        rows = inputs.whole_rows

        def surest(ids: Sequence[int]) -> Logits:
            some = inputs.decoded.logits[[rows[i] for i in ids]]
            return np.asarray(some.amax(0).float().cpu().numpy())

        return cls(
            inputs.frame_index,
            {i: masks[row] for i, row in rows.items()},
            surest,
            inputs.grey,
            frozenset(i for i, row in rows.items() if inputs.prompted[row]),
            similar,
            equal,
            nearly_equal,
        )


def overlap(expected: tuple[Cells, Cells], masks: tuple[Cells, Cells]) -> bool:
    """Whether two objects overlap where they are expected, or the mask of one has the place
    of the other.
    """
    one, other = (int(np.count_nonzero(place)) for place in expected)
    if not one or not other:
        return False
    shared, ones_taken, others_taken = (
        int(np.count_nonzero(place & mask))
        for place, mask in (expected, (expected[0], masks[1]), (expected[1], masks[0]))
    )
    if shared >= _OVERLAP * min(one, other):
        return True
    return ones_taken >= _TAKEN * one or others_taken >= _TAKEN * other


def joint_mask(
    frame: FrameObjects, ids: Sequence[int], expected: Mapping[int, Cells]
) -> Cells:
    """The cells of all masks, and of those where an object is expected and may be."""
    masks = np.any([frame.masks[i] for i in ids], axis=0)
    maybe = np.any([expected[i] for i in ids], axis=0) & (frame.surest(ids) > _MAYBE_LOGIT)
    opened = cv2.morphologyEx(maybe.astype(np.uint8), cv2.MORPH_OPEN, _OPENED) > 0
    return np.asarray(masks | opened)


def without_fragments(
    owner: Int64[np.ndarray, "h w"], joint: Cells, areas: Sequence[float]
) -> list[Cells]:
    """The cells of each owner; fragments go to who owns most cells around them."""
    shares = [joint & (owner == k) for k in range(len(areas))]
    for k, area in enumerate(areas):
        count, parts, stats, _ = cv2.connectedComponentsWithStats(shares[k].astype(np.uint8))
        for part in range(1, count):
            if stats[part, cv2.CC_STAT_AREA] >= _FRAGMENT * area:
                continue
            fragment = parts == part
            around = cv2.dilate(fragment.astype(np.uint8), _OPENED) > 0
            cells = [int(np.count_nonzero(around & share)) for share in shares]
            cells[k] = 0
            if max(cells):
                shares[k] &= ~fragment
                shares[int(np.argmax(cells))] |= fragment
    return shares
