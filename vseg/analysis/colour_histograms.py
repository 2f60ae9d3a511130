"""Tracklets of a run for linking: where each object was seen whole, and what it looked like
there.

Enters: a run, and its clip where appearance counts.  Leaves: Tracklets.  A look is a colour
histogram of the pixels under the mask, as square roots, so that the cosine of two is their
Bhattacharyya coefficient (Comaniciu et al., "Kernel-based object tracking", PAMI 2003).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from vseg.interfaces.reader import Reader
from vseg.results import MaskRow, Run
from vseg_trackers import Tracklet

VIEWS = 6
"""Looks kept of an object, evenly over its frames."""
_WHOLE = 0.6
_LEVELS = 8


def tracklets_of_run(run: Run, video: Reader | None) -> list[Tracklet]:
    """One for each object that is ever seen, without its looks where there is no video.

    At both ends it is cut back to where at least `_WHOLE` of its usual area is seen: what
    comes out from behind something seems to move and to grow.
    """
    rows = {each.id: _whole_rows(run, each.id) for each in run.objects}
    looks = _looks(run, video, rows) if video is not None else {}
    return [
        Tracklet(
            object_id,
            np.array([row.time_s for row in seen]),
            _boxes(seen),
            np.clip([row.score for row in seen], 0.0, 1.0),
            embeddings=looks.get(object_id),
        )
        for object_id, seen in rows.items()
        if seen
    ]


def _whole_rows(run: Run, object_id: int) -> list[MaskRow]:
    rows = [row for row in run.track(object_id) if row.visible and row.area]
    if not rows:
        return []
    areas = np.array([row.area for row in rows])
    whole = np.flatnonzero(areas >= _WHOLE * np.median(areas))
    return rows[whole[0] : whole[-1] + 1]


def _boxes(rows: Sequence[MaskRow]) -> Float64[np.ndarray, "T 4"]:
    return np.array([row.xyxy for row in rows], dtype=np.float64)


def _looks(
    run: Run, video: Reader, rows: Mapping[int, Sequence[MaskRow]]
) -> dict[int, Float64[np.ndarray, "V C"]]:
    """The looks of each object, every needed frame read once."""
    wanted: dict[int, list[int]] = {}
    for object_id, seen in rows.items():
        for place in np.unique(np.linspace(0, len(seen) - 1, VIEWS).round()) if seen else ():
            wanted.setdefault(seen[int(place)].frame, []).append(object_id)
    looks: dict[int, list[Float64[np.ndarray, " C"]]] = {}
    for index, object_ids in sorted(wanted.items()):
        image = video.read(index).image
        masks = run[index]
        for object_id in object_ids:
            looks.setdefault(object_id, []).append(look(image, masks[object_id]))
    return {object_id: np.array(views) for object_id, views in looks.items()}


def look(
    image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]
) -> Float64[np.ndarray, " C"]:
    """The colours under a mask that is not empty, as a unit vector."""
    levels = image[mask].astype(np.int64) * _LEVELS // 256
    bins = levels @ np.array([_LEVELS * _LEVELS, _LEVELS, 1])
    counts = np.bincount(bins, minlength=_LEVELS**3)
    return np.asarray(np.sqrt(counts / counts.sum()))
