"""Masks drawn over a frame: translucent colour, outline, and a tag with id and label.

Enters: an RGB image and its FrameMasks.  Leaves: a new image.  Only the pixels inside an
object's box are changed, so the cost follows the objects and not the frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.ops.colours import colour_of
from vseg.types import MaskCrop

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """opacity: of the fill, 0 to 1; line_px: width of the outline; text_px: height."""

    opacity: float
    line_px: int
    text_px: int

    @staticmethod
    def for_height(height: int, text_px: int | None = None) -> "OverlayStyle":
        """A style for frames of this height.

        text_px: another height of the text, for an image that is reduced afterwards.
        """
        # Round values; not tuned.  The outline is 1 px up to 480 lines, 4 px at 1080 lines.
        return OverlayStyle(
            opacity=0.45,
            line_px=max(1, round(height / 300)),
            text_px=text_px or max(12, round(height / 30)),
        )


def draw_overlay(
    image: UInt8[np.ndarray, "H W 3"],
    masks: FrameMasks,
    labels: Mapping[int, str],
    style: OverlayStyle | None = None,
    colours: Mapping[int, Colour] | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """A copy of the image with the visible objects drawn, small ones over large ones.

    labels: names by object id; an object without one is tagged by its id alone.  colours: by
    object id; that of the id where none is given.  Raises BadRun if the image is not of the
    masks' size.
    """
    height, width = image.shape[:2]
    if (height, width) != (masks.height, masks.width):
        raise BadRun(
            f"frame {masks.frame_index} is {width}x{height}, its masks are "
            f"{masks.width}x{masks.height}",
            hint="give the clip that was tracked",
        )
    style = style or OverlayStyle.for_height(height)
    canvas = np.ascontiguousarray(image).copy()
    visible = np.array(masks.object_ids, dtype=int)[masks.visible].tolist()
    areas = {object_id: masks.area(object_id) for object_id in visible}
    shown = [object_id for object_id in visible if areas[object_id]]
    chosen = {i: (colours or {}).get(i, colour_of(i)) for i in shown}
    for object_id in sorted(shown, key=lambda i: -areas[i]):
        _draw_mask(canvas, masks.crop(object_id), chosen[object_id], style)
    tagged = Tags(canvas, style.text_px)
    for object_id in shown:
        name = labels.get(object_id)
        text = f"{object_id}  {name}" if name else str(object_id)
        tagged.add(text, chosen[object_id], masks.crop(object_id))
    return canvas


def _draw_mask(
    image: UInt8[np.ndarray, "H W 3"], crop: MaskCrop, colour: Colour, style: OverlayStyle
) -> None:
    x, y, width, height = crop.xywh
    region = image[y : y + height, x : x + width]
    mask = crop.mask.view(np.uint8)
    # Mixing with one colour is a function of the old value only: a table per channel.
    old = np.arange(256)[:, None] * (1 - style.opacity)
    table = np.rint(old + np.array(colour) * style.opacity).astype(np.uint8)[None]
    cv2.copyTo(cv2.LUT(region, table), mask, region)
    outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(x, y))
    cv2.drawContours(image, outlines, -1, colour, style.line_px, cv2.LINE_AA)


class Tags:
    """Name tags on one image, kept off each other and inside the frame."""

    def __init__(self, image: UInt8[np.ndarray, "H W 3"], text_px: int) -> None:
        self._image = image
        self._font = ImageFont.load_default(text_px)
        self._text_px = text_px
        self._taken: list[tuple[int, int, int, int]] = []

    def add(self, text: str, colour: Colour, crop: MaskCrop) -> None:
        """Draw a tag above the object, or beside its top where there is no room."""
        tag = self._render(text, colour)
        height, width = tag.shape[:2]
        frame_height, frame_width = self._image.shape[:2]
        if height > frame_height or width > frame_width:
            return
        x, y = self._place(crop, width, height)
        self._taken.append((x, y, width, height))
        self._image[y : y + height, x : x + width] = tag

    def _place(self, crop: MaskCrop, width: int, height: int) -> tuple[int, int]:
        frame_height, frame_width = self._image.shape[:2]
        gap = max(2, self._text_px // 4)
        middle = crop.x + int(np.mean(np.flatnonzero(crop.mask[0])))
        x = min(max(0, middle - width // 2), frame_width - width)
        bottom = crop.y + crop.mask.shape[0]
        wanted = [crop.y - gap - height, crop.y + gap, bottom + gap]
        inside = [y for y in wanted if 0 <= y <= frame_height - height]
        free = [y for y in inside if not self._hits(x, y, width, height)]
        fallback = min(max(0, wanted[0]), frame_height - height)
        return x, next(iter(free or inside), fallback)

    def _hits(self, x: int, y: int, width: int, height: int) -> bool:
        return any(
            x < other_x + other_width
            and other_x < x + width
            and y < other_y + other_height
            and other_y < y + height
            for other_x, other_y, other_width, other_height in self._taken
        )

    def _render(self, text: str, colour: Colour) -> UInt8[np.ndarray, "h w 3"]:
        left, _, right, _ = self._font.getbbox(text, anchor="ls")
        # One height for every text, whether or not a letter reaches below the line.
        ascent = round(self._text_px * 0.74)
        descent = round(self._text_px * 0.22)
        pad = max(2, round(self._text_px * 0.25))
        size = (round(right - left) + 2 * pad, ascent + descent + pad)
        tag = Image.new("RGB", size, colour)
        ink = (0, 0, 0) if _luminance(colour) > 0.45 else (255, 255, 255)
        ImageDraw.Draw(tag).text(
            (pad - left, pad // 2 + ascent), text, fill=ink, font=self._font, anchor="ls"
        )
        return np.asarray(tag)


def _luminance(colour: Colour) -> float:
    red, green, blue = (value / 255 for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
