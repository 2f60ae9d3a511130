"""What a model decoded on a frame -> FrameMasks, on the processor."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from vseg.frame_masks import NO_FINE_MASKS, FineMasks, FrameMasks, LogitCrops
from vseg.tensors import PRESENT, Decoded, downloaded
from vseg.types import Frame


def decoded_masks(
    frame: Frame,
    object_ids: Sequence[int],
    decoded: Decoded,
    prompted: Collection[int],
    given: Mapping[int, Bool[np.ndarray, "H W"]],
    fine: FineMasks = NO_FINE_MASKS,
) -> FrameMasks:
    """The masks of objects, by rows of `decoded`.

    prompted: ids of objects that were prompted on this frame.  given: by id, masks that stand
    as the user gave them.  fine: those that were decoded in crops.
    """
    logits, quality, presence = downloaded(decoded.logits, decoded.quality, decoded.presence)
    rows = logits.float().numpy()
    visible = (presence.numpy() > PRESENT) & (rows > 0).any(axis=(1, 2))
    for row, object_id in enumerate(object_ids):
        if object_id in fine.masks:
            visible[row] &= fine.masks[object_id].area > 0
    height, width = frame.hw
    return FrameMasks(
        frame_index=frame.index,
        time_s=frame.time_s,
        pts=frame.pts,
        height=height,
        width=width,
        object_ids=tuple(object_ids),
        scores=np.where(visible, quality.numpy(), np.float32(0)),
        visible=visible,
        sources=tuple("prompt" if obj in prompted else "track" for obj in object_ids),
        crops=LogitCrops(tuple(object_ids), rows, visible, (height, width), given, fine),
    )
