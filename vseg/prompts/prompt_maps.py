"""Prompts drawn as maps of stride 4: positive marks, negative marks, box.

Enters: prompts in video pixels.  Leaves: (3, h4, w4) float32; marks in [0, 1]; the box channel
is 0 without a box, else 1 inside and -1 outside.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from vseg.types import Box, Points, Scribble, VisualPrompt

_RADIUS = 2
"""Cells of stride 4: a disc of 20 model pixels, as in training."""


def draw_prompts(
    prompts: Sequence[VisualPrompt], video_hw: tuple[int, int], map_hw: tuple[int, int]
) -> Float32[np.ndarray, "3 h w"]:
    """The maps of one object's points, boxes and scribbles on one frame (masks are not
    drawn).
    """
    maps = np.zeros((3, *map_hw), dtype=np.float32)
    scale = np.array([map_hw[1] / video_hw[1], map_hw[0] / video_hw[0]])
    for prompt in prompts:
        if isinstance(prompt, Points):
            for xy, positive in zip(prompt.xy, prompt.positive, strict=True):
                _disc(maps[0 if positive else 1], _cell(xy, scale, map_hw))
        elif isinstance(prompt, Scribble):
            cells = np.array([_cell(xy, scale, map_hw) for xy in prompt.xy], dtype=np.int32)
            _line(maps[0 if prompt.positive else 1], cells)
        elif isinstance(prompt, Box):
            _box(maps[2], prompt, scale)
    return maps


def _cell(
    xy: Float32[np.ndarray, "2"], scale: np.ndarray, map_hw: tuple[int, int]
) -> tuple[int, int]:
    x, y = ((np.asarray(xy) + 0.5) * scale).astype(int)
    return min(max(int(x), 0), map_hw[1] - 1), min(max(int(y), 0), map_hw[0] - 1)


def _disc(channel: Float32[np.ndarray, "h w"], centre: tuple[int, int]) -> None:
    cv2.circle(channel, centre, _RADIUS, 1.0, thickness=-1)


def _line(channel: Float32[np.ndarray, "h w"], cells: np.ndarray) -> None:
    cv2.polylines(channel, [cells.reshape(-1, 1, 2)], False, 1.0, thickness=_RADIUS)
    _disc(channel, (int(cells[0][0]), int(cells[0][1])))


def _box(channel: Float32[np.ndarray, "h w"], box: Box, scale: np.ndarray) -> None:
    x1, y1 = np.floor(np.array([box.x1, box.y1]) * scale + 0.5).astype(int)
    x2, y2 = np.floor(np.array([box.x2, box.y2]) * scale + 0.5).astype(int)
    if not channel.any():
        channel[:] = -1.0
    channel[max(y1, 0) : max(y2, y1 + 1), max(x1, 0) : max(x2, x1 + 1)] = 1.0
