"""A grid of points on a frame, and windows in which small objects are large.

Enters: a frame.  Leaves: points in its pixels, and windows on it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor

from vseg.tensors import CERTAIN_LOGIT
from vseg.types import Frame

_LONGEST = 2.0
"""Frames with a greater ratio of sides get no more points than those with this one: a strip of
64x900 had 2028 points, each decoded on a map as large as that of any frame, and 16:9 has 252.
A round value above the usual frames."""


@dataclass(frozen=True, slots=True)
class FrameCrop:
    """A part of a frame, in its pixels."""

    x: int
    y: int
    width: int
    height: int

    def of(self, frame: Frame) -> Frame:
        """The frame cut to the window."""
        part = frame.image[self.y : self.y + self.height, self.x : self.x + self.width]
        return replace(frame, image=np.ascontiguousarray(part))

    def distance(self, points: Float32[np.ndarray, "N 2"]) -> Float64[np.ndarray, " N"]:
        """From its middle to the points, in its own widths and heights."""
        middle = np.array([self.x + self.width / 2, self.y + self.height / 2])
        return np.asarray(np.abs((points - middle) / [self.width, self.height]).max(axis=1))

    def placed(
        self, logits: Float[Tensor, "N h w"], frame: Frame, map_hw: tuple[int, int]
    ) -> tuple[Float[Tensor, "N h4 w4"], Bool[Tensor, " N"]]:
        """Logits in the window as logits of the whole frame, and which rows its edges do not
        cut.

        An edge that is also the frame's cuts nothing.
        """
        height, width = frame.hw
        across = map_hw[1] / width
        down = map_hw[0] / height
        x1 = round(self.x * across)
        x2 = round((self.x + self.width) * across)
        y1 = round(self.y * down)
        y2 = round((self.y + self.height) * down)
        size = (y2 - y1, x2 - x1)
        shown = F.interpolate(logits[:, None], size, mode="bilinear", align_corners=False)[
            :, 0
        ]
        placed = logits.new_full((len(logits), *map_hw), -CERTAIN_LOGIT)
        placed[:, y1:y2, x1:x2] = shown
        edges = [
            shown[:, 0] if y1 > 0 else None,
            shown[:, -1] if y2 < map_hw[0] else None,
            shown[:, :, 0] if x1 > 0 else None,
            shown[:, :, -1] if x2 < map_hw[1] else None,
        ]
        whole = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        for edge in edges:
            if edge is not None:
                whole &= (edge <= 0).all(dim=1)
        return placed, whole


def corners(width: int, height: int, part: float) -> tuple[FrameCrop, ...]:
    """Four windows in the corners of a frame, of `part` of its width and height."""
    w, h = (max(1, round(side * part)) for side in (width, height))
    return tuple(FrameCrop(x, y, w, h) for y in (0, height - h) for x in (0, width - w))


def grid(frame: Frame, count: int) -> Float32[np.ndarray, "N 2"]:
    """The middles of cells as square as can be, `count` of them along the frame's shorter
    side, or fewer where the frame is a strip.
    """
    height, width = frame.hw
    shorter, longer = sorted((height, width))
    cell = max(shorter, math.sqrt(shorter * longer / _LONGEST)) / count
    columns, rows = (max(1, round(side / cell)) for side in (width, height))
    x = (np.arange(columns) + 0.5) * width / columns
    y = (np.arange(rows) + 0.5) * height / rows
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
