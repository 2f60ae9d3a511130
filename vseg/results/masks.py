"""The masks of one stored frame, unpacked: what a run gives back, and what is drawn and
exported.

Enters: a FrameMasks of a session, or a FrameRecord of a part file.  Leaves: StoredMasks, whose
masks are crops at video resolution, so that an object costs its own size and not the frame's.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from vseg.errors import BadMask
from vseg.ops.codec import CODEC, decode_mask, encode_mask
from vseg.results.records import FrameRecord, MaskRow, MaskSource
from vseg.types import FrameMasks, MaskCrop


@dataclass(frozen=True, slots=True)
class StoredMasks:
    """The objects of one frame, by ascending id; every tuple has one entry for each object.

    visible False: the object was tracked and is not in the image.  An object that is not
    listed was not tracked on this frame.  scores: predicted IoU in [0, 1].
    """

    frame_index: int
    pts: int | None
    time_s: float
    height: int
    width: int
    object_ids: tuple[int, ...]
    crops: tuple[MaskCrop, ...]
    scores: tuple[float, ...]
    visible: tuple[bool, ...]
    sources: tuple[MaskSource, ...]

    def mask(self, row: int) -> Bool[np.ndarray, "H W"]:
        """The mask of one row at video size."""
        return self.crops[row].paste(self.height, self.width)

    def __len__(self) -> int:
        return len(self.object_ids)

    def __repr__(self) -> str:
        return f"StoredMasks(frame_index={self.frame_index}, object_ids={self.object_ids})"

    @staticmethod
    def of(masks: FrameMasks) -> "StoredMasks":
        """The same objects as a session gave them, enlarged to video size and cut out."""
        order = sorted(range(len(masks.object_ids)), key=masks.object_ids.__getitem__)
        return StoredMasks(
            frame_index=masks.frame_index,
            pts=masks.pts,
            time_s=masks.time_s,
            height=masks.height,
            width=masks.width,
            object_ids=tuple(masks.object_ids[row] for row in order),
            crops=tuple(masks.crop(row) for row in order),
            scores=tuple(float(masks.scores[row]) for row in order),
            visible=tuple(bool(masks.visible[row]) for row in order),
            sources=tuple("prompt" if row in masks.prompted else "track" for row in order),
        )


def pack(masks: StoredMasks) -> FrameRecord:
    """The frame as it is stored."""
    rows = tuple(
        MaskRow(
            masks.frame_index,
            masks.pts,
            masks.time_s,
            object_id,
            masks.visible[row],
            masks.scores[row],
            crop.area,
            *crop.xywh,
            CODEC,
            encode_mask(crop),
            masks.sources[row],
        )
        for row, (object_id, crop) in enumerate(
            zip(masks.object_ids, masks.crops, strict=True)
        )
    )
    return FrameRecord(
        masks.frame_index, masks.pts, masks.time_s, "prompt" in masks.sources, rows
    )


def unpack(record: FrameRecord, height: int, width: int) -> StoredMasks:
    """The frame as it was before it was stored, bit for bit.

    Raises BadMask, naming the object, if a payload is damaged or does not fit the frame.
    """
    return StoredMasks(
        frame_index=record.index,
        pts=record.pts,
        time_s=record.time_s,
        height=height,
        width=width,
        object_ids=tuple(row.object_id for row in record.rows),
        crops=tuple(unpack_row(row, height, width) for row in record.rows),
        scores=tuple(row.score for row in record.rows),
        visible=tuple(row.visible for row in record.rows),
        sources=tuple(row.source for row in record.rows),
    )


def unpack_row(row: MaskRow, height: int, width: int) -> MaskCrop:
    """The mask of one row, at most height x width.  Raises BadMask as `unpack` does."""
    where = f"frame {row.frame}, object {row.object_id}"
    if row.codec != CODEC:
        raise BadMask(f"{where}: unknown mask codec {row.codec!r}")
    if row.x + row.width > width or row.y + row.height > height:
        raise BadMask(f"{where}: the mask leaves the {width}x{height} frame")
    try:
        crop = decode_mask(row.payload, row.xywh)
    except BadMask as error:
        raise BadMask(f"{where}: {error.message}") from error
    if crop.area != row.area:
        raise BadMask(f"{where}: the mask has {crop.area} pixels, its row says {row.area}")
    return crop
