"""Label Studio for images: a task for each frame, with a bit mask for each object.

A bit mask is the PNG of a whole frame, so nothing is lost.  `data.frame` of a task is the
frame, from 0; where it is missing, the last number in the image's name.  The object id is
`meta.vseg_id`.  Format: https://labelstud.io/tags/bitmask.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vseg.errors import BadExchange
from vseg.exchange.coco import UNLABELLED
from vseg.exchange.file_rows import checked, id_of, located, write_items
from vseg.exchange.label_studio import ID
from vseg.exchange.labelme import pixels_of_png, png_base64
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.json_stream import JsonStream
from vseg.types import MaskCrop

_PREFIX = "data:image/png;base64,"


class _Bitmask(BaseModel):
    imageDataURL: str
    bitmasklabels: list[str] = []


class _BitmaskRegion(BaseModel):
    value: _Bitmask
    meta: dict[str, Any] = {}


class _Result(BaseModel):
    result: list[dict[str, Any]] = []


class _Task(BaseModel):
    data: dict[str, Any] = {}
    annotations: list[_Result] = []
    predictions: list[_Result] = []


class LabelStudioImagesFormat(MaskFormat):
    """One JSON file with a list of tasks."""

    name = "label-studio-images"
    suffix = ".json"

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        with path.open("w", encoding="ascii") as handle:
            handle.write("[\n")
            write_items(handle, _tasks(masks))
            handle.write("\n]\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every bit mask of every task."""
        with closing(JsonStream(path)) as stream:
            for place in stream.elements():
                where = f"{path}, task {place}"
                task = checked(_Task, where, stream.value())
                with located(where):
                    _add(task, where, sink)


def _tasks(masks: MaskSequence) -> Iterator[dict[str, Any]]:
    for number, frame in enumerate(masks, start=1):
        result = [
            {
                "id": f"object-{obj}",
                "type": "bitmasklabels",
                "from_name": "mask",
                "to_name": "image",
                "original_width": frame.width,
                "original_height": frame.height,
                "meta": {ID: obj},
                "value": {
                    "format": "png",
                    "imageDataURL": _PREFIX + png_base64(frame[obj]),
                    "bitmasklabels": [masks.labels.get(obj, UNLABELLED)],
                },
            }
            for obj in frame
            if frame.area(obj)
        ]
        index = frame.frame_index
        data = {"image": f"{masks.name}/{index:05d}.jpg", "frame": index}
        yield {"id": number, "data": data, "annotations": [{"id": number, "result": result}]}


def _add(task: _Task, where: str, sink: MaskSink) -> None:
    frame = _frame_of(task)
    sink.add_frame(frame)
    for given in [*task.annotations, *task.predictions]:
        for value in given.result:
            if value.get("type") not in ("bitmask", "bitmasklabels"):
                continue
            region = checked(_BitmaskRegion, where, value)
            text = region.value.imageDataURL.removeprefix(_PREFIX)
            pixels = pixels_of_png(text, sink.video.width, sink.video.height)
            object_id = id_of(region.meta.get(ID), ID) or None
            sink.add(frame, object_id, MaskCrop.of(pixels))
            for label in region.value.bitmasklabels:
                if object_id is not None and label != UNLABELLED:
                    sink.name_object(object_id, label)


def _frame_of(task: _Task) -> int:
    frame = task.data.get("frame")
    if isinstance(frame, int):
        return frame
    numbers = re.findall(r"[0-9]+", Path(str(task.data.get("image", ""))).stem)
    if not numbers:
        raise BadExchange("no frame: neither data.frame nor a number in the image's name")
    return int(numbers[-1])
