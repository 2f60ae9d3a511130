"""A mask as a binary message of the annotator's socket.

Little-endian: u32 sequence number, frame, object; u16 flags, u16 score * 65535; i32 x, y, w, h
of the crop; u32 runs, row by row within the crop, beginning with background.
"""

import struct
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from jaxtyping import Bool, UInt32

from vseg.errors import BadMask
from vseg.server.annotator.wire_values import WireCrop
from vseg.types import MaskCrop

_HEAD = struct.Struct("<IIIHHiiii")


class MaskFlag(IntFlag):
    """PRESENT: the object is in the image.  ANCHOR: it was prompted on this frame, or its mask
    given.  ACCEPTED: the user said that it is right.  PENDING: from prompts that were not
    propagated yet.  TRANSIENT: of a preview, which nothing is stored of.
    """

    PRESENT = 1
    ANCHOR = 2
    ACCEPTED = 4
    PENDING = 8
    TRANSIENT = 16


@dataclass(frozen=True, slots=True)
class ShownMask:
    """One object on one frame.  object_id: 0 in the preview of a new object."""

    frame: int
    object_id: int
    flags: MaskFlag
    score: float
    crop: MaskCrop


def pack_message(seq: int, shown: ShownMask) -> bytes:
    """The message of a mask; one without a pixel has no runs."""
    score = round(min(max(shown.score, 0.0), 1.0) * 65535)
    head = _HEAD.pack(seq, shown.frame, shown.object_id, shown.flags, score, *shown.crop.xywh)
    return head + runs_of_crop(shown.crop.mask).astype("<u4").tobytes()


def runs_of_crop(mask: Bool[np.ndarray, "h w"]) -> UInt32[np.ndarray, " N"]:
    """Run lengths row by row, beginning with background; none of a mask without a pixel."""
    flat = mask.ravel()
    if flat.size == 0:
        return np.zeros(0, dtype=np.uint32)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    lengths = np.diff(edges)
    if flat[0]:
        lengths = np.concatenate(([0], lengths))
    return lengths.astype(np.uint32)


def wire_crop(crop: MaskCrop) -> WireCrop:
    """The same mask as JSON."""
    x, y, w, h = crop.xywh
    return WireCrop(x=x, y=y, w=w, h=h, runs=runs_of_crop(crop.mask).tolist())


def unpack_crop(crop: WireCrop, height: int, width: int) -> Bool[np.ndarray, "H W"]:
    """The full-size mask.  Raises BadMask for a box that leaves the frame, or runs that do not
    fill it.
    """
    if crop.x + crop.w > width or crop.y + crop.h > height:
        raise BadMask(
            f"a mask of {crop.w}x{crop.h} at {crop.x},{crop.y} leaves the frame of "
            f"{width}x{height}"
        )
    # As Python's integers: a sum of 64 bits might wrap.
    if sum(crop.runs) != crop.w * crop.h:
        raise BadMask(
            f"the runs of a mask hold {sum(crop.runs)} pixels, its box {crop.w * crop.h}"
        )
    values = np.arange(len(crop.runs)) % 2 == 1
    pixels = np.repeat(values, crop.runs).reshape(crop.h, crop.w)
    return MaskCrop(crop.x, crop.y, pixels).paste(height, width)
