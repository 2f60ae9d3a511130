"""The `segmentation` of COCO and its relatives: run lengths or polygons, from and to masks.

Run lengths are {"size": [height, width], "counts": ...}; counts are a string (compressed) or a
list.  Polygons are lists of corners x y x y ... in pixels; their union is the mask.  Nothing
is allocated before the size is that of the clip.  Format: https://cocodataset.org/#format-data.
"""

from typing import Annotated, Any

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel, BeforeValidator

from vseg.errors import BadMask
from vseg.ops.outline import polygons_of
from vseg.ops.polygon import rasterise
from vseg.ops.rle import decode_rle, encode_rle, mask_of_runs
from vseg.types import MaskCrop, VideoInfo

_CORNERS = 3
"""A polygon of fewer encloses nothing."""
_MOST_CORNERS = 100_000
"""More than any outline in a frame of 8192 x 8192 that a person or a program drew."""

_DECIMALS = 3
"""Of a pixel: shares of whole pixels are whole pixels again."""
_AWAY = 2
"""How far a corner may lie outside, in longer sides of the frame: outlines of what leaves the
frame go on there, but nothing that is partly on it is drawn so large.
"""


class Runs(BaseModel):
    """A mask as run lengths: size is height, width; a list is not compressed."""

    size: tuple[int, int]
    counts: str | list[int]


Polygons = list[list[float]]


def none_if_empty(value: Any) -> Any:
    """None for the ways in which files say that there is no segmentation."""
    return None if value in ([], {}, [[]], "") else value


Segmentation = Annotated[Runs | Polygons | None, BeforeValidator(none_if_empty)]


def rle_of(crop: MaskCrop, height: int, width: int) -> dict[str, Any]:
    """A mask as compressed run lengths."""
    return {"size": [height, width], "counts": encode_rle(crop, height, width)}


def outlines_of(crop: MaskCrop, height: int, width: int) -> Polygons:
    """A mask as polygons along the edges of its pixels, without holes."""
    return [ring.ravel().tolist() for ring in polygons_of(crop)]


def mask_of(segmentation: Runs | Polygons, video: VideoInfo) -> MaskCrop:
    """The mask of a segmentation.  Raises BadMask where it has another size, or does not
    decode.
    """
    if isinstance(segmentation, list):
        return mask_of_polygons(segmentation, video)
    if segmentation.size != (video.height, video.width):
        raise BadMask(
            f"the mask is {segmentation.size[1]}x{segmentation.size[0]}, the frame "
            f"{video.width}x{video.height}",
            hint="is this the file of another clip?",
        )
    counts = segmentation.counts
    if isinstance(counts, str):
        return decode_rle(counts, *segmentation.size)
    if any(abs(count) > video.height * video.width for count in counts):
        raise BadMask("a run is longer than the frame")
    return mask_of_runs(np.array(counts, dtype=np.int64), *segmentation.size)


def mask_of_polygons(polygons: Polygons, video: VideoInfo) -> MaskCrop:
    """The union of the polygons, each of corners x y x y ...; what lies outside is cut off."""
    full = np.zeros((video.height, video.width), dtype=bool)
    for corners in polygons:
        if not np.isfinite(corners).all():
            raise BadMask("a coordinate of a polygon is no number")
        if len(corners) % 2 or len(corners) < 2 * _CORNERS:
            raise BadMask(f"a polygon has {len(corners)} numbers, not x y of three corners")
        if len(corners) > 2 * _MOST_CORNERS:
            raise BadMask(f"a polygon has more than {_MOST_CORNERS} corners")
        points = np.array(corners, dtype=np.float64).reshape(-1, 2)
        check_near(points, video)
        full |= rasterise(points, video.height, video.width)
    return MaskCrop.of(full)


def mask_of_shares(
    corners: Float64[np.ndarray, "N 2"], whole: int, video: VideoInfo
) -> MaskCrop:
    """The mask of one polygon, of corners as shares of the frame, of which `whole` is all."""
    size = np.array([video.width, video.height], dtype=np.float64)
    # What overflows lies nowhere near the frame, which is told of the mask.
    with np.errstate(over="ignore"):
        pixels = np.round(corners * size / whole, _DECIMALS)
    return mask_of_polygons([pixels.ravel().tolist()], video)


def check_near(points: Float64[np.ndarray, "N 2"], video: VideoInfo) -> None:
    """Raise BadMask for a corner that is no number, or is nowhere near the frame."""
    if not np.isfinite(points).all():
        raise BadMask("a corner is not a number")
    size = np.array([video.width, video.height], dtype=np.float64)
    away = _AWAY * size.max()
    far = ((points < -away) | (points > size + away)).any(axis=1)
    if far.any():
        x, y = points[int(np.argmax(far))].tolist()
        raise BadMask(
            f"the corner {x:g},{y:g} lies far outside the {video.width}x{video.height} frame",
            hint="are coordinates in the unit of this format, and is the clip this one?",
        )
