"""A frame with what a mask has right, wrong and too little of one object, cut out around it.

Enters: where annotation, prediction and images are.  Leaves: small images of one size.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from vseg.analysis.object_images import Thumbnail, window_around
from vseg.analysis.predictions import masks_of
from vseg.build import open_clip, open_run, open_video
from vseg.errors import VsegError
from vseg.interfaces.reader import OpenReader
from vseg.io.files import real_path
from vseg.metrics.mask_evaluation import scored_pairs
from vseg.metrics.protocols import Protocol
from vseg.ops.masks import mask_box
from vseg.results.layout import is_run

COLOURS = {
    "right": (0, 201, 160),
    "too much": (255, 84, 74),
    "missing": (30, 90, 255),
}
"""Apart in hue and in lightness, so that they are told apart by the colour-blind too."""
_OPACITY = 0.6
_GREY = 96

Wanted = Mapping[int, frozenset[int]]
"""Object ids by frame."""


@dataclass(frozen=True, slots=True)
class ClipSides:
    """One clip: its annotation and the predictions of both runs."""

    truth: Path
    first: Path
    second: Path


def error_images(
    sides: ClipSides, wanted: Wanted, protocol: Protocol, size: tuple[int, int]
) -> dict[tuple[int, int], tuple[Thumbnail, Thumbnail]]:
    """Images of both runs by (frame, object), of width x height `size`, both cut alike."""
    images = _images(sides, wanted)
    masks = [
        _masks(sides.truth, path, wanted, protocol) for path in (sides.first, sides.second)
    ]
    drawn = {}
    for key, (truth, first) in masks[0].items():
        second = masks[1][key][1]
        height, width = truth.shape
        window = window_around(mask_box(truth | first | second), (width, height), size)
        image = images.get(key[0])
        if image is None or image.shape[:2] != truth.shape:
            image = np.full((height, width, 3), _GREY, np.uint8)
        left, top, right, bottom = window
        cut = (slice(top, bottom), slice(left, right))
        drawn[key] = (
            _drawn(image[cut], truth[cut], first[cut], size),
            _drawn(image[cut], truth[cut], second[cut], size),
        )
    return drawn


def _masks(
    truth: Path, pred: Path, wanted: Wanted, protocol: Protocol
) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Truth and prediction by (frame, object)."""
    found = {}
    for label, masks in scored_pairs(truth, masks_of(pred), protocol):
        for object_id in wanted.get(label.index, ()):
            none = np.zeros(label.shape, dtype=bool)
            found[label.index, object_id] = (
                label.mask(object_id),
                np.asarray(masks.get(object_id, none)),
            )
    return found


def _images(sides: ClipSides, wanted: Wanted) -> dict[int, UInt8[np.ndarray, "H W 3"]]:
    """The frames themselves: from the clip of either run, or from JPEGImages beside
    Annotations; none where neither is there.
    """
    for opening in _openings(sides):
        try:
            with opening() as video:
                return {frame: video.read(frame).image for frame in sorted(wanted)}
        except VsegError:  # the clip has moved or cannot be read: the next place, or no images
            continue
    return {}


def _openings(sides: ClipSides) -> list[Callable[[], OpenReader]]:
    openings: list[Callable[[], OpenReader]] = [
        partial(_clip_of_run, path) for path in (sides.first, sides.second) if is_run(path)
    ]
    beside = _images_beside(sides.truth)
    return openings if beside is None else [*openings, partial(open_video, beside)]


def _clip_of_run(path: Path) -> OpenReader:
    return open_clip(open_run(path))


def _images_beside(truth: Path) -> Path | None:
    parts = list(real_path(truth).parts)
    if "Annotations" not in parts:
        return None
    parts[len(parts) - 1 - parts[::-1].index("Annotations")] = "JPEGImages"
    folder = Path(*parts)
    return folder if folder.is_dir() else None


def _drawn(
    image: UInt8[np.ndarray, "H W 3"],
    truth: Bool[np.ndarray, "H W"],
    pred: Bool[np.ndarray, "H W"],
    size: tuple[int, int],
) -> Thumbnail:
    way = cv2.INTER_AREA if image.shape[1] > size[0] else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(image, size, interpolation=way)).astype(np.float64)
    parts = {"right": truth & pred, "too much": pred & ~truth, "missing": truth & ~pred}
    for name, part in parts.items():
        inside = cv2.resize(part.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        small[inside] = (1 - _OPACITY) * small[inside] + _OPACITY * np.array(COLOURS[name])
    shown = np.ascontiguousarray(small.round().astype(np.uint8))
    outline = cv2.resize(truth.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(outline, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(shown, contours, -1, (255, 255, 255), 1, cv2.LINE_AA))
