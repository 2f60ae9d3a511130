"""Shapes of CVAT as masks, and masks as the run lengths of CVAT.

Enters: an element of an XML file, or a mask.  Leaves: the other of the two.  Run lengths go
row by row within the mask's own box and begin with background.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from vseg.errors import BadExchange
from vseg.exchange.file_rows import frames_between
from vseg.exchange.held_masks import box_crop
from vseg.exchange.segmentation import check_near, mask_of_polygons
from vseg.io.xml_stream import XmlElement
from vseg.types import MaskCrop, VideoInfo

_SIDES = ("xtl", "ytl", "xbr", "ybr")


def mask_of_shape(shape: XmlElement, video: VideoInfo) -> MaskCrop:
    """The mask of a box, a polygon or a mask.  Raises BadExchange for what is none."""
    if shape.tag == "polygon":
        return mask_of_polygons([_points(shape).ravel().tolist()], video)
    if shape.tag == "box":
        sides = np.round([_number(shape, side) for side in _SIDES])
        check_near(sides.reshape(-1, 2), video)
        limits = [video.width, video.height] * 2
        return box_crop(*np.clip(sides, 0, limits).astype(int).tolist())
    return _mask(shape, video)


def mask_runs(crop: MaskCrop) -> str:
    """The attributes of a mask."""
    pixels = crop.mask.ravel()
    edges = np.flatnonzero(np.diff(pixels, prepend=False)).tolist()
    runs = np.diff([0, *edges, pixels.size]).tolist()
    x, y, width, height = crop.xywh
    rle = ", ".join(map(str, runs))
    return f'rle="{rle}" left="{x}" top="{y}" width="{width}" height="{height}"'


def between(before: XmlElement | None, shape: XmlElement) -> Iterator[tuple[int, XmlElement]]:
    """A shape of a track, after those that CVAT shows between it and the one before it: on
    the way from one to the other, or the earlier where they have other numbers of corners.
    """
    frame = _whole(shape, "frame")
    if before is not None and before.attributes.get("outside") != "1":
        first = _whole(before, "frame")
        for passed in frames_between(first, frame):
            share = (passed - first) / (frame - first)
            yield passed, _moved(before, shape, share)
    yield frame, shape


def _moved(before: XmlElement, after: XmlElement, share: float) -> XmlElement:
    if before.tag != after.tag or after.attributes.get("outside") == "1":
        return before
    if before.tag == "box":
        sides = {
            side: str((1 - share) * _number(before, side) + share * _number(after, side))
            for side in _SIDES
        }
        return replace(before, attributes=before.attributes | sides)
    if before.tag != "polygon" or len(_points(before)) != len(_points(after)):
        return before
    points = (1 - share) * _points(before) + share * _points(after)
    text = ";".join(f"{x},{y}" for x, y in points.tolist())
    return replace(before, attributes=before.attributes | {"points": text})


def _mask(shape: XmlElement, video: VideoInfo) -> MaskCrop:
    x, y, width, height = (_whole(shape, side) for side in ("left", "top", "width", "height"))
    runs = _runs(shape)
    # Known before anything is allocated: the box is on the frame, and the runs fill it.
    if min(x, y, width, height) < 0 or x + width > video.width or y + height > video.height:
        raise BadExchange(
            f"a mask of {width}x{height} at {x},{y} leaves the {video.width}x{video.height} "
            "frame",
            hint="is this the file of another clip?",
        )
    if int(runs.sum()) != width * height:
        raise BadExchange(f"the run lengths do not fill their {width}x{height} box")
    values = np.arange(len(runs)) % 2 == 1
    pixels = np.repeat(values, runs).reshape(height, width)
    crop = MaskCrop.of(pixels)
    return MaskCrop(crop.x + x, crop.y + y, crop.mask) if crop.area else crop


def _runs(shape: XmlElement) -> Int64[np.ndarray, " runs"]:
    text = shape.attributes.get("rle", "")
    try:
        runs = np.array([int(part) for part in text.split(",")], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise BadExchange(f"rle = {text!r:.60}: whole numbers are needed") from error
    if (runs < 0).any() or (runs > 2**40).any():
        raise BadExchange("a run of a mask is negative or longer than any frame")
    return runs


def _points(shape: XmlElement) -> Float64[np.ndarray, "N 2"]:
    text = shape.attributes.get("points", "")
    try:
        pairs = [tuple(map(float, pair.split(","))) for pair in text.split(";")]
        return np.array(pairs, dtype=np.float64).reshape(-1, 2)
    except ValueError as error:
        raise BadExchange(f"points = {text!r:.60}: pairs x,y;x,y are needed") from error


def _number(shape: XmlElement, name: str) -> float:
    text = shape.attributes.get(name, "")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise BadExchange(f"{shape.tag}: {name} = {text!r:.60} is not a number")
    return value


def _whole(shape: XmlElement, name: str) -> int:
    value = _number(shape, name)
    if value != int(value):
        raise BadExchange(f"{shape.tag}: {name} = {value} is not a whole number")
    return int(value)
