"""Zones and lines drawn over an image, to see whether they are where they are meant to be.

Enters: an image and a `ScenePlan`.  Leaves: a new image: zones outlined, lines with an arrow
forward, the ground's points not.
"""

import math

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from vseg.events.scene_plan import CountingLine, ScenePlan

_ZONE = (255, 213, 0)
_LINE = (255, 64, 64)
_EDGE = (0, 0, 0)
_ARROW = 0.06
"""The length of an arrow, by the frame's shorter side."""


def draw_zones(
    image: UInt8[np.ndarray, "H W 3"], plan: ScenePlan
) -> UInt8[np.ndarray, "H W 3"]:
    """The image with all zones and lines and their names."""
    drawn = Image.fromarray(image)
    canvas = ImageDraw.Draw(drawn)
    width = max(2, plan.side // 240)
    font = ImageFont.load_default(max(12, plan.side // 30))
    for zone in plan.zones:
        canvas.polygon(zone.corners, outline=_ZONE, width=width)
        x1, y1, _, _ = zone.box
        place = (x1 + 2 * width, y1 + 2 * width)
        canvas.text(place, zone.name, _ZONE, font, stroke_width=1, stroke_fill=_EDGE)
    for line in plan.lines:
        canvas.line((*line.begin, *line.end), fill=_LINE, width=width)
        tip = _forward(line, _ARROW * plan.side)
        canvas.line((*_middle(line), *tip), fill=_LINE, width=width)
        x, y = tip
        size = 2 * width
        canvas.ellipse((x - size, y - size, x + size, y + size), fill=_LINE)
        name = f"{line.name}: {line.settings.forward}"
        beside = (x + 2 * size, y)
        canvas.text(beside, name, _LINE, font, anchor="lm", stroke_width=1, stroke_fill=_EDGE)
    return np.asarray(drawn)


def _middle(line: CountingLine) -> tuple[float, float]:
    return (line.begin[0] + line.end[0]) / 2, (line.begin[1] + line.end[1]) / 2


def _forward(line: CountingLine, length: float) -> tuple[float, float]:
    """Where the arrow from the line's middle ends."""
    dx = line.end[0] - line.begin[0]
    dy = line.end[1] - line.begin[1]
    scale = length / math.hypot(dx, dy)
    x, y = _middle(line)
    # Of begin to end, with y down, the right is the direction turned by a quarter.
    return x - dy * scale, y + dx * scale
