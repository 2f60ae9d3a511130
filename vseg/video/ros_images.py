"""Images of ROS 2 messages as RGB.

Enters: a deserialised sensor_msgs/Image or sensor_msgs/CompressedImage.  Leaves: RGB uint8.
Encodings by the names of sensor_msgs/image_encodings.hpp; 16 bits are cut to the upper 8.
"""

import io
import warnings
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vseg.errors import BadImage
from vseg.video.container import MAX_PIXELS

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"

_CHANNELS = {
    "rgb8": 3,
    "bgr8": 3,
    "8UC3": 3,
    "rgba8": 4,
    "bgra8": 4,
    "8UC4": 4,
    "mono8": 1,
    "8UC1": 1,
    "bayer_rggb8": 1,
    "bayer_bggr8": 1,
    "bayer_gbrg8": 1,
    "bayer_grbg8": 1,
    "yuv422": 2,
    "uyvy": 2,
    "yuv422_yuy2": 2,
    "yuyv": 2,
    "mono16": 2,
    "16UC1": 2,
}
"""Bytes of a pixel."""
# OpenCV names a pattern by its second row: the pattern of ROS' bayer_rggb8 is its BayerBG.
_CONVERSIONS = {
    "bgr8": cv2.COLOR_BGR2RGB,
    "8UC3": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "8UC4": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "8UC1": cv2.COLOR_GRAY2RGB,
    "mono16": cv2.COLOR_GRAY2RGB,
    "16UC1": cv2.COLOR_GRAY2RGB,
    "bayer_rggb8": cv2.COLOR_BayerBG2RGB,
    "bayer_bggr8": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGR2RGB,
    "bayer_grbg8": cv2.COLOR_BayerGB2RGB,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2,
    "yuyv": cv2.COLOR_YUV2RGB_YUY2,
}


def rgb_of_message(message: Any, kind: str) -> UInt8[np.ndarray, "H W 3"]:
    """The image.  kind: RAW or COMPRESSED.  Raises BadImage for one that cannot be read."""
    return _rgb_of_file(message) if kind == COMPRESSED else _rgb_of_rows(message)


def _rgb_of_rows(message: Any) -> UInt8[np.ndarray, "H W 3"]:
    encoding = message.encoding
    if encoding not in _CHANNELS:
        raise BadImage(
            f"has the encoding {encoding!r}",
            hint=f"read are {', '.join(_CHANNELS)}, and compressed images",
        )
    height = int(message.height)
    width = int(message.width)
    used = width * _CHANNELS[encoding]
    step = int(message.step)
    if not 0 < height * width <= MAX_PIXELS or step < used:
        raise BadImage(f"says it is {width}x{height} in rows of {step} bytes")
    pixels = np.asarray(message.data, dtype=np.uint8)
    # The last row may end where its pixels do.
    if len(pixels) < step * (height - 1) + used:
        raise BadImage(f"holds {len(pixels)} bytes, too few for {height} rows of {step}")
    rows = np.lib.stride_tricks.as_strided(pixels, (height, used), (step, 1))
    stored = np.ascontiguousarray(rows).reshape(height, width, -1)
    if encoding in ("mono16", "16UC1"):
        stored = stored[:, :, :1] if message.is_bigendian else stored[:, :, 1:]
        stored = np.ascontiguousarray(stored)
    if encoding == "rgb8":
        return stored
    return np.asarray(cv2.cvtColor(stored, _CONVERSIONS[encoding]))


def _rgb_of_file(message: Any) -> UInt8[np.ndarray, "H W 3"]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(bytes(message.data)), formats=("JPEG", "PNG")) as image:
                return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise BadImage(
            f"of the format {message.format!r} does not decode: {error}",
            hint="read are JPEG and PNG",
        ) from error
