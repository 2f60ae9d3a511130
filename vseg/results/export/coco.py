"""COCO: one JSON file with an image for each frame and an annotation for each visible mask.

`counts` are compressed run lengths, ids start at 1 because evaluators take 0 for "unmatched", and
`track_id` is the object id.  An absent object has no annotation.  Nothing is lost.  The file is
written piece by piece: memory does not grow with the clip.
Format: https://cocodataset.org/#format-data, with `videos`, `video_id` and `frame_id` as trackers
use them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from vseg.ops.files import atomic_path
from vseg.ops.rle import encode_rle
from vseg.results.run import Run

UNLABELLED = "object"
_VIDEO_ID = 1


def write_coco(run: Run, out: Path) -> None:
    """Write the JSON file.  Raises OutputError, and BadRun if the run is damaged."""
    categories = {
        name: number
        for number, name in enumerate(sorted({each.label or UNLABELLED for each in run.objects}), 1)
    }
    with atomic_path(out) as part, part.open("w", encoding="ascii") as handle:
        handle.write('{"videos": [\n')
        _write_items(handle, [_video(run)])
        handle.write('\n], "categories": [\n')
        _write_items(handle, ({"id": id_, "name": name} for name, id_ in categories.items()))
        handle.write('\n], "images": [\n')
        _write_items(handle, _images(run))
        handle.write('\n], "annotations": [\n')
        _write_items(handle, _annotations(run, categories))
        handle.write("\n]}\n")


def _write_items(handle: IO[str], items: Iterable[dict[str, object]]) -> None:
    separator = ""
    for item in items:
        handle.write(separator + json.dumps(item))
        separator = ",\n"


def _video(run: Run) -> dict[str, object]:
    video = run.header.video
    return {
        "id": _VIDEO_ID,
        "name": Path(run.header.source.path).stem,
        "width": video.width,
        "height": video.height,
        "length": len(run),
    }


def _images(run: Run) -> Iterator[dict[str, object]]:
    video, stem = run.header.video, Path(run.header.source.path).stem
    for image_id, frame in enumerate(run.frame_numbers(), start=1):
        yield {
            "id": image_id,
            "file_name": f"{stem}/{frame:05d}.jpg",
            "width": video.width,
            "height": video.height,
            "video_id": _VIDEO_ID,
            "frame_id": frame,
        }


def _annotations(run: Run, categories: dict[str, int]) -> Iterator[dict[str, object]]:
    category_of = {each.id: categories[each.label or UNLABELLED] for each in run.objects}
    annotation_id = 0
    for image_id, masks in enumerate(run, start=1):
        for row, (object_id, crop) in enumerate(zip(masks.object_ids, masks.crops, strict=True)):
            area = crop.area
            if area == 0:
                continue
            annotation_id += 1
            counts = encode_rle(crop, masks.height, masks.width)
            yield {
                "id": annotation_id,
                "image_id": image_id,
                "video_id": _VIDEO_ID,
                "category_id": category_of[object_id],
                "track_id": object_id,
                "segmentation": {"size": [masks.height, masks.width], "counts": counts},
                "area": area,
                "bbox": list(crop.xywh),
                "iscrowd": 0,
                "score": masks.scores[row],
            }
