"""Clips of DAVIS trees as the VOT toolkit reads them: in DAVIS' layout and in VOTS' own.

Enters: clips.  Leaves: folders of images and of ground truth in text.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from benchmarks.shared import ClipFolders
from benchmarks.vot.regions import EMPTY_MASK, line_of
from vseg.metrics.annotations import LabelFolder, LabelFrame, read_labels

RESOLUTION = "480p"


def write_davis(clips: Sequence[ClipFolders], root: Path, num_frames: int | None) -> None:
    """DAVIS' layout, its first `num_frames` frames."""
    for clip in clips:
        for kind, source in (("JPEGImages", clip.images), ("Annotations", clip.truth)):
            folder = root / kind / RESOLUTION / clip.name
            folder.mkdir(parents=True)
            for path in sorted(source.iterdir())[:num_frames]:
                shutil.copyfile(
                    path, folder / path.name
                )  # vseg follows no link out of a folder
    listed = root / "ImageSets" / "2017"
    listed.mkdir(parents=True)
    (listed / "val.txt").write_text("".join(f"{clip.name}\n" for clip in clips))


def davis_truth(root: Path, clip: str) -> Path:
    """The annotation of a clip that `write_davis` wrote."""
    return root / "Annotations" / RESOLUTION / clip


def write_vots(clips: Sequence[str], davis: Path, root: Path) -> None:
    """VOTS' layout of clips that `write_davis` wrote: a text file for each object, where an
    absent one has an empty mask, and a tag on the frames that count: all but the first.
    """
    for clip in clips:
        folder = root / clip
        (folder / "color").mkdir(parents=True)
        images = sorted((davis / "JPEGImages" / RESOLUTION / clip).iterdir())
        for number, path in enumerate(images, 1):
            (folder / "color" / f"{number:08d}.jpg").symlink_to(path.resolve())
        labels = list(LabelFolder.open(davis_truth(davis, clip)))
        for object_id, name in object_names(labels).items():
            lines = [line_of(label.mask(object_id), EMPTY_MASK) for label in labels]
            _write(folder / f"groundtruth_{name}.txt", lines)
        # The toolkit asks for void pixels where frames are tagged: there are none.
        _write(folder / "groundtruth__ignore.txt", ["0"] * len(labels))
        _write(folder / "evaluation.tag", ["0", *["1"] * (len(labels) - 1)])
        _write(folder / "sequence", ["format=default", f"name={clip}", "fps=24"])
    _write(root / "list.txt", list(clips))


def object_names(labels: Sequence[LabelFrame]) -> dict[int, str]:
    """The toolkit's names of the objects by id, in the order in which it asks for them."""
    first: dict[int, int] = {}
    for label in labels:
        for object_id in label.object_ids:
            first.setdefault(object_id, label.index)
    ordered = sorted(first, key=lambda object_id: (first[object_id], object_id))
    # The toolkit reads values, where a binary mask (0 and 255) is object 1 here.
    return {one: f"object{int(_value(labels, one))}" for one in ordered}


def starts_late(labels: Sequence[LabelFrame]) -> bool:
    """Whether an object is not on the first frame: VOTS knows no such objects."""
    return set(object_names(labels)) != set(labels[0].object_ids)


def blank_slivers(kept: Path) -> int:
    """Empty the masks in a folder that are one pixel wide, as the toolkit does when it reads
    them; how many.
    """
    slivers = 0
    for path in kept.rglob("*.png"):
        stored = read_labels(path)[1]
        if _is_line(np.asarray(stored.any(axis=0))):
            _blank(path, stored)
            slivers += 1
    return slivers


def blank_missed_lines(pred: Path, labels: Sequence[LabelFrame]) -> int:
    """Empty the masks of a clip, in folders by object id, that are one pixel high and miss the
    object: the toolkit calls these absent where it counts lost frames; how many.
    """
    missed = 0
    for folder in pred.iterdir():
        for label in labels:
            path = folder / label.path.name
            stored = read_labels(path)[1]
            touches = bool((stored[label.mask(int(folder.name))] > 0).any())
            if _is_line(np.asarray(stored.any(axis=1))) and not touches:
                _blank(path, stored)
                missed += 1
    return missed


def _is_line(occupied: Bool[np.ndarray, " N"]) -> bool:
    return int(np.count_nonzero(occupied)) == 1


def _blank(path: Path, stored: UInt8[np.ndarray, "H W"]) -> None:
    Image.fromarray(np.zeros_like(stored)).save(path)


def _value(labels: Sequence[LabelFrame], object_id: int) -> int:
    shown = next(label for label in labels if object_id in label.object_ids)
    stored = read_labels(shown.path)[1]
    return int(np.max(stored[shown.mask(object_id)]))


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n")
