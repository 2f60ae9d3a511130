"""SA-V: one JSON file, its masks in a list over frames of lists over objects.

Counts and sizes are floats, as in the data set; an absent object has run lengths without a
pixel, not null.  SA-V is annotated on every fourth frame; which frames these are is
`vseg_frames`, and where that is missing they are spread evenly over `video_frame_count`.
Nothing is lost but labels and scores.  Format: https://github.com/facebookresearch/sam2, its
folder sav_dataset.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vseg.errors import BadExchange
from vseg.exchange.file_rows import add_whole, checked, located, write_items
from vseg.exchange.segmentation import Runs, mask_of, rle_of
from vseg.exchange.spool import MaskSpool, on_every_frame
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.json_stream import JsonStream, top_level_items
from vseg.types import UNKNOWN_FPS, MaskCrop

_SMALL = 32**2
_MEDIUM = 96**2


class _Clip(BaseModel):
    """What is read of the file but for its masks."""

    video_frame_count: float
    masklet_id: list[int]
    vseg_frames: list[int] | None = None


class _RunsOnFrame(BaseModel):
    runs: list[Runs | None]


class SavFormat(MaskFormat):
    """One JSON file."""

    name = "sav"
    suffix = ".json"

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        with path.open("w", encoding="ascii") as handle, MaskSpool.of(masks) as spool:
            handle.write(json.dumps(_facts(spool), indent=1)[:-2] + ',\n"vseg_frames": [')
            write_items(handle, spool.frame_numbers())
            handle.write('],\n"masklet": [\n')
            write_items(handle, _rows(spool))
            handle.write("\n]}\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every mask of every frame."""
        with closing(JsonStream(path)) as stream:
            found = {key: stream.value() for key in stream.members() if _kept(key, stream)}
        clip = checked(_Clip, str(path), found)
        length = sum(1 for _ in top_level_items(path, "masklet"))
        for place, value in enumerate(top_level_items(path, "masklet")):
            where = f"{path}, masklet {place}"
            row = checked(_RunsOnFrame, where, {"runs": value})
            with located(where):
                frame = _frame_at(clip, place, length)
                sink.add_frame(frame)
                if len(row.runs) != len(clip.masklet_id):
                    raise BadExchange(
                        f"{len(row.runs)} masks of {len(clip.masklet_id)} objects"
                    )
                for number, runs in zip(clip.masklet_id, row.runs, strict=True):
                    if runs is not None:
                        # Ids of the data set begin at 0.
                        shift = int(0 in clip.masklet_id)
                        mask = mask_of(runs, sink.video)
                        add_whole(sink, frame, number + shift, mask)


def _kept(key: str, stream: JsonStream) -> bool:
    if key in _Clip.model_fields:
        return True
    stream.skip()
    return False


def _frame_at(clip: _Clip, place: int, length: int) -> int:
    if clip.vseg_frames is not None:
        if len(clip.vseg_frames) != length:
            raise BadExchange(f"{length} frames, and {len(clip.vseg_frames)} numbers of them")
        return clip.vseg_frames[place]
    return place * max(1, round(clip.video_frame_count / length))


def _rows(spool: MaskSpool) -> Iterator[list[dict[str, Any]]]:
    """The run lengths of all objects, frame by frame."""
    empty = MaskCrop.empty()
    for frame in spool:
        crops = [frame.crop(obj) if obj in frame else empty for obj in spool.object_ids]
        yield [rle_of(crop, frame.height, frame.width) for crop in crops]


def _facts(spool: MaskSpool) -> dict[str, Any]:
    """Everything but the masks."""
    video = spool.video
    frames = video.num_frames or max(spool.frame_numbers(), default=-1) + 1
    objects = [_MaskletFacts(spool, obj) for obj in spool.object_ids]
    resolution = float(video.height * video.width)
    return {
        "video_id": spool.name,
        "video_duration": float(frames / (video.fps or UNKNOWN_FPS)),
        "video_frame_count": float(frames),
        "video_height": float(video.height),
        "video_width": float(video.width),
        "video_resolution": resolution,
        "video_environment": None,
        "video_split": None,
        "masklet_id": list(spool.object_ids),
        "masklet_size_rel": [each.mean / resolution for each in objects],
        "masklet_size_abs": [each.mean for each in objects],
        "masklet_size_bucket": [each.bucket for each in objects],
        "masklet_visibility_changes": [each.changes for each in objects],
        "masklet_first_appeared_frame": [each.first for each in objects],
        "masklet_frame_count": [len(spool)] * len(objects),
        "masklet_edited_frame_count": [0] * len(objects),
        "masklet_type": ["auto"] * len(objects),
        "masklet_stability_score": [None] * len(objects),
        "masklet_num": len(objects),
    }


class _MaskletFacts:
    """mean: area over the frames on which the object is visible.  first: the first of them,
    None without.  changes: how often it goes or comes after that.
    """

    def __init__(self, spool: MaskSpool, obj: int) -> None:
        total = 0
        visible = 0
        self.changes = 0
        self.first: float | None = None
        before = False
        frames = spool.frame_numbers()
        for frame, crop in zip(frames, on_every_frame(spool, obj), strict=True):
            present = crop is not None
            if present and self.first is None:
                self.first = float(frame)
            elif self.first is not None and present != before:
                self.changes += 1
            before = present
            visible += present
            total += crop.area if crop is not None else 0
        self.mean = total / visible if visible else 0.0

    @property
    def bucket(self) -> str:
        """Of the mean area, as SA-V sorts."""
        return "small" if self.mean < _SMALL else "medium" if self.mean < _MEDIUM else "large"
