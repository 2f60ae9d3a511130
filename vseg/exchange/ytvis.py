"""YouTube-VIS: one JSON file with an annotation per object, its masks in a list over frames.

`segmentations` has an element for each of the video's `file_names`, null where the object is
absent.  `track_id` of an annotation is the object id, as is its `id` in a file of one clip.
Run lengths are compressed in `ytvis`, as in results and in SA-Co, and lists of numbers in
`ytvis-gt`, as TrackEval wants a ground truth.  Nothing is lost.  Format: Yang et al., Video
Instance Segmentation, 2019.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel

from vseg.exchange.coco import UNLABELLED, category_ids, category_names, label_of, video_id_of
from vseg.exchange.coco_images import CocoImage, frames_of
from vseg.exchange.file_rows import add_whole, checked, located, write_items
from vseg.exchange.segmentation import Segmentation, mask_of, rle_of
from vseg.exchange.spool import MaskSpool, on_every_frame
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.json_stream import JsonStream, top_level_items
from vseg.ops.rle import rle_counts
from vseg.types import MaskCrop

_LISTS = ("segmentations", "areas", "bboxes")


class _Video(BaseModel):
    id: int
    file_names: list[str] = []
    frame_ids: list[int] | None = None


class _YtvisObject(BaseModel):
    """What is read of an annotation but for its masks."""

    id: int
    video_id: int
    category_id: int | None = None
    track_id: int | None = None

    @property
    def object_id(self) -> int:
        return self.id if self.track_id is None else self.track_id


class _OnFrame(BaseModel):
    segmentation: Segmentation = None


class YtvisFormat(MaskFormat):
    """One JSON file."""

    suffix = ".json"

    def __init__(self, name: str, *, compressed: bool) -> None:
        self.name = name
        self._compressed = compressed

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        self.write_clips([masks], path)

    def write_clips(self, clips: Sequence[MaskSequence], path: Path) -> None:
        """Write one file of several clips."""
        categories = category_ids(*clips)
        with path.open("w", encoding="ascii") as handle:
            handle.write('{"videos": [\n')
            for video_id, masks in enumerate(clips, start=1):
                handle.write(",\n" if video_id > 1 else "")
                _write_video(handle, masks, video_id)
            handle.write('\n], "categories": [\n')
            write_items(handle, ({"id": n, "name": name} for name, n in categories.items()))
            handle.write('\n], "annotations": [\n')
            first = 0
            for video_id, masks in enumerate(clips, start=1):
                first = self._write_clip(handle, masks, video_id, first, categories)
            handle.write("\n]}\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the masks of every annotation of the sink's clip."""
        names = category_names(path)
        frames = _frames(path, sink)
        objects = list(_objects(path))
        for place, stored in enumerate(objects):
            with located(f"{path}, annotation {place}"):
                name = label_of(stored.category_id, names)
            if stored.video_id in frames and name != UNLABELLED:
                sink.name_object(stored.object_id, name)
        for place, time, value in _masks(path):
            where = f"{path}, annotation {place}, segmentation {time}"
            own = frames.get(objects[place].video_id)
            if own is None:
                continue
            segmentation = checked(_OnFrame, where, {"segmentation": value}).segmentation
            if segmentation is not None and time < len(own):
                with located(where):
                    mask = mask_of(segmentation, sink.video)
                    add_whole(sink, own[time], objects[place].object_id, mask)

    def _write_clip(
        self,
        handle: IO[str],
        masks: MaskSequence,
        video_id: int,
        first: int,
        categories: Mapping[str, int],
    ) -> int:
        """The annotations of one clip.  first: the highest id so far, as it comes back."""
        with MaskSpool.of(masks) as spool:
            for obj in spool.object_ids:
                handle.write(",\n" if first + obj > min(spool.object_ids) else "")
                facts = {
                    "id": first + obj,
                    "video_id": video_id,
                    "category_id": categories[masks.labels.get(obj, UNLABELLED)],
                    "track_id": obj,
                    "iscrowd": 0,
                    "width": spool.video.width,
                    "height": spool.video.height,
                }
                handle.write(json.dumps(facts)[:-1])
                for key in _LISTS:
                    handle.write(f', "{key}": [')
                    write_items(handle, self._values(spool, obj, key))
                    handle.write("]")
                handle.write(f', "score": {json.dumps(spool.mean_score(obj))}}}')
            return first + max(spool.object_ids, default=0)

    def _values(self, spool: MaskSpool, obj: int, key: str) -> Iterator[Any]:
        """A value for each frame."""
        for crop in on_every_frame(spool, obj):
            yield None if crop is None else self._value(crop, spool, key)

    def _value(self, crop: MaskCrop, spool: MaskSpool, key: str) -> Any:
        height = spool.video.height
        width = spool.video.width
        if key == "areas":
            return crop.area
        if key == "bboxes":
            return list(crop.xywh)
        if self._compressed:
            return rle_of(crop, height, width)
        counts = rle_counts(crop, height, width).tolist()
        return {"size": [height, width], "counts": counts}


def _write_video(handle: IO[str], masks: MaskSequence, video_id: int) -> None:
    size = {"width": masks.video.width, "height": masks.video.height, "length": len(masks)}
    handle.write(json.dumps({"id": video_id, "name": masks.name, **size})[:-1])
    handle.write(', "file_names": [')
    write_items(handle, (f"{masks.name}/{frame:05d}.jpg" for frame in masks.frame_numbers()))
    # No other program needs it, but from names alone 1 to 5 could be the frames 0 to 4.
    handle.write('], "frame_ids": [')
    write_items(handle, masks.frame_numbers())
    handle.write("]}")


def _frames(path: Path, sink: MaskSink) -> dict[int, list[int]]:
    """The frames of the sink's clip by the id of its video."""
    wanted = video_id_of(path, sink.name)
    for place, value in enumerate(top_level_items(path, "videos")):
        video = checked(_Video, f"{path}, video {place}", value)
        if video.id == wanted:
            frames = _placed(video, sink)
            for frame in frames:
                sink.add_frame(frame)
            return {video.id: frames}
    return {}


def _placed(video: _Video, sink: MaskSink) -> list[int]:
    if video.frame_ids is not None and len(video.frame_ids) == len(video.file_names):
        return video.frame_ids
    names = enumerate(video.file_names)
    images = [CocoImage(id=number, file_name=name) for number, name in names]
    placed = frames_of(images, sink.video)[0] if images else {}
    return [placed[number] for number in range(len(images))]


def _objects(path: Path) -> Iterator[_YtvisObject]:
    """Every annotation without its lists."""
    for stream, place in _annotations(path):
        found = {}
        for key in stream.members():
            if key in _LISTS:
                stream.skip()
            else:
                found[key] = stream.value()
        yield checked(_YtvisObject, f"{path}, annotation {place}", found)


def _masks(path: Path) -> Iterator[tuple[int, int, Any]]:
    """Place of the annotation, place in its list, and the segmentation there."""
    for stream, place in _annotations(path):
        for key in stream.members():
            if key != "segmentations":
                stream.skip()
                continue
            for time in stream.elements():
                yield place, time, stream.value()


def _annotations(path: Path) -> Iterator[tuple[JsonStream, int]]:
    """The cursor at every annotation, which is to be used up."""
    with closing(JsonStream(path)) as stream:
        for name in stream.members():
            if name != "annotations":
                stream.skip()
                continue
            for place in stream.elements():
                yield stream, place
