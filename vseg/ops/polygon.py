"""Polygons as masks: a pixel belongs to a polygon where its centre lies inside."""

import numpy as np
from jaxtyping import Bool, Float64


def rasterise(
    corners: Float64[np.ndarray, "N 2"], height: int, width: int
) -> Bool[np.ndarray, "height width"]:
    """The mask of a closed polygon, by the even-odd rule; corners are x, y in pixels.

    What lies outside the frame is cut off.
    """
    flips = np.zeros((height, width + 1), dtype=np.int64)
    centres = np.arange(height) + 0.5
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.flatnonzero((centres >= min(y1, y2)) & (centres < max(y1, y2)))
        if rows.size:
            x = x1 + (centres[rows] - y1) * ((x2 - x1) / (y2 - y1))
            columns = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
            # The rows of one edge are distinct: no addition is lost.
            flips[rows, columns] += 1
    return np.asarray(np.cumsum(flips, axis=1)[:, :width] % 2 == 1, dtype=bool)
