"""Prompts in video pixels -> the points, labels and mask that a SAM prompt encoder reads.

A box is two points with labels of their own, put first (as in SAM 2's video predictor); a
scribble is a chain of points along the line, for the family knows no lines.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from vseg.types import Box, Mask, Points, Scribble, VisualPrompt

_CORNERS = (2, 3)
"""Labels of a box's top-left and bottom-right corner; 1 and 0 are positive and negative
points.
"""
_CHAIN = 8
"""Points that stand for a scribble."""


def points_of(
    prompts: Sequence[VisualPrompt], video_hw: tuple[int, int], side: int
) -> tuple[Float[Tensor, "N 2"], Int[Tensor, " N"]]:
    """Points in pixels of the model's square input, and their labels; none for a mask."""
    height, width = video_hw
    boxes = [p for p in prompts if isinstance(p, Box)]
    xy = [np.array([[b.x1, b.y1], [b.x2, b.y2]], np.float32) for b in boxes]
    labels = [np.array(_CORNERS) for _ in boxes]
    for prompt in prompts:
        if isinstance(prompt, Points):
            xy.append(prompt.xy)
            labels.append(prompt.positive.astype(int))
        elif isinstance(prompt, Scribble):
            chain = _along(prompt.xy)
            xy.append(chain)
            labels.append(np.full(len(chain), int(prompt.positive)))
    if not xy:
        return torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)
    scale = np.array([side / width, side / height], np.float32)
    return torch.from_numpy(np.concatenate(xy) * scale), torch.from_numpy(
        np.concatenate(labels)
    )


def square_mask(mask: Mask, side: int) -> Float[Tensor, "1 1 s s"]:
    """The mask on the model's square input, 0 or 1."""
    pixels = torch.from_numpy(mask.mask)[None, None].float()
    if pixels.shape[-2:] == (side, side):
        return pixels
    size = (side, side)
    shrunk = F.interpolate(pixels, size, mode="bilinear", align_corners=False, antialias=True)
    return (shrunk >= 0.5).float()


def _along(line: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "M 2"]:
    """At most `_CHAIN` points at equal distances along the line, both ends included."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    if along[-1] == 0:
        return line[:1]
    at = np.linspace(0, along[-1], min(_CHAIN, max(2, len(line))))
    return np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], 1).astype(
        np.float32
    )
