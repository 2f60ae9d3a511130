"""When each object was visible: a bar per object over the frames of a clip, as an image.

Enters: the frames on which every object was visible.  Leaves: an RGB image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from vseg.ops.colours import colour_of, rgb_of
from vseg.ops.label_text import tag_of
from vseg.ops.ticks import round_ticks
from vseg.results.overlay import Colour
from vseg.results.run import Run

BACKGROUND = (20, 22, 26)
INK = (214, 218, 224)
FAINT = (120, 126, 136)
LANE = (34, 37, 43)
ROW = 34
BAR = 18
MARGIN = 16
FOOT = 34
TEXT = 15


@dataclass(frozen=True, slots=True)
class Presence:
    """When one object was visible.  marks: frames with an event of it.  colour:
    that of its id if None.
    """

    object_id: int
    frames: Sequence[int]
    label: str | None = None
    marks: Sequence[int] = ()
    colour: Colour | None = None


def presences(run: Run) -> list[Presence]:
    """When the objects of a run were visible, by ascending id, with their events."""
    marks: dict[int | None, list[int]] = {}
    for event in run.events:
        marks.setdefault(event.object_id, []).append(event.frame)
    return [
        Presence(
            stored.id,
            [row.frame for row in run.track(stored.id) if row.visible and row.area],
            tag_of(stored.label, stored.name),
            marks.get(stored.id, ()),
            rgb_of(stored.colour),
        )
        for stored in run.objects
    ]


def draw_timeline(
    title: str, rows: Sequence[Presence], span: tuple[int, int], width: int = 960
) -> UInt8[np.ndarray, "H W 3"]:
    """An image of the frames [first, end) `span`, a lane per object in its colour."""
    names = {row.object_id: _name(row) for row in rows}
    font = ImageFont.load_default(TEXT)
    left = (
        MARGIN + 14 + max((round(font.getlength(name)) for name in names.values()), default=0)
    )
    top = MARGIN + 2 * TEXT
    image = Image.new("RGB", (width, top + ROW * len(rows) + FOOT), BACKGROUND)
    draw = ImageDraw.Draw(image)
    axis = _Axis(*span, left, width - MARGIN)
    draw.text((MARGIN, MARGIN), title, fill=INK, font=font)
    for lane, row in enumerate(rows):
        middle = top + ROW * lane + ROW // 2
        draw.text((MARGIN, middle), names[row.object_id], fill=INK, font=font, anchor="lm")
        _draw_lane(draw, axis, row, middle)
    base = top + ROW * len(rows) + 4
    for frame in round_ticks(*span):
        x = axis.x(frame)
        draw.line([(x, base), (x, base + 5)], fill=FAINT)
        draw.text((x, base + 16), str(frame), fill=FAINT, font=font, anchor="mm")
    return np.asarray(image)


def seen_spans(frames: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending frame numbers as runs [first, end)."""
    if not frames:
        return []
    numbers = np.asarray(frames)
    breaks = np.flatnonzero(np.diff(numbers) > 1) + 1
    parts = np.split(numbers, breaks)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Frames [first, end) laid out from `left` to `right`."""

    first: int
    end: int
    left: int
    right: int

    def x(self, frame: int) -> int:
        share = (frame - self.first) / max(1, self.end - self.first)
        return round(self.left + share * (self.right - self.left))


def _draw_lane(draw: ImageDraw.ImageDraw, axis: _Axis, row: Presence, middle: int) -> None:
    top = middle - BAR // 2
    bottom = middle + BAR // 2
    draw.rounded_rectangle((axis.left, top, axis.right, bottom), radius=4, fill=LANE)
    for first, end in seen_spans(row.frames):
        box = (axis.x(first), top, max(axis.x(end), axis.x(first) + 2), bottom)
        draw.rounded_rectangle(box, radius=4, fill=row.colour or colour_of(row.object_id))
    for frame in row.marks:
        x = axis.x(frame)
        draw.line([(x, top - 4), (x, bottom + 4)], fill=INK, width=2)


def _name(row: Presence) -> str:
    return f"{row.object_id}  {row.label}" if row.label else str(row.object_id)
