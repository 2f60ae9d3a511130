"""LabelMe: a JSON file per frame, with a mask for each object and its id as `group_id`.

A mask is the PNG of its own box, so nothing is lost; polygons, rectangles and circles drawn
beside it are read as well, and the shapes of one group are one mask.  Corners of a mask's box
are its first and last pixel.  LabelMe shows a file with the image named in it.  Format:
https://github.com/wkentaro/labelme, version 5.2 on.
"""

import base64
import binascii
import io
import json
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image
from pydantic import BaseModel

from vseg.errors import BadExchange
from vseg.exchange.coco import UNLABELLED
from vseg.exchange.file_rows import checked, located
from vseg.exchange.held_masks import box_crop
from vseg.exchange.label_files import numbered_files
from vseg.exchange.segmentation import check_near, mask_of_polygons
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.json_stream import JsonStream
from vseg.types import MaskCrop, VideoInfo

_VERSION = "5.5.0"
_NO_PNG = (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError)


class _Shape(BaseModel):
    """What is read of a shape."""

    label: str = UNLABELLED
    shape_type: str = "polygon"
    points: list[tuple[float, float]]
    group_id: int | None = None
    mask: str | None = None


class _Labels(BaseModel):
    shapes: list[_Shape]
    imageHeight: int | None = None
    imageWidth: int | None = None


class LabelmeFormat(MaskFormat):
    """00000.json and so on, named by frame number."""

    name = "labelme"
    suffix = ".json"
    folder = True
    images_in = ""

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folder."""
        for frame in masks:
            labels = masks.labels
            shapes = [
                _shape_of(frame.crop(obj), obj, labels.get(obj, UNLABELLED))
                for obj in frame
                if frame.area(obj)
            ]
            content: dict[str, Any] = {
                "version": _VERSION,
                "flags": {},
                "shapes": shapes,
                "imagePath": f"{frame.frame_index:05d}.jpg",
                "imageData": None,
                "imageHeight": frame.height,
                "imageWidth": frame.width,
            }
            file = path / f"{frame.frame_index:05d}.json"
            file.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every shape of every file."""
        for frame, file in numbered_files(path, self.suffix):
            with closing(JsonStream(file)) as stream:
                # An image inside the file is passed over.
                found = {key: stream.value() for key in stream.members() if _kept(key, stream)}
            content = checked(_Labels, str(file), found)
            with located(str(file)):
                _check_size(content, sink.video)
                sink.add_frame(frame)
            for number, shape in enumerate(content.shapes):
                with located(f"{file}, shape {number}"):
                    sink.add(frame, shape.group_id, _mask_of(shape, sink.video))
                if shape.group_id is not None and shape.label != UNLABELLED:
                    sink.name_object(shape.group_id, shape.label)


def _kept(key: str, stream: JsonStream) -> bool:
    if key in _Labels.model_fields:
        return True
    stream.skip()
    return False


def _shape_of(crop: MaskCrop, obj: int, label: str) -> dict[str, Any]:
    x1, y1, x2, y2 = crop.xyxy
    return {
        "label": label,
        "points": [[float(x1), float(y1)], [float(x2 - 1), float(y2 - 1)]],
        "group_id": obj,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": png_base64(crop.mask),
    }


def _check_size(content: _Labels, video: VideoInfo) -> None:
    size = (content.imageHeight, content.imageWidth)
    if None not in size and size != (video.height, video.width):
        raise BadExchange(
            f"the image is {size[1]}x{size[0]}, the clip {video.width}x{video.height}",
            hint="is this the file of another clip?",
        )


def _mask_of(shape: _Shape, video: VideoInfo) -> MaskCrop:
    points = np.array(shape.points, dtype=np.float64).reshape(-1, 2)
    check_near(points, video)
    if shape.shape_type == "polygon":
        return mask_of_polygons([points.ravel().tolist()], video)
    if len(points) != 2:
        raise BadExchange(f"a {shape.shape_type:.30} of {len(points)} points is not read")
    if shape.shape_type == "circle":
        return mask_of_polygons([_circle(*points).ravel().tolist()], video)
    corners = np.round([*points.min(axis=0), *points.max(axis=0)])
    x1, y1, x2, y2 = np.clip(corners, 0, [video.width, video.height] * 2).astype(int).tolist()
    if shape.shape_type == "rectangle":
        return box_crop(x1, y1, x2, y2)
    if shape.shape_type != "mask" or shape.mask is None:
        raise BadExchange(
            f"a {shape.shape_type:.30} has no inside",
            hint="draw a polygon, or delete the shape",
        )
    pixels = pixels_of_png(shape.mask, x2 - x1 + 1, y2 - y1 + 1)
    crop = MaskCrop.of(pixels)
    return MaskCrop(crop.x + x1, crop.y + y1, crop.mask) if crop.area else crop


def _circle(centre: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Corners of a circle, half a pixel apart or nearer up to a radius of 57."""
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    radius = np.linalg.norm(rim - centre)
    return np.asarray(centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def png_base64(mask: Bool[np.ndarray, "h w"]) -> str:
    """A mask as the text of a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def pixels_of_png(text: str, width: int, height: int) -> Bool[np.ndarray, "height width"]:
    """The mask of a PNG's text; its size is compared before it is decoded.

    Raises BadExchange where it is no PNG, or of another size.
    """
    try:
        # Above 89 megapixels Pillow warns, before the size can be compared here.
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(base64.b64decode(text, validate=True))) as image,
        ):
            if image.size != (width, height):
                found = f"{image.size[0]}x{image.size[1]}"
                raise BadExchange(f"the mask is {found}, not {width}x{height}")
            return np.array(image.convert("L"), dtype=np.uint8) > 0
    except _NO_PNG as error:
        raise BadExchange(f"the mask is no PNG: {error}") from error
