"""Scores by size of the object and by attribute.

Enters: a DatasetScore, and attributes of clips or of single objects.  Leaves: rows for a
table.  Sizes are the object's true area on each frame, by COCO's limits; attributes are those
of a file, as data sets publish them, and `reappears`, which the annotation itself shows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vseg.errors import BadDataset
from vseg.metrics.jf_scores import DatasetScore, Measures, ObjectScore

_SMALL_BELOW = 32**2
_LARGE_FROM = 96**2
"""COCO's limits of area, in pixels (https://cocodataset.org/#detection-eval)."""

REAPPEARS = "reappears"
"""The attribute of an object that is absent and comes back (MOSE calls it DR)."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One size or attribute: J and F over its frames, or over its objects."""

    name: str
    num_objects: int
    num_frames: int
    j: float
    f: float

    @property
    def jf(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2


Attributes = Mapping[str, Mapping[int | None, frozenset[str]]]
"""By clip, and in it by object; None: of all its objects."""


def size_rows(score: DatasetScore) -> list[GroupRow]:
    """Means over all counted frames on which the object is small, medium or large, or absent.

    A frame weighs the same in whatever clip it is; sizes without a frame are left out.
    """
    objects = [one for clip in score.sequences for one in clip.objects]
    limits = {
        "small": (1, _SMALL_BELOW),
        "medium": (_SMALL_BELOW, _LARGE_FROM),
        "large": (_LARGE_FROM, None),
        "absent": (0, 1),
    }
    rows = []
    for name, (least, below) in limits.items():
        chosen = [_frames_between(one, least, below) for one in objects]
        num_frames = int(sum(np.count_nonzero(frames) for frames in chosen))
        if not num_frames:
            continue
        pairs = list(zip(objects, chosen, strict=True))
        j = np.concatenate([one.curve.j[frames] for one, frames in pairs])
        f = np.concatenate([one.curve.f[frames] for one, frames in pairs])
        num_objects = sum(bool(frames.any()) for frames in chosen)
        rows.append(GroupRow(name, num_objects, num_frames, float(j.mean()), float(f.mean())))
    return rows


def attribute_rows(score: DatasetScore, attributes: Attributes) -> list[GroupRow]:
    """Means over the objects that have each attribute, sorted by name.

    Raises BadDataset for an attribute of a clip or an object that was not scored.
    """
    _check_known(score, attributes)
    groups: dict[str, list[ObjectScore]] = {}
    for clip in score.sequences:
        given = attributes.get(clip.clip, {})
        for one in clip.objects:
            names = given.get(None, frozenset()) | given.get(one.object_id, frozenset())
            for name in names | ({REAPPEARS} if _reappears(one) else set()):
                groups.setdefault(name, []).append(one)
    return [_group(name, groups[name]) for name in sorted(groups)]


def read_attributes(path: Path) -> Attributes:
    """Attributes of a JSON file: {"clip": ["OCC", "FM"]}, or of its objects {"clip": {"1":
    ["OCC"]}}.  Raises BadDataset for another shape.
    """
    try:
        stored = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadDataset(f"{path}: {reason}", hint=_SHAPE) from error
    if not isinstance(stored, dict):
        raise BadDataset(f"{path} holds no object of clips", hint=_SHAPE)
    return {clip: _of_clip(path, clip, given) for clip, given in stored.items()}


_SHAPE = 'write {"clip": ["OCC", "FM"]}, or {"clip": {"1": ["OCC"]}} for single objects'


def _of_clip(path: Path, clip: str, given: Any) -> Mapping[int | None, frozenset[str]]:
    rows: dict[int | None, Any] = {None: given}
    if isinstance(given, dict):
        if not all(key.isdecimal() for key in given):
            raise BadDataset(f"{path}: clip '{clip}' has a key that is no id", hint=_SHAPE)
        rows = {int(key): names for key, names in given.items()}
    for names in rows.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BadDataset(f"{path}: clip '{clip}' has no list of words", hint=_SHAPE)
    return {key: frozenset(names) for key, names in rows.items()}


def _check_known(score: DatasetScore, attributes: Attributes) -> None:
    objects = {clip.clip: {one.object_id for one in clip.objects} for clip in score.sequences}
    if attributes and not attributes.keys() & objects.keys():
        raise BadDataset(
            "the attributes are of none of the scored clips",
            hint=f"scored: {', '.join(list(objects)[:8])}",
        )
    for clip in attributes.keys() & objects.keys():
        unknown = sorted(one for one in attributes[clip] if one is not None)
        unknown = [one for one in unknown if one not in objects[clip]]
        if unknown:
            raise BadDataset(
                f"attributes of object {unknown[0]} of clip '{clip}', which was not scored",
                hint=f"scored objects: {', '.join(map(str, sorted(objects[clip])))}",
            )


def _frames_between(one: ObjectScore, least: int, below: int | None) -> np.ndarray:
    area = one.curve.true_area
    inside = area >= least
    if below is not None:
        inside &= area < below
    return np.asarray(inside & one.curve.counted)


def _reappears(one: ObjectScore) -> bool:
    present = one.curve.true_area > 0
    seen = np.cumsum(present) > 0
    return bool((seen[:-1] & ~present[:-1] & present[1:]).any())


def _group(name: str, objects: list[ObjectScore]) -> GroupRow:
    mean = Measures.mean([one.measures for one in objects])
    num_frames = sum(one.num_frames for one in objects)
    return GroupRow(name, len(objects), num_frames, mean.j_mean, mean.f_mean)
