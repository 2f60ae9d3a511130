"""COCO, written: one JSON file with an image per frame and an annotation per visible mask.

`counts` are compressed run lengths, ids start at 1 because evaluators take 0 for "unmatched",
and `track_id` is the object id.  An absent object has no annotation.  Nothing is lost.  The
file is written piece by piece: memory does not grow with the clip.  Format:
https://cocodataset.org/#format-data, with `videos`, `video_id` and `frame_id` as trackers use
them; `coco_results` reads it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from vseg.interfaces.export_format import Loss, MaskSequence
from vseg.ops.rle import encode_rle

UNLABELLED = "object"
_VIDEO_ID = 1


class CocoFormat:
    """One JSON file, written piece by piece."""

    name = "coco"
    suffix = ".json"
    folder = False

    def write(self, masks: MaskSequence, path: Path) -> Loss:
        """Write the file.  Nothing is lost."""
        labels = {obj: masks.labels.get(obj, UNLABELLED) for obj in masks.object_ids}
        names = sorted(set(labels.values()))
        categories = {name: number for number, name in enumerate(names, start=1)}
        category_of = {obj: categories[label] for obj, label in labels.items()}
        with path.open("w", encoding="ascii") as handle:
            handle.write('{"videos": [\n')
            _write_items(handle, [_video(masks)])
            handle.write('\n], "categories": [\n')
            _write_items(handle, ({"id": n, "name": name} for name, n in categories.items()))
            handle.write('\n], "images": [\n')
            _write_items(handle, _images(masks))
            handle.write('\n], "annotations": [\n')
            _write_items(handle, _annotations(masks, category_of))
            handle.write("\n]}\n")
        return Loss()


def _write_items(handle: IO[str], items: Iterable[dict[str, object]]) -> None:
    separator = ""
    for item in items:
        handle.write(separator + json.dumps(item))
        separator = ",\n"


def _video(masks: MaskSequence) -> dict[str, object]:
    return {
        "id": _VIDEO_ID,
        "name": masks.name,
        "width": masks.video.width,
        "height": masks.video.height,
        "length": len(masks),
    }


def _images(masks: MaskSequence) -> Iterator[dict[str, object]]:
    for image_id, frame in enumerate(masks.frame_numbers(), start=1):
        yield {
            "id": image_id,
            "file_name": f"{masks.name}/{frame:05d}.jpg",
            "width": masks.video.width,
            "height": masks.video.height,
            "video_id": _VIDEO_ID,
            "frame_id": frame,
        }


def _annotations(
    masks: MaskSequence, category_of: Mapping[int, int]
) -> Iterator[dict[str, object]]:
    annotation_id = 0
    for image_id, frame in enumerate(masks, start=1):
        for obj, score in zip(frame, frame.scores.tolist(), strict=True):
            crop = frame.crop(obj)
            if crop.area == 0:
                continue
            annotation_id += 1
            counts = encode_rle(crop, frame.height, frame.width)
            yield {
                "id": annotation_id,
                "image_id": image_id,
                "video_id": _VIDEO_ID,
                "category_id": category_of[obj],
                "track_id": obj,
                "segmentation": {"size": [frame.height, frame.width], "counts": counts},
                "area": crop.area,
                "bbox": list(crop.xywh),
                "iscrowd": 0,
                "score": score,
            }
