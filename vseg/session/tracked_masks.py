"""What one step of tracking gives: rows of all live objects."""

from dataclasses import dataclass

from vseg.frame_masks import NO_FINE_MASKS, FineMasks
from vseg.tensors import Decoded


@dataclass(frozen=True, slots=True)
class TrackedMasks:
    """decoded: on the cells of the whole frame, in the order of the objects; on the processor,
    where the identities read them, unless some were decoded in crops.  fine: masks of those,
    and of what was zoomed in on.
    """

    decoded: Decoded
    fine: FineMasks = NO_FINE_MASKS
