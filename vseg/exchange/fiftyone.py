"""FiftyOne: a data set of one clip (FiftyOneVideoLabelsDataset), masks within their boxes.

manifest.json names the clip and its labels; labels/CLIP.json has an object for each frame,
from 1, with a list of objects: label, `index` (the object id), a box in shares of the frame,
and the mask of the box as a compressed NumPy array.  data/CLIP.mp4 is the clip, to be put
there.  Nothing is lost.  Format: https://docs.voxel51.com, and the package voxel51-eta that
reads it.
"""

import base64
import binascii
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from pydantic import BaseModel

from vseg.errors import BadExchange
from vseg.exchange.coco import UNLABELLED
from vseg.exchange.file_rows import add_whole, checked, located, score_of
from vseg.exchange.held_masks import box_crop
from vseg.exchange.label_files import inside
from vseg.exchange.segmentation import check_near
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.json_stream import JsonStream
from vseg.types import MaskCrop, VideoInfo

_HEAD_BYTES = 4096
"""More than the header of any .npy array."""


class _Point(BaseModel):
    x: float
    y: float


class _Box(BaseModel):
    top_left: _Point
    bottom_right: _Point


class _Object(BaseModel):
    """What is read of an object on a frame."""

    bounding_box: _Box
    label: str = UNLABELLED
    index: int | None = None
    confidence: float | None = None
    mask: str | list[list[int]] | None = None


class _Container(BaseModel):
    objects: list[_Object] = []


class _OneFrame(BaseModel):
    frame_number: int
    objects: _Container = _Container()


class _ManifestEntry(BaseModel):
    data: str
    labels: str


class _Manifest(BaseModel):
    index: list[_ManifestEntry]


class FiftyoneFormat(MaskFormat):
    """A folder with manifest.json and labels/CLIP.json."""

    name = "fiftyone"
    suffix = ".json"
    folder = True
    beside = ("labels", "data")

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folder."""
        (path / "labels").mkdir()
        names = {"data": f"data/{masks.name}.mp4", "labels": f"labels/{masks.name}.json"}
        manifest = {
            "type": "eta.core.datasets.LabeledVideoDataset",
            "description": "",
            "index": [names],
        }
        (path / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        with (path / names["labels"]).open("w", encoding="ascii") as handle:
            handle.write('{"frames": {')
            for place, frame in enumerate(masks):
                number = frame.frame_index + 1
                objects = [
                    _object(frame, obj, masks.labels.get(obj, UNLABELLED))
                    for obj in frame
                    if frame.area(obj)
                ]
                row = {"frame_number": number, "objects": {"objects": objects}}
                handle.write(",\n" if place else "\n")
                handle.write(f'"{number}": {json.dumps(row)}')
            handle.write("\n}}\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every object of every frame."""
        file = _labels_of(path, sink.name)
        for number, value in _frames(file):
            where = f"{file}, frame {number}"
            row = checked(_OneFrame, where, value)
            with located(where):
                sink.add_frame(row.frame_number - 1)
                for each in row.objects.objects:
                    score = score_of(each.confidence)
                    crop = _crop(each, sink.video)
                    add_whole(sink, row.frame_number - 1, each.index, crop, score)
                    if each.index is not None and each.label != UNLABELLED:
                        sink.name_object(each.index, each.label)


def _labels_of(path: Path, name: str) -> Path:
    """The file of labels that the manifest names for a clip, or the only one."""
    manifest = inside(path, path / "manifest.json")
    with closing(JsonStream(manifest)) as stream:
        found = checked(_Manifest, str(manifest), stream.value())
    own = [entry for entry in found.index if Path(entry.data).stem == name]
    chosen = own if len(found.index) > 1 else found.index
    if len(chosen) != 1:
        raise BadExchange(
            f"{manifest} names {len(found.index)} clips, none of them alone is {name}",
            hint="rename the clip to one of them",
        )
    return inside(path, path / chosen[0].labels)


def _frames(file: Path) -> Iterator[tuple[str, Any]]:
    with closing(JsonStream(file)) as stream:
        for key in stream.members():
            if key != "frames":
                stream.skip()
                continue
            for number in stream.members():
                yield number, stream.value()


def _object(frame: FrameMasks, obj: int, label: str) -> dict[str, Any]:
    crop = frame.crop(obj)
    x1, y1, x2, y2 = crop.xyxy
    place = frame.object_ids.index(obj)
    return {
        "type": "eta.core.objects.DetectedObject",
        "label": label,
        "index": obj,
        "confidence": float(frame.scores[place]),
        "bounding_box": {
            "top_left": {"x": x1 / frame.width, "y": y1 / frame.height},
            "bottom_right": {"x": x2 / frame.width, "y": y2 / frame.height},
        },
        "mask": _packed(crop.mask),
    }


def _crop(each: _Object, video: VideoInfo) -> MaskCrop:
    corners = [each.bounding_box.top_left, each.bounding_box.bottom_right]
    shares = np.array([(corner.x, corner.y) for corner in corners])
    limits = [video.width, video.height]
    with np.errstate(over="ignore"):
        pixel_corners = np.round(shares * limits)
    check_near(pixel_corners, video)
    (x1, y1), (x2, y2) = np.clip(pixel_corners, 0, limits).astype(int).tolist()
    if each.mask is None:
        return box_crop(x1, y1, x2, y2)
    if isinstance(each.mask, list):
        return _of_rows(each.mask, x1, y1, (x2 - x1, y2 - y1))
    with located(f"a box of {x2 - x1}x{y2 - y1} in a {video.width}x{video.height} frame"):
        pixels = _unpacked(each.mask, y2 - y1, x2 - x1)
    crop = MaskCrop.of(pixels)
    return MaskCrop(crop.x + x1, crop.y + y1, crop.mask) if crop.area else crop


def _of_rows(rows: list[list[int]], x: int, y: int, size: tuple[int, int]) -> MaskCrop:
    """The mask of rows of 0 and 1, or true and false, as the library writes them."""
    if (len(rows), {len(row) for row in rows}) != (size[1], {size[0]}):
        raise BadExchange(f"the mask does not fill its box of {size[0]}x{size[1]}")
    crop = MaskCrop.of(np.array(rows, dtype=np.int64) > 0)
    return MaskCrop(crop.x + x, crop.y + y, crop.mask) if crop.area else crop


def _packed(mask: Bool[np.ndarray, "h w"]) -> str:
    buffer = io.BytesIO()
    np.save(buffer, mask, allow_pickle=False)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode("ascii")


def _unpacked(text: str, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """The array; no more than one of this size is unpacked."""
    limit = _HEAD_BYTES + 8 * height * width
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(base64.b64decode(text, validate=True), limit)
        if not stream.eof:
            raise BadExchange(f"the mask is larger than its box of {width}x{height}")
        # Arrays of objects, which are programs, are not read.
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (zlib.error, binascii.Error, ValueError, EOFError, OSError) as error:
        raise BadExchange(f"the mask does not decode: {error}") from error
    if array.ndim != 2 or array.shape != (height, width):
        raise BadExchange(f"the mask is {array.shape}, its box ({height}, {width})")
    return np.asarray(array > 0, dtype=bool)
