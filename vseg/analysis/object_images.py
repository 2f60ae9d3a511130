"""Small images of an object on chosen frames: cut out around it, with the masks drawn.

Enters: an open run, its clip, and which object on which frame.  Leaves: images of one size, in
the order asked for; every frame is read once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.analysis.risk import Box
from vseg.errors import DamagedVideo
from vseg.frame_masks import FrameMasks
from vseg.interfaces.reader import Reader
from vseg.ops.colours import colour_of
from vseg.results import Run
from vseg.results.overlay import Colour, OverlayStyle, draw_overlay
from vseg.types import Frame

Thumbnail = UInt8[np.ndarray, "h w 3"]

# A thumbnail shows the object with half as much again on every side, never less than a sixth
# of the frame's height, so that it is seen where the object is.  A wide one has twice its size
# on every side, and never less than half of the frame's height.  Round values.
_MARGIN = 0.5
_LEAST_SHARE = 1 / 6
_WIDE_MARGIN = 2.0
_WIDE_LEAST_SHARE = 1 / 2
_STYLE = OverlayStyle(opacity=0.4, line_px=2, text_px=13)


@dataclass(frozen=True, slots=True)
class ObjectView:
    """One object on one frame.  box: x1 y1 x2 y2 of where it is, or was last; None shows the
    whole frame.  wide: with its surroundings, to tell its place in the frame.
    """

    frame_index: int
    object_id: int
    box: Box | None
    wide: bool = False


def object_images(
    run: Run,
    video: Reader,
    views: Sequence[ObjectView],
    size: tuple[int, int],
    progress: Callable[[int, int], None] | None = None,
) -> list[Thumbnail]:
    """An image of width x height `size` for every view; a frame that cannot be read is
    grey.
    """
    images: list[Thumbnail] = [np.full((size[1], size[0], 3), 96, np.uint8)] * len(views)
    order = sorted(range(len(views)), key=lambda place: views[place].frame_index)
    drawn: tuple[int, np.ndarray] | None = None
    for done, place in enumerate(order):
        view = views[place]
        try:
            if drawn is None or drawn[0] != view.frame_index:
                drawn = view.frame_index, video.read(view.frame_index).image
        except DamagedVideo:
            continue
        images[place] = _view(run, drawn[1], view, size)
        if progress is not None:
            progress(done + 1, len(order))
    return images


def _view(
    run: Run, image: UInt8[np.ndarray, "H W 3"], view: ObjectView, size: tuple[int, int]
) -> Thumbnail:
    """The part of the frame around the object, enlarged or reduced, then drawn on: outlines
    and tags stay sharp at any size of the video.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = window_around(view.box, (width, height), size, wide=view.wide)
    rows = slice(top, bottom)
    columns = slice(left, right)
    way = cv2.INTER_AREA if right - left > size[0] else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(image[rows, columns], size, interpolation=way))
    masks = run[view.frame_index]
    shown = {
        obj: cv2.resize(masks[obj][rows, columns].view(np.uint8), size) > 0
        for obj, visible in zip(masks, masks.visible.tolist(), strict=True)
        if visible
    }
    colours = run.colours
    subject = shown.pop(view.object_id, None)
    for obj, mask in shown.items():
        outlines, _ = cv2.findContours(
            mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(small, outlines, -1, colours[obj], 1, cv2.LINE_AA)
    if subject is None:
        placed = _last_place(view, (left, top), (right - left) / size[0])
        colour = colours.get(view.object_id, colour_of(view.object_id))
        return small if placed is None else _boxed(small, placed, colour)
    frame = Frame(view.frame_index, pts=None, time_s=masks.time_s, image=small)
    alone = FrameMasks.of(frame, {view.object_id: subject})
    return draw_overlay(small, alone, run.tags, _STYLE, colours)


def _last_place(view: ObjectView, corner: tuple[int, int], scale: float) -> Box | None:
    """Where the object was last, in an image whose left upper corner is at `corner` of the
    frame, with `scale` pixels of the frame in one of its own.
    """
    if view.box is None:
        return None
    x1, y1, x2, y2 = (round((side - corner[k % 2]) / scale) for k, side in enumerate(view.box))
    return x1, y1, x2, y2


def _boxed(image: Thumbnail, box: Box, colour: Colour) -> Thumbnail:
    return np.asarray(cv2.rectangle(image, box[:2], box[2:], colour, 2, cv2.LINE_AA))


def window_around(
    box: Box | None, frame: tuple[int, int], size: tuple[int, int], *, wide: bool = False
) -> Box:
    """The part of a frame to show: around the box, of the shape of `size`, inside the frame
    as far as it fits.

    frame, size: width and height.
    """
    width, height = frame
    shape = size[0] / size[1]
    # The largest window of that shape that the frame holds.
    most = min(height, width / shape)
    if box is None:
        box = (0, 0, width, height)
    x1, y1, x2, y2 = box
    around = 1 + 2 * (_WIDE_MARGIN if wide else _MARGIN)
    least = height * (_WIDE_LEAST_SHARE if wide else _LEAST_SHARE)
    wanted = max((y2 - y1) * around, (x2 - x1) * around / shape, least)
    high = max(2, round(min(wanted, most)))
    across = max(2, min(width, round(high * shape)))
    left = min(max(0, round((x1 + x2 - across) / 2)), width - across)
    top = min(max(0, round((y1 + y2 - high) / 2)), height - high)
    return left, top, left + across, top + high
