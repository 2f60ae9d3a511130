"""COCO: one JSON file with an image per frame and an annotation per visible mask.

`counts` are compressed run lengths, ids start at 1 because evaluators take 0 for "unmatched",
and `track_id` is the object id.  An absent object has no annotation.  Nothing is lost.  The
file is written and read piece by piece.  Format: https://cocodataset.org/#format-data, with
`videos`, `video_id` and `frame_id` as trackers use them; `coco_results` reads detections of
this kind.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, starmap
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vseg.errors import BadExchange
from vseg.exchange.coco_images import CocoImage, frames_of
from vseg.exchange.file_rows import add_whole, checked, id_of, located, score_of, write_items
from vseg.exchange.held_masks import polygons
from vseg.exchange.segmentation import Segmentation, mask_of, outlines_of, rle_of
from vseg.exchange.views import MaskView
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.json_stream import top_level_items
from vseg.types import MaskCrop, VideoInfo

UNLABELLED = "object"


class _Image(CocoImage):
    video_id: int | None = None
    width: int | None = None
    height: int | None = None


class _Annotation(BaseModel):
    """What is read of an annotation; more keys may be there."""

    image_id: int
    category_id: int | None = None
    track_id: int | None = None
    score: float | None = None
    segmentation: Segmentation = None
    attributes: dict[str, Any] = {}

    @property
    def object_id(self) -> int | None:
        """Of the row, or of its attributes, where Datumaro keeps it."""
        if self.track_id is not None:
            return self.track_id
        return id_of(self.attributes.get("track_id"), "attributes.track_id")


class _Named(BaseModel):
    """A category or a video."""

    id: int
    name: str = ""


class CocoFormat(MaskFormat):
    """One JSON file.  attributes: whether ids are repeated among the attributes.  outlines:
    whether they stand for masks, for trainers that read nothing else.
    """

    suffix = ".json"

    def __init__(self, *, attributes: bool = False, outlines: bool = False) -> None:
        self.name = "coco-polygons" if outlines else "coco"
        self.loss = "holes: a polygon is an outline" if outlines else ""
        self._attributes = attributes
        self._outlines = outlines

    def held(self, masks: FrameMasks) -> FrameMasks:
        """The masks, as outlines without their holes."""
        return polygons(masks) if self._outlines else masks

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        self.write_clips([masks], path)

    def write_clips(self, clips: Sequence[MaskSequence], path: Path) -> None:
        """Write one file of several clips, each a video."""
        categories = category_ids(*clips)
        with path.open("w", encoding="ascii") as handle:
            handle.write('{"videos": [\n')
            write_items(handle, starmap(_video, enumerate(clips, start=1)))
            handle.write('\n], "categories": [\n')
            write_items(handle, ({"id": n, "name": name} for name, n in categories.items()))
            handle.write('\n], "images": [\n')
            write_items(handle, _images(clips))
            handle.write('\n], "annotations": [\n')
            segmentation = outlines_of if self._outlines else rle_of
            rows = _annotations(clips, categories, segmentation)
            write_items(handle, map(_with_attributes, rows) if self._attributes else rows)
            handle.write("\n]}\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every annotation to the sink, and every image as a frame."""
        names = category_names(path)
        frame_of = _frames(path, sink)
        for number, value in enumerate(top_level_items(path, "annotations")):
            where = f"{path}, annotation {number}"
            row = checked(_Annotation, where, value)
            with located(where):
                frame = _frame_of(row, frame_of)
                if frame is None:
                    continue
                if row.segmentation is None:
                    raise BadExchange("no segmentation", hint="a box alone is not a mask")
                name = label_of(row.category_id, names)
                obj = row.object_id
                mask = mask_of(row.segmentation, sink.video)
                add_whole(sink, frame, obj, mask, score_of(row.score))
            if obj is not None and name != UNLABELLED:
                sink.name_object(obj, name)


def category_ids(*clips: MaskSequence) -> dict[str, int]:
    """The labels of all clips in alphabetical order with their ids from 1 on."""
    names: set[str] = set()
    for masks in clips:
        names.update(masks.labels.get(obj, UNLABELLED) for obj in masks.object_ids)
        names.update(masks.classes if isinstance(masks, MaskView) else ())
    return {name: number for number, name in enumerate(sorted(names), start=1)}


def category_names(path: Path) -> dict[int, str]:
    """Names by id of the categories in a file."""
    rows = enumerate(top_level_items(path, "categories"))
    named = (checked(_Named, f"{path}, category {place}", value) for place, value in rows)
    return {row.id: row.name for row in named}


def label_of(category_id: int | None, names: Mapping[int, str]) -> str:
    """The label of a category; of all in a file that names none, UNLABELLED.

    Raises BadExchange for one that is not among those that are named.
    """
    if category_id is None or not names:
        return UNLABELLED
    if category_id not in names:
        known = ", ".join(f"{number} {name}" for number, name in [*names.items()][:5])
        raise BadExchange(
            f"there is no category {category_id}", hint=f"the file names: {known}"
        )
    return names[category_id]


def video_id_of(path: Path, name: str) -> int | None:
    """The id of the video with this name, or of the only one; None where no video is listed.

    Raises BadExchange if there are several and none has the name.
    """
    rows = enumerate(top_level_items(path, "videos"))
    videos = [checked(_Named, f"{path}, video {place}", value) for place, value in rows]
    if len(videos) <= 1:
        return videos[0].id if videos else None
    fitting = [video.id for video in videos if video.name == name]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(video.name for video in videos[:5])
    raise BadExchange(
        f"{path} holds {len(videos)} videos, none of them alone named {name}",
        hint=f"rename the clip to one of them: {known}",
    )


def _frames(path: Path, sink: MaskSink) -> Mapping[int, int | None]:
    """Frame by image id; None for the images of other clips."""
    video_id = video_id_of(path, sink.name)
    frame_of: dict[int, int | None] = {}
    numbered = True
    for image in _stored_images(path):
        own = _is_of(image, video_id)
        if own:
            _check_size(path, image, sink.video)
        numbered = numbered and (image.frame_id is not None or not own)
        frame_of[image.id] = image.frame_id if own else None
    if not numbered:
        own_images = [image for image in _stored_images(path) if _is_of(image, video_id)]
        frame_of |= frames_of(own_images, sink.video)[0]
    for frame in frame_of.values():
        if frame is not None:
            sink.add_frame(frame)
    return frame_of


def _is_of(image: _Image, video_id: int | None) -> bool:
    return None in (video_id, image.video_id) or image.video_id == video_id


def _check_size(path: Path, image: _Image, video: VideoInfo) -> None:
    """Polygons fit a frame of any size: what the file says of its images tells."""
    size = (image.width, image.height)
    if None not in size and size != (video.width, video.height):
        raise BadExchange(
            f"{path}: image {image.id} is {size[0]}x{size[1]}, the clip "
            f"{video.width}x{video.height}",
            hint="is this the file of another clip?",
        )


def _stored_images(path: Path) -> Iterator[_Image]:
    for place, value in enumerate(top_level_items(path, "images")):
        yield checked(_Image, f"{path}, image {place}", value)


def _frame_of(row: _Annotation, frame_of: Mapping[int, int | None]) -> int | None:
    if row.image_id not in frame_of:
        raise BadExchange(
            f"there is no image {row.image_id}",
            hint="an image_id is the id of one of `images`",
        )
    return frame_of[row.image_id]


def _video(video_id: int, masks: MaskSequence) -> dict[str, Any]:
    return {
        "id": video_id,
        "name": masks.name,
        "width": masks.video.width,
        "height": masks.video.height,
        "length": len(masks),
    }


def _images(clips: Sequence[MaskSequence]) -> Iterator[dict[str, Any]]:
    """Every frame of every clip; ids go on from clip to clip."""
    image_ids = count(1)
    for video_id, masks in enumerate(clips, start=1):
        for frame in masks.frame_numbers():
            yield {
                "id": next(image_ids),
                "file_name": f"{masks.name}/{frame:05d}.jpg",
                "width": masks.video.width,
                "height": masks.video.height,
                "video_id": video_id,
                "frame_id": frame,
            }


def _annotations(
    clips: Sequence[MaskSequence],
    categories: Mapping[str, int],
    segmentation: Callable[[MaskCrop, int, int], Any],
) -> Iterator[dict[str, Any]]:
    """Every mask of every clip; ids of images are those of `_images`."""
    annotation_ids = count(1)
    image_ids = count(1)
    for video_id, masks in enumerate(clips, start=1):
        names = {obj: {"name": name} for obj, name in masks.names.items()}
        for frame in masks:
            image_id = next(image_ids)
            for obj, score in zip(frame, frame.scores.tolist(), strict=True):
                crop = frame.crop(obj)
                if crop.area == 0:
                    continue
                yield {
                    "id": next(annotation_ids),
                    "image_id": image_id,
                    "video_id": video_id,
                    "category_id": categories[masks.labels.get(obj, UNLABELLED)],
                    "track_id": obj,
                    "segmentation": segmentation(crop, frame.height, frame.width),
                    "area": crop.area,
                    "bbox": list(crop.xywh),
                    "iscrowd": 0,
                    "score": score,
                    **names.get(obj, {}),
                }


def _with_attributes(row: dict[str, Any]) -> dict[str, Any]:
    named = {"name": row["name"]} if "name" in row else {}
    attributes = {"occluded": False, "track_id": row["track_id"], **named}
    return row | {"attributes": attributes}
