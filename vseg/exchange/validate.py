"""Whether a file is what other programs take for its format.

Enters: a file or folder.  Leaves: what is in it, read by the format's own reader and, where it
is installed, by the package that most programs read the format with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vseg.errors import BadExchange
from vseg.exchange.read_masks import read_masks
from vseg.io.json_stream import top_level_items
from vseg.types import VideoInfo

_PACKAGE = "pycocotools"


@dataclass(frozen=True, slots=True)
class FoundMasks:
    """frames, masks: how many.  objects: ids and labels.  unnamed: masks without an id.
    checked_by: the other package that read the file too, with its version, or None.
    """

    frames: int
    masks: int
    objects: dict[int, str | None]
    unnamed: int
    checked_by: str | None


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
    checked_by = None
    if format_name in _RUN_LENGTHS and path.is_file():
        checked_by = _decoded_by_pycocotools(_RUN_LENGTHS[format_name](path), count)
    return FoundMasks(frames, count, objects, unnamed, checked_by)


def _decoded_by_pycocotools(rows: Iterator[Any], expected: int) -> str | None:
    """Decode every run length; None without the package."""
    try:
        decoder = import_module("pycocotools.mask")
    except ImportError:
        return None
    found = 0
    for number, row in enumerate(rows):
        try:
            runs = row
            if isinstance(row["counts"], list):
                runs = decoder.frPyObjects(row, *row["size"])
            found += int(decoder.area(runs) > 0)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise BadExchange(f"{_PACKAGE} cannot decode mask {number}: {error}") from error
    if found != expected:
        raise BadExchange(f"{_PACKAGE} decodes {found} masks, and {expected} are there")
    return f"{_PACKAGE} {metadata.version(_PACKAGE)}"


def _of_coco(path: Path) -> Iterator[Any]:
    rows = (row["segmentation"] for row in top_level_items(path, "annotations"))
    return (row for row in rows if isinstance(row, dict))


def _of_ytvis(path: Path) -> Iterator[Any]:
    for row in top_level_items(path, "annotations"):
        yield from (each for each in row["segmentations"] if each is not None)


def _of_sav(path: Path) -> Iterator[Any]:
    for row in top_level_items(path, "masklet"):
        yield from (each for each in row if each is not None)


def _of_mots(path: Path) -> Iterator[Any]:
    with path.open(encoding="ascii") as handle:
        for line in handle:
            if line.strip():
                *_, height, width, counts = line.split()
                yield {"size": [int(height), int(width)], "counts": counts}


_RUN_LENGTHS: MappingProxyType[str, Callable[[Path], Iterator[Any]]] = MappingProxyType(
    {
        "coco": _of_coco,
        "ytvis": _of_ytvis,
        "ytvis-gt": _of_ytvis,
        "sav": _of_sav,
        "mots": _of_mots,
    }
)
