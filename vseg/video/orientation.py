"""How a stored image must be turned to be seen as players show it, from its display matrix."""

import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

from vseg.errors import BadVideo


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored image becomes the displayed one: mirrored left to right first, then turned.

    rotation: degrees counter-clockwise, 0, 90, 180 or 270, as `np.rot90` turns.
    """

    rotation: int = 0
    mirrored: bool = False

    def upright(self, stored: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "H W 3"]:
        """The displayed image, its rows in one piece."""
        image = stored[:, ::-1] if self.mirrored else stored
        return np.ascontiguousarray(np.rot90(image, self.rotation // 90))

    def displayed_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width on display of a stored image of this size, and the reverse."""
        return (height, width) if self.rotation % 180 == 0 else (width, height)

    def displayed_aspect(self, stored: Fraction | None) -> Fraction:
        """Width by height of a displayed pixel, by those of a stored one; 1 if not known."""
        aspect = stored or Fraction(1)
        return aspect if self.rotation % 180 == 0 else 1 / aspect


# The signs of a, b, c, d of the 3 x 3 matrix of ISO/IEC 14496-12 §6.2.2 (a b u c d v x y w),
# which maps (x, y) to (a x + c y, b x + d y), y down, for the turns of np.rot90.
_TURNS = {(1, 0, 0, 1): 0, (0, -1, 1, 0): 90, (-1, 0, 0, -1): 180, (0, 1, -1, 0): 270}
# Off-axis parts below this share of the larger ones are rounding of 16.16 fixed point.
_AXIS_TOLERANCE = 1e-3


def orientation_of(image: VideoFrame, name: str) -> Orientation:
    """How the image is to be shown.  Raises BadVideo for any turn but those by 90 degrees."""
    # The container of side data is a mapping, though its stub is that of a plain dict.
    side_data = cast(Mapping[SideDataType, SideData], image.side_data)
    matrix = side_data.get(SideDataType.DISPLAYMATRIX)
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    mirrored = a * d - b * c < 0
    # To mirror first is to negate x: what is left is a turn.
    signs = _signs(-a if mirrored else a, -b if mirrored else b, c, d)
    if signs not in _TURNS:
        degrees = int(image.rotation) % 360
        raise BadVideo(
            f"{name}: its display matrix turns the image by {degrees} degrees",
            hint="re-encode it upright, for example with: ffmpeg -i IN OUT.mp4",
        )
    return Orientation(_TURNS[signs], mirrored)


def _signs(*entries: int) -> tuple[int, ...]:
    least = _AXIS_TOLERANCE * max(abs(entry) for entry in entries)
    return tuple(0 if abs(entry) <= least else (1 if entry > 0 else -1) for entry in entries)


class Display:
    """Turns decoded images into displayed RGB ones; usable from several threads.

    One scaler is kept: building it for every image costs more than the conversion at 480p
    (0.45 against 0.08 ms).  It stays on one thread, as the model has the others.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._lock = threading.Lock()

    def scale(
        self, image: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]
    ) -> UInt8[np.ndarray, "H W 3"]:
        """A displayed RGB image scaled to a height and width."""
        return self.show(VideoFrame.from_ndarray(image, format="rgb24"), Orientation(), size)

    def show(
        self, stored: VideoFrame, orientation: Orientation, size: tuple[int, int]
    ) -> UInt8[np.ndarray, "H W 3"]:
        """The displayed RGB image, its rows in one piece.

        size: height and width on display; a stored image of another size is scaled to it.
        """
        height, width = orientation.displayed_size(*size)
        with self._lock:
            rgb = self._scaler.reformat(
                stored, width=width, height=height, format="rgb24", threads=1
            )
        image = np.asarray(rgb.to_ndarray(), dtype=np.uint8)
        return image if orientation == Orientation() else orientation.upright(image)
