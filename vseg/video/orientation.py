"""How a stored image must be turned to be seen as players show it, from its display matrix."""

import struct
import threading
from collections.abc import Mapping
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

from vseg.errors import BadVideo


def rotation_of(image: VideoFrame, name: str) -> int:
    """Degrees counter-clockwise: `np.rot90(image, degrees // 90)` is the displayed image.

    Raises BadVideo for a mirrored image or one turned by another angle.
    """
    degrees = int(image.rotation) % 360
    # The container of side data is a mapping, though its stub is that of a plain dict.
    side_data = cast(Mapping[SideDataType, SideData], image.side_data)
    matrix = side_data.get(SideDataType.DISPLAYMATRIX)
    if degrees % 90 or (matrix is not None and _mirrors(bytes(matrix))):
        raise BadVideo(
            f"{name}: its display matrix mirrors the image or turns it by {degrees} degrees",
            hint="re-encode it upright, for example with: ffmpeg -i IN OUT.mp4",
        )
    return degrees


class Display:
    """Turns decoded images into displayed RGB ones; usable from several threads.

    One scaler is kept: building it for every image costs more than the conversion at 480p
    (0.45 against 0.08 ms).  It stays on one thread, as the model has the others.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._lock = threading.Lock()

    def show(self, stored: VideoFrame, rotation: int) -> UInt8[np.ndarray, "H W 3"]:
        """The RGB image, turned by `rotation` degrees counter-clockwise, its rows in one
        piece.
        """
        with self._lock:
            rgb = self._scaler.reformat(stored, format="rgb24", threads=1)
        image = np.asarray(rgb.to_ndarray(), dtype=np.uint8)
        return np.ascontiguousarray(np.rot90(image, rotation // 90)) if rotation else image


def _mirrors(matrix: bytes) -> bool:
    """Whether the 3 x 3 matrix of ISO/IEC 14496-12 §6.2.2 (a b u c d v x y w) flips the
    plane.
    """
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    return bool(a * d - b * c < 0)
