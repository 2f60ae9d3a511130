"""Tracklets of a run for linking: where an object was visible as a whole, and its colours
there.

Enters: a run, and its clip where appearance counts.  Leaves: Tracklets.  An embedding is a
colour histogram of the pixels under the mask, as square roots, so that the cosine of two is
their Bhattacharyya coefficient (Comaniciu et al., "Kernel-based object tracking", PAMI 2003).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from vseg.interfaces.reader import Reader
from vseg.results import MaskRow, Run
from vseg_trackers import Tracklet

VIEWS = 6
"""Histograms of an object, evenly over its frames.  A round value; not tuned."""
_WHOLE = 0.6
"""A mask of at least this share of the object's median area shows it whole.  A round value;
not tuned.
"""
_LEVELS = 8
"""Bins of a colour channel: 512 in all, as few as an object of a few hundred pixels fills."""


def tracklets_of_run(run: Run, video: Reader | None) -> list[Tracklet]:
    """One for every object that is ever visible, without embeddings where there is no video.

    At both ends it is cut back to where the object is whole: one that comes out from behind
    something seems to move and to grow.
    """
    rows = {stored.id: _whole_rows(run, stored.id) for stored in run.objects}
    embeddings = _histograms(run, video, rows) if video is not None else {}
    return [
        Tracklet(
            object_id,
            np.array([row.time_s for row in whole]),
            _boxes(whole),
            np.clip([row.score for row in whole], 0.0, 1.0),
            embeddings=embeddings.get(object_id),
        )
        for object_id, whole in rows.items()
        if whole
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


def _histograms(
    run: Run, video: Reader, rows: Mapping[int, Sequence[MaskRow]]
) -> dict[int, Float64[np.ndarray, "V C"]]:
    """Histograms of every object; a frame is read once for all of them."""
    wanted: dict[int, list[int]] = {}
    for object_id, whole in rows.items():
        spread = np.linspace(0, len(whole) - 1, VIEWS).round() if whole else np.zeros(0)
        for place in np.unique(spread).astype(int).tolist():
            wanted.setdefault(whole[place].frame, []).append(object_id)
    histograms: dict[int, list[Float64[np.ndarray, " C"]]] = {}
    for index, object_ids in sorted(wanted.items()):
        image = video.read(index).image
        masks = run[index]
        for object_id in object_ids:
            histogram = colour_histogram(image, masks[object_id])
            histograms.setdefault(object_id, []).append(histogram)
    return {object_id: np.array(views) for object_id, views in histograms.items()}


def colour_histogram(
    image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]
) -> Float64[np.ndarray, " C"]:
    """The colours under a mask that is not empty, as a unit vector."""
    levels = image[mask].astype(np.int64) * _LEVELS // 256
    bins = levels @ np.array([_LEVELS * _LEVELS, _LEVELS, 1])
    counts = np.bincount(bins, minlength=_LEVELS**3)
    return np.asarray(np.sqrt(counts / counts.sum()))
