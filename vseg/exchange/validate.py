"""Whether a file is what other programs take for its format.

Enters: a file or folder.  Leaves: what is in it, read by the format's own reader and, where it
is installed, by the packages that other programs read the format with.
"""

from dataclasses import dataclass
from pathlib import Path

from vseg.exchange.other_readers import checked_by
from vseg.exchange.read_masks import read_masks
from vseg.types import VideoInfo


@dataclass(frozen=True, slots=True)
class FoundMasks:
    """frames, masks: how many.  objects: ids and labels.  unnamed: masks without an id.
    checked_by: the other packages that read the file too, with their versions.
    """

    frames: int
    masks: int
    objects: dict[int, str | None]
    unnamed: int
    checked_by: tuple[str, ...]


def validate(path: Path, format_name: str, video: VideoInfo, name: str) -> FoundMasks:
    """Read everything.  Raises BadExchange naming what is wrong, and with whom."""
    with read_masks(path, format_name, video, name) as masks:
        frames = 0
        count = masks.unnamed
        for frame in masks:
            frames += 1
            count += int(frame.visible.sum())
        objects = {obj: masks.labels.get(obj) for obj in masks.object_ids}
        unnamed = masks.unnamed
    names = checked_by(path, format_name, count)
    return FoundMasks(frames, count, objects, unnamed, names)
