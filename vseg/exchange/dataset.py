"""Several runs as one data set, in a training and a validation part.

Enters: the masks of some clips.  Leaves: a folder:

| path | what it holds |
|---|---|
| train.txt, val.txt | the names of the clips of a part |
| annotations/train.json ... | all clips of a part: COCO, YouTube-VIS |
| train/CLIP ... | otherwise: each clip by itself; YOLO: labels/train/CLIP and data.yaml |
| images/train/CLIP/00000.jpg ... | the images of the frames, if they were asked for |

Which part a clip is in depends on its name and the number of clips alone.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vseg.exchange.coco import CocoFormat, category_ids
from vseg.exchange.datumaro import DatumaroFormat
from vseg.exchange.export import export
from vseg.exchange.formats import format_named
from vseg.exchange.sidecar import Origin
from vseg.exchange.views import Classed
from vseg.exchange.yolo_seg import NAMES, YoloFormat
from vseg.exchange.ytvis import YtvisFormat
from vseg.interfaces.mask_format import MaskFormat, MaskSequence
from vseg.interfaces.reader import OpenReader
from vseg.io.files import atomic_folder
from vseg.results.output_place import check_output

TRAIN = "train"
VAL = "val"
_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class DataSetClip:
    """One clip.  open_clip: opens its images; None leaves them out."""

    masks: MaskSequence
    origin: Origin
    open_clip: Callable[[], OpenReader] | None = None


def export_dataset(
    clips: Sequence[DataSetClip],
    format_name: str,
    out: Path,
    *,
    val: float = 0.0,
    overwrite: bool = False,
) -> list[Path]:
    """Write the folder; the paths that were written.

    val: the share of the clips for validation, in [0, 1].  Clips of one name get numbers.
    Raises UsageError for an unknown format, and OutputError and BadRun as `export` does.
    """
    chosen = format_named(format_name)
    sources = [clip.masks.video.source for clip in clips]
    check_output(out, overwrite=overwrite, is_member=_is_exported, reads=sources)
    named = _with_classes(clips)
    with atomic_folder(out) as folder:
        parts = {part: members for part, members in _parts(named, val).items() if members}
        for part, members in parts.items():
            _write_part(chosen, part, members, folder)
        if isinstance(chosen, YoloFormat):
            _write_yolo(parts, folder)
    return [out]


def parts_of(names: Sequence[str], val: float) -> dict[str, str]:
    """The part of each clip by name."""
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    held_back = set(order[: round(val * len(order))])
    return {name: VAL if name in held_back else TRAIN for name in names}


def _parts(clips: Sequence[DataSetClip], val: float) -> dict[str, list[DataSetClip]]:
    part_of = parts_of([clip.masks.name for clip in clips], val)
    return {
        part: [clip for clip in clips if part_of[clip.masks.name] == part]
        for part in (TRAIN, VAL)
    }


def _with_classes(clips: Sequence[DataSetClip]) -> list[DataSetClip]:
    """The clips with names of their own, and the classes of all of them."""
    classes = tuple(sorted({name for clip in clips for name in category_ids(clip.masks)}))
    used: set[str] = set()
    named = []
    for clip in clips:
        name = clip.masks.name
        number = 2
        while name in used:
            name = f"{clip.masks.name}-{number}"
            number += 1
        used.add(name)
        masks = Classed(clip.masks, classes, name)
        named.append(DataSetClip(masks, clip.origin, clip.open_clip))
    return named


def _write_part(
    chosen: MaskFormat, part: str, clips: Sequence[DataSetClip], folder: Path
) -> None:
    names = "".join(f"{clip.masks.name}\n" for clip in clips)
    (folder / f"{part}.txt").write_text(names, encoding="utf-8")
    if isinstance(chosen, CocoFormat | YtvisFormat):
        (folder / "annotations").mkdir(exist_ok=True)
        sequences = [clip.masks for clip in clips]
        chosen.write_clips(sequences, folder / "annotations" / f"{part}.json")
    else:
        above = folder / "labels" / part if isinstance(chosen, YoloFormat) else folder / part
        for clip in clips:
            name = clip.masks.name if chosen.folder else f"{clip.masks.name}{chosen.suffix}"
            export(clip.masks, chosen.name, above / name, origin=clip.origin)
    for clip in clips:
        images = folder / "images" / part / clip.masks.name
        if chosen.images_in is not None:
            images = folder / part / clip.masks.name / chosen.images_in
        if isinstance(chosen, DatumaroFormat):
            images = images / clip.masks.name
        _write_images(clip, images)


def _write_images(clip: DataSetClip, folder: Path) -> None:
    """The images of the frames that have masks, in the order of the clip."""
    if clip.open_clip is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with clip.open_clip() as video:
        for first, end in _runs_of(clip.masks.frame_numbers()):
            for frame in video.frames(first, end):
                path = folder / f"{frame.index:05d}.jpg"
                Image.fromarray(frame.image).save(path, quality=_JPEG_QUALITY)


def _runs_of(frames: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as ranges of first and end, each read in one go."""
    first = end = -1
    for frame in frames:
        if frame != end and end > first:
            yield first, end
        first = frame if frame != end else first
        end = frame + 1
    if end > first:
        yield first, end


def _write_yolo(parts: Mapping[str, Sequence[DataSetClip]], folder: Path) -> None:
    """data.yaml of the whole; the clips have none of their own.

    It has no `path`: Ultralytics takes that for one below the current directory, and the
    folder of the file where there is none.  It refuses a file without both parts, so the one
    that has clips stands for the other.
    """
    for path in folder.glob(f"labels/*/*/{NAMES}"):
        path.unlink()
    only, any_part = next(iter(parts.items()))
    names = "".join(
        f"  {number - 1}: {json.dumps(name)}\n"
        for name, number in category_ids(any_part[0].masks).items()
    )
    images = {part: f"images/{part if part in parts else only}" for part in (TRAIN, VAL)}
    text = f"train: {images[TRAIN]}\nval: {images[VAL]}\nnames:\n{names}"
    (folder / NAMES).write_text(text, encoding="utf-8")


def _is_exported(path: Path) -> bool:
    """Whether a path is of an earlier data set: only what this module names is at the top."""
    files = {f"{TRAIN}.txt", f"{VAL}.txt", NAMES}
    folders = {TRAIN, VAL, "annotations", "labels", "images"}
    return path.name in (folders if path.is_dir() else files)
