"""Images whose masks have names: what the word head learns from, and which are kept out of
training.

Enters: dataset zips (`vseg.training.data.dataset_zip`), one of which holds `labels.json`: the
category of every mask id of every image, "*" standing for all of them.  Leaves: named images,
assigned to training, tuning or held-out images by their names.

What may count as "not there" differs.  COCO samples name every object of COCO's categories, so
that all else is background.  The other sets mark one object or a few and leave others without
a mask: of their images only what lies inside a marked box is known.
"""

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8
from pydantic import TypeAdapter, ValidationError

from vseg.errors import BadDataset
from vseg.io.archive import DAMAGE
from vseg.training.data.dataset_zip import ZippedClip, load_dataset

ANY = "object"
GROUPS = {
    "animal": "animal bear bird cat cow dog elephant giraffe horse sheep zebra",
    "vehicle": "airplane bicycle boat bus car motorcycle train truck",
    "food": "apple banana broccoli cake carrot donut orange pizza sandwich",
}
"""Words of several categories; too few of any one of them (but cars) to be learned alone."""

_EXHAUSTIVE = "still/coco_mix/"
# Masks of people, where a wide mask mostly holds a group.
_MERGED = "still/human290/"
# In the clips, though not in COCO, the masks of these take in who rides.
_RIDDEN = frozenset({"motorcycle", "horse"})
_CLIP_STEP = 8  # frames; nearer ones show the same
Part = Literal["train", "tune", "held"]


@dataclass(frozen=True, slots=True)
class NamedImage:
    """image: RGB.  ids: of objects, 0 background.  words: by id, empty where an object has no
    name.

    exhaustive: whether everything that has one of the words is marked.
    """

    name: str
    image: UInt8[np.ndarray, "H W 3"]
    ids: UInt8[np.ndarray, "H W"]
    words: Mapping[int, frozenset[str]]
    exhaustive: bool


def part_of(name: str) -> Part:
    """The part that an image belongs to, by a hash of its own name; only COCO's are ever kept
    out of training.

    held: a fifth, for the figures in the model card.  tune: a tenth, to choose thresholds.
    """
    stem = name.rpartition("/")[2]
    if not name.startswith("still/coco"):
        return "train"
    bucket = int(hashlib.sha256(stem.encode()).hexdigest(), 16) % 10
    return "held" if bucket < 2 else "tune" if bucket == 2 else "train"


def words_of(category: str) -> frozenset[str]:
    """The category itself and the groups it belongs to."""
    groups = {group for group, members in GROUPS.items() if category in members.split()}
    return frozenset({category, ANY, *groups})


def load_named(zips: Sequence[Path]) -> tuple[NamedImage, ...]:
    """All images of the dataset zips, sorted by name; a mask without a label is an object
    without a name.

    Raises BadDataset if no zip holds `labels.json`, or if that is malformed.
    """
    labels = _labels(zips)
    clips = {clip.name: clip for path in zips for clip in _all_clips(path)}
    named = []
    for name, clip in sorted(clips.items()):
        for k in range(0, len(clip.images), _CLIP_STEP):
            key = name if name.startswith("still/") else f"{name}/{k:05d}"
            named.append(_named(name, clip, k, labels.get(key, {})))
    return tuple(image for image in named if image.words)


def _all_clips(path: Path) -> tuple[ZippedClip, ...]:
    dataset = load_dataset(path)
    return dataset.videos + dataset.stills


def _labels(zips: Sequence[Path]) -> dict[str, dict[str, str]]:
    for path in zips:
        if not zipfile.is_zipfile(path):
            continue
        try:
            with zipfile.ZipFile(path) as archive:
                if "labels.json" in archive.namelist():
                    return _read_labels(path, archive.read("labels.json"))
        except DAMAGE as error:
            raise BadDataset(f"labels.json in {path} cannot be read: {error}") from error
    raise BadDataset(
        f"no labels.json in {', '.join(map(str, zips))}",
        hint="give --data the zip that names the masks too",
    )


def _read_labels(path: Path, stored: bytes) -> dict[str, dict[str, str]]:
    try:
        return TypeAdapter(dict[str, dict[str, str]]).validate_json(stored)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(map(str, first["loc"]))
        raise BadDataset(
            f"labels.json in {path} is wrong{f' at {place}' if place else ''}: {first['msg']}",
            hint='it maps each image to its ids: {"still/a": {"1": "car"}, "video/b/00000": '
            '{"*": "dog"}}',
        ) from error


def _named(name: str, clip: ZippedClip, k: int, labels: Mapping[str, str]) -> NamedImage:
    ids = clip.masks[k]
    words: dict[int, frozenset[str]] = {}
    for i in np.unique(ids).tolist():
        category = labels.get(str(i), labels.get("*"))
        if i in (0, 255) or (category in _RIDDEN and name.startswith("video/")):
            continue
        _, _, w, h = cv2.boundingRect((ids == i).astype(np.uint8))
        if name.startswith(_MERGED) and w > h:
            continue  # mostly a group in one mask
        words[i] = frozenset() if category is None else words_of(category)
    return NamedImage(name, clip.images[k], ids, words, name.startswith(_EXHAUSTIVE))
