"""Masks cut to their boxes, and how much they overlap.

Enters: full-size masks, or crops with their places.  Leaves: PackedMasks, and the IoU of
chosen pairs.  A pair costs what its common window costs, not a frame, so pairs are first found
by boxes (`boxes.touching_pairs`) and only those are compared pixel by pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.errors import TrackerError

# The axes have no names: one list holds crops of many sizes.
Crop = Bool[np.ndarray, "_ _"]


@dataclass(frozen=True, slots=True)
class PackedMasks:
    """The masks of one frame, each kept as the part inside its box.

    boxes: x1 y1 x2 y2 in pixels, right and bottom exclusive, within the frame; crops: the
    pixels inside each; height, width: of the frame.  Raises TrackerError naming the first row
    whose box and crop disagree or that leaves the frame.
    """

    height: int
    width: int
    boxes: Int[np.ndarray, "N 4"]
    crops: tuple[Crop, ...]

    def __post_init__(self) -> None:
        if len(self.crops) != len(self.boxes):
            raise TrackerError(
                f"{len(self.boxes)} mask boxes but {len(self.crops)} crops: give one crop "
                "for each"
            )
        for row, ((x1, y1, x2, y2), crop) in enumerate(
            zip(self.boxes.tolist(), self.crops, strict=True)
        ):
            if crop.shape != (y2 - y1, x2 - x1):
                raise TrackerError(
                    f"row {row}: mask box {[x1, y1, x2, y2]} but a crop of {crop.shape[1]} x "
                    f"{crop.shape[0]} pixels: cut the crop to its box"
                )
            if min(x1, y1) < 0 or x2 > self.width or y2 > self.height:
                raise TrackerError(
                    f"row {row}: mask box {[x1, y1, x2, y2]} leaves the frame of "
                    f"{self.width} x {self.height} pixels: give masks of the frame's size"
                )

    def __len__(self) -> int:
        return len(self.crops)

    @staticmethod
    def of(masks: Bool[np.ndarray, "N H W"]) -> "PackedMasks":
        """Full-size masks cut to their bounding boxes; an empty one gives a 0 x 0 crop at 0,
        0.
        """
        height, width = masks.shape[1:]
        boxes = np.array([_bounds(mask) for mask in masks], dtype=np.int64).reshape(-1, 4)
        crops = tuple(
            np.ascontiguousarray(mask[y1:y2, x1:x2])
            for mask, (x1, y1, x2, y2) in zip(masks, boxes.tolist(), strict=True)
        )
        return PackedMasks(height, width, boxes, crops)


def mask_overlap(
    a: tuple[Sequence[Crop], Int[np.ndarray, "K 2"]],
    b: tuple[Sequence[Crop], Int[np.ndarray, "K 2"]],
) -> Float[np.ndarray, " K"]:
    """The IoU of each crop of `a` with the crop in the same place of `b`; 0 where both are
    empty.

    Each side is crops and their top left corners (x, y), which may lie outside any frame.
    """
    pairs = zip(a[0], a[1].tolist(), b[0], b[1].tolist(), strict=True)
    return np.array([_iou(*pair) for pair in pairs], dtype=float)


def _iou(a: Crop, a_xy: list[int], b: Crop, b_xy: list[int]) -> float:
    x1 = max(a_xy[0], b_xy[0])
    y1 = max(a_xy[1], b_xy[1])
    x2 = min(a_xy[0] + a.shape[1], b_xy[0] + b.shape[1])
    y2 = min(a_xy[1] + a.shape[0], b_xy[1] + b.shape[0])
    if x2 <= x1 or y2 <= y1:
        return 0.0
    in_a = a[y1 - a_xy[1] : y2 - a_xy[1], x1 - a_xy[0] : x2 - a_xy[0]]
    in_b = b[y1 - b_xy[1] : y2 - b_xy[1], x1 - b_xy[0] : x2 - b_xy[0]]
    common = np.count_nonzero(in_a & in_b)
    union = np.count_nonzero(a) + np.count_nonzero(b) - common
    return common / union if union else 0.0


def _bounds(mask: Bool[np.ndarray, "H W"]) -> tuple[int, int, int, int]:
    ys = np.flatnonzero(mask.any(axis=1))
    xs = np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        return 0, 0, 0, 0
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
