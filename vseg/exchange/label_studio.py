"""Label Studio: a task for the video, with a region for each object and its frames.

`label-studio`: VideoVector regions, a closed outline on every frame; an object of several
pieces has several regions.  `label-studio-boxes`: VideoRectangle regions, which the edition
without a licence has too.  Lengths are per cent of the frame, frames count from 1, and a
sequence is cut after an entry that is not `enabled`.  The object id is `meta.vseg_id`; a
region without it is a new object.  Format: https://labelstud.io/guide/task_format.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import numpy as np
from pydantic import BaseModel

from vseg.errors import BadExchange
from vseg.exchange.coco import UNLABELLED
from vseg.exchange.file_rows import checked, frames_between, id_of, located, write_items
from vseg.exchange.held_masks import boxes, polygons
from vseg.exchange.segmentation import mask_of_shares
from vseg.exchange.spool import MaskSpool
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.json_stream import JsonStream
from vseg.ops.outline import SIMPLE, Ring, polygons_of
from vseg.types import UNKNOWN_FPS, MaskCrop, VideoInfo

ID = "vseg_id"
_TYPES = frozenset({"videorectangle", "videovector"})


class _Vertex(BaseModel):
    x: float
    y: float


class _Entry(BaseModel):
    """One frame of a sequence: a box or corners, in per cent."""

    frame: int
    enabled: bool = True
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    vertices: list[_Vertex] | None = None


class _TrackRegion(BaseModel):
    """What is read of a region but for its sequence."""

    type: str = ""
    meta: dict[str, Any] = {}
    labels: list[str] = []
    original_width: int | None = None
    original_height: int | None = None


class LabelStudioFormat(MaskFormat):
    """One JSON file with a list of one task."""

    suffix = ".json"

    def __init__(self, name: str, *, boxes_only: bool) -> None:
        self.name = name
        self.boxes_only = boxes_only
        self.loss = "outlines: simplified to a pixel, without holes"
        if boxes_only:
            self.loss = "boxes only: a region has no room for a mask"

    def held(self, masks: FrameMasks) -> FrameMasks:
        """The outlines of the masks, or their boxes."""
        return boxes(masks) if self.boxes_only else polygons(masks, SIMPLE)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        facts = {"video": f"{masks.name}.mp4", "frames": len(masks)}
        with path.open("w", encoding="ascii") as handle, MaskSpool.of(masks) as spool:
            handle.write(f'[{{"id": 1, "data": {json.dumps(facts)}, "annotations": [\n')
            handle.write('{"id": 1, "result": [\n')
            separator = ""
            for obj in spool.object_ids:
                for piece in range(self._pieces(spool, obj)):
                    handle.write(separator)
                    self._write_region(handle, spool, obj, piece)
                    separator = ",\n"
            handle.write("\n]}]}]\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the shape of every frame of every region, and those between its entries."""
        numbers = [_numbered(where, region, sink) for where, region in _facts(path)]
        latest: tuple[int, _Entry] | None = None
        for place, entry in _stored_entries(path):
            number = numbers[place]
            if number is None:
                continue
            before = latest[1] if latest is not None and latest[0] == place else None
            with located(f"{path}, region {place}"):
                for each in _in_between(before, entry):
                    sink.add(each.frame - 1, number, _mask_of(each, sink.video))
            latest = place, entry

    def _pieces(self, spool: MaskSpool, obj: int) -> int:
        shapes = (self._shapes(crop) for _, crop, _ in spool.track(obj) if crop.area)
        return max(map(len, shapes), default=0)

    def _shapes(self, crop: MaskCrop) -> list[Ring]:
        if not self.boxes_only:
            return polygons_of(crop, SIMPLE)
        x1, y1, x2, y2 = crop.xyxy
        return [np.array([[x1, y1], [x2, y2]], dtype=np.float64)]

    def _write_region(self, handle: IO[str], spool: MaskSpool, obj: int, piece: int) -> None:
        kind = "videorectangle" if self.boxes_only else "videovector"
        region = {
            "id": f"object-{obj}-{piece}",
            "type": kind,
            "from_name": "box" if self.boxes_only else "outline",
            "to_name": "video",
            "original_width": spool.video.width,
            "original_height": spool.video.height,
            "meta": {ID: obj},
        }
        frames = spool.video.num_frames or max(spool.frame_numbers(), default=-1) + 1
        rate = spool.video.fps or UNKNOWN_FPS
        value = {
            "framesCount": frames,
            "duration": float(frames / rate),
            "labels": [spool.labels.get(obj, UNLABELLED)],
        }
        handle.write(f'{json.dumps(region)[:-1]}, "value": {json.dumps(value)[:-1]}')
        handle.write(', "sequence": [\n')
        write_items(handle, self._entries(spool, obj, piece))
        handle.write("\n]}}")

    def _entries(self, spool: MaskSpool, obj: int, piece: int) -> Iterator[dict[str, Any]]:
        """An entry for each frame; not enabled where the next stored frame has none."""
        shapes = ((frame, self._shapes(crop)) for frame, crop, _ in spool.track(obj))
        found = ((frame, each[piece]) for frame, each in shapes if len(each) > piece)
        latest = next(found, None)
        frames = spool.frame_numbers()
        after = next(frames, None)
        while latest is not None:
            frame, ring = latest
            while after is not None and after <= frame:
                after = next(frames, None)
            latest = next(found, None)
            goes_on = latest is not None and latest[0] == after
            yield {
                "frame": frame + 1,
                "time": float(frame / (spool.video.fps or UNKNOWN_FPS)),
                "enabled": goes_on,
                **self._value(ring, spool.video),
            }

    def _value(self, ring: Ring, video: VideoInfo) -> dict[str, Any]:
        per_cent = ring * 100 / np.array([video.width, video.height])
        if self.boxes_only:
            (x1, y1), (x2, y2) = per_cent.tolist()
            return {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1, "rotation": 0}
        corners = [
            {"id": str(n), "x": x, "y": y} for n, (x, y) in enumerate(per_cent.tolist())
        ]
        return {"closed": True, "vertices": corners}


def _regions(path: Path) -> Iterator[tuple[int, JsonStream]]:
    """The cursor at every region of every annotation or prediction, to be used up."""
    place = 0
    with closing(JsonStream(path)) as stream:
        for _ in stream.elements():
            for _ in _lists_under(stream, "annotations", "predictions"):
                for _ in _lists_under(stream, "result"):
                    yield place, stream
                    place += 1


def _lists_under(stream: JsonStream, *keys: str) -> Iterator[None]:
    """The cursor at every element of an object's lists of these names."""
    for key in stream.members():
        if key not in keys:
            stream.skip()
            continue
        for _ in stream.elements():
            yield


def _facts(path: Path) -> Iterator[tuple[str, _TrackRegion]]:
    """Where, and every region without its sequence."""
    for place, stream in _regions(path):
        found: dict[str, Any] = {}
        for key in stream.members():
            if key != "value":
                found[key] = stream.value()
                continue
            for inner in stream.members():
                if inner == "labels":
                    found["labels"] = stream.value()
                else:
                    stream.skip()
        where = f"{path}, region {place}"
        yield where, checked(_TrackRegion, where, found)


def _stored_entries(path: Path) -> Iterator[tuple[int, _Entry]]:
    """The place of the region, and every entry of its sequence."""
    for place, stream in _regions(path):
        for key in stream.members():
            if key != "value":
                stream.skip()
                continue
            for _ in _lists_under(stream, "sequence"):
                where = f"{path}, region {place}"
                yield place, checked(_Entry, where, stream.value())


def _numbered(where: str, region: _TrackRegion, sink: MaskSink) -> int | None:
    """The object id of a region; None where it is of another kind."""
    if region.type not in _TYPES:
        return None
    size = (region.original_width, region.original_height)
    if None not in size and size != (sink.video.width, sink.video.height):
        raise BadExchange(
            f"a region of a video of {size[0]}x{size[1]}, the clip is "
            f"{sink.video.width}x{sink.video.height}",
            hint="is this the file of another clip?",
        )
    with located(where):
        number = id_of(region.meta.get(ID), ID) or sink.new_object()
    for label in region.labels:
        if label != UNLABELLED:
            sink.name_object(number, label)
    return number


def _in_between(before: _Entry | None, entry: _Entry) -> Iterator[_Entry]:
    """An entry, after what the player shows between it and the one before: boxes on their way,
    outlines on theirs where they have as many corners, else as they were.
    """
    if before is not None and entry.frame <= before.frame:
        raise BadExchange(f"frame {entry.frame} follows frame {before.frame}")
    if before is not None and before.enabled:
        length = entry.frame - before.frame
        for frame in frames_between(before.frame, entry.frame):
            yield _moved(before, entry, (frame - before.frame) / length)
    yield entry


def _moved(before: _Entry, after: _Entry, share: float) -> _Entry:
    frame = before.frame + round(share * (after.frame - before.frame))
    one = before.vertices or []
    other = after.vertices or []
    if len(one) != len(other):
        return before.model_copy(update={"frame": frame})

    def mixed(first: float, second: float) -> float:
        return (1 - share) * first + share * second

    corners = [
        _Vertex(x=mixed(a.x, b.x), y=mixed(a.y, b.y)) for a, b in zip(one, other, strict=True)
    ]
    sides = {
        side: mixed(getattr(before, side), getattr(after, side))
        for side in ("x", "y", "width", "height")
    }
    return before.model_copy(update={"frame": frame, "vertices": corners or None, **sides})


def _mask_of(entry: _Entry, video: VideoInfo) -> MaskCrop:
    if entry.vertices is not None:
        corners = [(vertex.x, vertex.y) for vertex in entry.vertices]
    else:
        x2 = entry.x + entry.width
        y2 = entry.y + entry.height
        corners = [(entry.x, entry.y), (x2, entry.y), (x2, y2), (entry.x, y2)]
    return mask_of_shares(np.array(corners, dtype=np.float64).reshape(-1, 2), 100, video)
