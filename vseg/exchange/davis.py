"""DAVIS: a folder of palette PNGs, one for each frame; a pixel's value is its object's id.

0 is background.  254 and 255 are void in evaluators' code or notes, so ids end at 253.  A
pixel has room for one object: where masks overlap, the higher score wins, then the lower id,
and loss_report.json says what each object lost; it exists only if something was lost.  Format:
Pont-Tuset et al., The 2017 DAVIS Challenge, 2017.
"""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vseg.errors import OutputError
from vseg.frame_masks import FrameMasks
from vseg.io.files import atomic_path, atomic_write_text
from vseg.ops.colours import davis_palette
from vseg.results.run import Run

MAX_OBJECT_ID = 253
LOSS_REPORT = "loss_report.json"


def write_davis(run: Run, out: Path) -> None:
    """Write `out`/00000.png and so on, named by frame number.

    Raises OutputError if an object id exceeds 253 or a write is refused.
    """
    too_high = [each.id for each in run.objects if each.id > MAX_OBJECT_ID]
    if too_high:
        raise OutputError(
            f"object {too_high[0]} does not fit a DAVIS label file, whose ids end at "
            f"{MAX_OBJECT_ID}",
            hint="export to coco, or track with lower ids",
        )
    palette = davis_palette().tobytes()
    pixels_lost: Counter[int] = Counter()
    frames_with_loss: Counter[int] = Counter()
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        for masks in run:
            labels, lost = flatten(masks)
            pixels_lost.update(lost)
            frames_with_loss.update(lost.keys())
            _write_png(unfinished / f"{masks.frame_index:05d}.png", labels, palette)
        if pixels_lost:
            report = _loss_report(pixels_lost, frames_with_loss)
            atomic_write_text(unfinished / LOSS_REPORT, report)
        _publish(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def flatten(masks: FrameMasks) -> tuple[UInt8[np.ndarray, "H W"], dict[int, int]]:
    """One label per pixel, and the pixels each object lost to another (only those that
    lost).
    """
    labels = np.zeros((masks.height, masks.width), dtype=np.uint8)
    scores = dict(zip(masks, masks.scores.tolist(), strict=True))
    for object_id in sorted(masks, key=lambda i: (scores[i], -i)):
        crop = masks.crop(object_id)
        x1, y1, x2, y2 = crop.xyxy
        labels[y1:y2, x1:x2][crop.mask] = object_id
    kept = np.bincount(labels.ravel(), minlength=256)
    lost = {i: masks.area(i) - int(kept[i]) for i in masks}
    return labels, {object_id: pixels for object_id, pixels in lost.items() if pixels}


def _write_png(path: Path, labels: UInt8[np.ndarray, "H W"], palette: bytes) -> None:
    image = Image.fromarray(labels)
    image.putpalette(palette)
    with atomic_path(path) as part:
        image.save(part, format="PNG")


def _publish(folder: Path, out: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.replace(out)
    except OSError as error:
        raise OutputError(
            f"cannot write {out}: {error.strerror}", hint="name another folder with -o"
        ) from error


def _loss_report(pixels: Counter[int], frames: Counter[int]) -> str:
    report = {
        "format": "davis",
        "reason": "overlapping masks: the higher score wins, then the lower id",
        "objects": [
            {"object_id": id_, "pixels_lost": pixels[id_], "frames": frames[id_]}
            for id_ in sorted(pixels)
        ],
    }
    return json.dumps(report, indent=2) + "\n"
