"""What the shards of a run directory hold, as values: one mask, and one frame with its masks.

Pixels are those of the displayed frame; times are seconds.
"""

import struct
import zlib
from dataclasses import dataclass

from vseg.frame_masks import MaskSource


@dataclass(frozen=True, slots=True)
class MaskRow:
    """One object on one frame, packed.  An absent object has a row with visible=False.

    x, y, width, height: the mask's bounding box, all 0 if it is empty.  area: pixels.
    """

    frame: int
    pts: int | None
    time_s: float
    object_id: int
    visible: bool
    score: float
    area: int
    x: int
    y: int
    width: int
    height: int
    codec: str
    payload: bytes
    source: MaskSource

    @property
    def packed(self) -> bytes:
        """All fields but the payload; equal rows give equal bytes."""
        numbers = struct.pack(
            "<q?qdq?f5q",
            *(self.frame, self.pts is None, self.pts or 0, self.time_s),
            *(self.object_id, self.visible, self.score, self.area, *self.xywh),
        )
        return b"\0".join((numbers, self.codec.encode(), self.source.encode()))

    @property
    def xywh(self) -> tuple[int, int, int, int]:
        """The bounding box as left, top, width, height."""
        return self.x, self.y, self.width, self.height

    @property
    def xyxy(self) -> tuple[int, int, int, int]:
        """The bounding box as x1 y1 x2 y2, right and bottom exclusive."""
        return self.x, self.y, self.x + self.width, self.y + self.height


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One stored frame with the packed masks of its objects, by ascending id.

    damage: why the frame could not be read, None if it could.
    """

    index: int
    pts: int | None
    time_s: float
    prompted: bool
    rows: tuple[MaskRow, ...]
    damage: str | None = None

    @property
    def checksum(self) -> int:
        """CRC-32 of all of this: stored masks that give another one are not the ones that were
        committed.
        """
        own = (self.index, self.pts is None, self.pts or 0, self.time_s, self.prompted)
        crc = zlib.crc32(struct.pack("<q?qd?", *own))
        crc = zlib.crc32((self.damage or "").encode(), crc)
        for row in self.rows:
            crc = zlib.crc32(row.payload, zlib.crc32(row.packed, crc))
        return crc
