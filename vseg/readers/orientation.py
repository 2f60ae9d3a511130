"""How a stored picture must be turned to be seen as players show it, from its display matrix."""

import struct
from collections.abc import Mapping
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from jaxtyping import UInt8

from vseg.errors import BadVideo


def rotation_of(picture: VideoFrame, name: str) -> int:
    """Degrees counter-clockwise: `np.rot90(image, degrees // 90)` is the displayed picture.

    Raises BadVideo for a mirrored picture or one turned by another angle.
    """
    degrees = int(picture.rotation) % 360
    # The container of side data is a mapping, though its stub is that of a plain dict.
    side_data = cast(Mapping[SideDataType, SideData], picture.side_data)
    matrix = side_data.get(SideDataType.DISPLAYMATRIX)
    if degrees % 90 or (matrix is not None and _mirrors(bytes(matrix))):
        raise BadVideo(
            f"{name}: its display matrix mirrors the picture or turns it by {degrees} degrees",
            hint="re-encode it upright, for example with: ffmpeg -i IN OUT.mp4",
        )
    return degrees


def displayed(picture: VideoFrame, rotation: int) -> UInt8[np.ndarray, "H W 3"]:
    """The RGB picture, turned by `rotation` degrees counter-clockwise, with rows in one piece."""
    image = np.asarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8)
    return np.ascontiguousarray(np.rot90(image, rotation // 90)) if rotation else image


def _mirrors(matrix: bytes) -> bool:
    """Whether the 3 x 3 matrix of ISO/IEC 14496-12 §6.2.2 (a b u c d v x y w) flips the plane."""
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    return bool(a * d - b * c < 0)
