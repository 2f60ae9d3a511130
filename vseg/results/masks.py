"""Masks of one frame, packed into the rows of a run directory and unpacked again.

Enters: FrameMasks, or a FrameRecord of a shard.  Leaves: the other of the two.
"""

import numpy as np

from vseg.errors import BadMask
from vseg.frame_masks import FrameMasks
from vseg.ops.codec import CODEC, decode_mask, encode_mask
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.types import MaskCrop


def pack(masks: FrameMasks) -> FrameRecord:
    """The frame as it is stored, its objects by ascending id."""
    frame = (masks.frame_index, masks.pts, masks.time_s)
    rows = []
    for index in np.argsort(masks.object_ids).tolist():
        object_id = masks.object_ids[index]
        crop = masks.crop(object_id)
        rows.append(
            MaskRow(
                *frame,
                object_id,
                bool(masks.visible[index]),
                float(masks.scores[index]),
                crop.area,
                *crop.xywh,
                CODEC,
                encode_mask(crop),
                masks.sources[index],
            )
        )
    return FrameRecord(*frame, prompted="prompt" in masks.sources, rows=tuple(rows))


def unpack(record: FrameRecord, height: int, width: int) -> FrameMasks:
    """The frame as it was before it was stored, bit for bit.

    Raises BadMask, naming the object, if a payload is damaged or does not fit the frame.
    """
    rows = record.rows
    return FrameMasks(
        frame_index=record.index,
        time_s=record.time_s,
        height=height,
        width=width,
        object_ids=tuple(row.object_id for row in rows),
        scores=np.array([row.score for row in rows], dtype=np.float32),
        visible=np.array([row.visible for row in rows], dtype=bool),
        sources=tuple(row.source for row in rows),
        crops={row.object_id: unpack_row(row, height, width) for row in rows},
        pts=record.pts,
    )


def unpack_row(row: MaskRow, height: int, width: int) -> MaskCrop:
    """The mask of one row, at most height x width.  Raises BadMask as `unpack` does."""
    where = f"frame {row.frame}, object {row.object_id}"
    if row.codec != CODEC:
        raise BadMask(f"{where}: unknown mask codec {row.codec!r}")
    _, _, right, bottom = row.xyxy
    if right > width or bottom > height:
        raise BadMask(f"{where}: the mask leaves the {width}x{height} frame")
    try:
        crop = decode_mask(row.payload, row.xywh)
    except BadMask as error:
        raise BadMask(f"{where}: {error.message}") from error
    if crop.area != row.area:
        raise BadMask(f"{where}: the mask has {crop.area} pixels, its row says {row.area}")
    return crop
