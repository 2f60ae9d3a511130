"""Which object a mask is of, where its file does not say.

Enters: masks read from a file, and those of the run that it was made from.  Leaves: the same
masks with ids, and how sure they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vseg.errors import BadExchange
from vseg.exchange.spool import MaskSpool
from vseg.interfaces.mask_format import MaskSequence
from vseg.ops.masks import crop_overlap
from vseg.types import MaskCrop

_LEAST = 0.5
"""More than half of a mask's pixels can lie in one object only, where objects are disjoint."""


@dataclass(frozen=True, slots=True)
class Matching:
    """How many masks were given an id, and the lowest share of one that lies in its object."""

    masks: int
    lowest: float


def identify(spool: MaskSpool, reference: MaskSequence) -> Matching:
    """Give every mask without an id that of the reference's object it lies in.

    Raises BadExchange, naming frame and box, for one that lies in none by more than half.
    """
    lowest = 1.0
    given = 0
    if not spool.unnamed:
        return Matching(0, 1.0)
    for frame in reference:
        crops = {obj: frame.crop(obj) for obj in frame if frame.area(obj)}
        for crop, score in spool.take_unnamed(frame.frame_index):
            obj, share = _best(crop, crops)
            if obj is None or share <= _LEAST:
                raise _unknown(frame.frame_index, crop)
            spool.add(frame.frame_index, obj, crop, score)
            lowest = min(lowest, share)
            given += 1
    if given < spool.unnamed:
        raise BadExchange(
            f"{spool.unnamed - given} masks without an id are on frames that the run has not",
            hint="give the object ids in the file",
        )
    return Matching(given, lowest)


def _best(crop: MaskCrop, crops: Mapping[int, MaskCrop]) -> tuple[int | None, float]:
    """The object that most of a mask lies in, of several the most alike, and the share."""
    shared = {obj: crop_overlap(crop, other) for obj, other in crops.items()}
    best = max(
        crops,
        key=lambda obj: (shared[obj], shared[obj] / max(1, crops[obj].area)),
        default=None,
    )
    return best, shared[best] / max(1, crop.area) if best is not None else 0.0


def _unknown(frame: int, crop: MaskCrop) -> BadExchange:
    box = ",".join(map(str, crop.xyxy))
    return BadExchange(
        f"frame {frame}: a mask in the box {box} has no id and lies in no object",
        hint="give the object ids in the file, as the format has them (track_id, group_id)",
    )
