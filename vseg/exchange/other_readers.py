"""Other packages that read a format, asked for what they find in a file.

Enters: a file or folder, and how many masks vseg found in it.  Leaves: the packages that are
installed and found as many.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from vseg.errors import BadExchange
from vseg.exchange.label_files import numbered_files
from vseg.io.files import is_hidden, real_path
from vseg.io.json_stream import top_level_items

_FAILURES: tuple[type[Exception], ...] = (
    TypeError,
    ValueError,
    KeyError,
    IndexError,
    OSError,
    AttributeError,
)
"""With what readers end that expect a file of their format."""
_IGNORED = 10
"""The class of regions in MOTS that are no object."""
_CLIP = "clip"


@dataclass(frozen=True, slots=True)
class OtherReader:
    """package: which reads, with `module` of it.  count: the masks with a pixel that it finds;
    None for a file of a kind that it does not take.
    """

    package: str
    module: str
    count: Callable[[Path, Any], int | None]


def checked_by(path: Path, format_name: str, expected: int) -> tuple[str, ...]:
    """The packages that read the file too, with their versions.

    Raises BadExchange where one cannot, or finds another number of masks.
    """
    checks = (_checked(reader, path, expected) for reader in _READERS.get(format_name, ()))
    return tuple(name for name in checks if name is not None)


def _checked(reader: OtherReader, path: Path, expected: int) -> str | None:
    try:
        module = import_module(reader.module)
    except ImportError:
        return None
    failures = _FAILURES + _own_failures(module)
    try:
        found = reader.count(path, module)
    except failures as error:
        raise BadExchange(f"{reader.package} cannot read {path}: {error}") from error
    if found is None:
        return None
    if found != expected:
        raise BadExchange(
            f"{reader.package} finds {found} masks in {path}, and {expected} are there"
        )
    return f"{reader.package} {metadata.version(reader.package)}"


def _own_failures(module: Any) -> tuple[type[Exception], ...]:
    utils = getattr(module, "utils", None)
    return (utils.TrackEvalException,) if utils is not None else ()


def _decoded(rows: Callable[[Path], Iterator[Any]]) -> Callable[[Path, Any], int | None]:
    """Counts the run lengths of a file that decode to a mask."""

    def count(path: Path, decoder: Any) -> int | None:
        if not path.is_file() or path.suffix == ".zip":
            return None
        found = 0
        for number, row in enumerate(rows(path)):
            try:
                runs = row
                if isinstance(row["counts"], list):
                    runs = decoder.frPyObjects(row, *row["size"])
                found += int(decoder.area(runs) > 0)
            except _FAILURES as error:
                raise ValueError(f"mask {number}: {error}") from error
        return found

    return count


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
                *_, kind, height, width, counts = line.split()
                if int(kind) != _IGNORED:
                    yield {"size": [int(height), int(width)], "counts": counts}


def _label_images(path: Path, _: Any) -> int | None:
    """Values besides background and void."""
    return _in_images(path, lambda values: values[(values > 0) & (values < 254)])


def _mots_images(path: Path, _: Any) -> int | None:
    return _in_images(path, lambda values: values[(values > 0) & (values // 1000 != _IGNORED)])


def _in_images(path: Path, objects: Callable[[np.ndarray], np.ndarray]) -> int | None:
    if not path.is_dir():
        return None
    found = 0
    for _, file in numbered_files(path, ".png"):
        with Image.open(file) as image:
            found += len(objects(np.unique(np.asarray(image)).astype(np.int64)))
    return found


def _object_images(path: Path, _: Any) -> int | None:
    if not path.is_dir():
        return None
    found = 0
    files = sorted(path.glob("*/*.png"))
    for file in (each for each in files if not is_hidden(each.name)):
        with Image.open(file) as image:
            found += int(np.asarray(image).any())
    return found


def _evaluated(name: str) -> Callable[[Path, Any], int | None]:
    """Counts what TrackEval reads as truth of a file of text, whose frames count from 1."""

    def count(path: Path, trackeval: Any) -> int | None:
        if not path.is_file() or path.suffix == ".zip":
            return None
        lines = path.read_text(encoding="utf-8-sig").replace(",", " ").splitlines()
        frames = [int(float(line.split()[0])) for line in lines if line.strip()]
        if not frames or min(frames) < 1:
            return None
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            tracks = folder / "trackers" / "vseg"
            for place in (folder / "gt", tracks):
                place.mkdir(parents=True)
                (place / f"{_CLIP}.txt").symlink_to(real_path(path))
            return _boxes_or_masks(
                trackeval,
                name,
                GT_FOLDER=str(folder / "gt"),
                TRACKERS_FOLDER=str(tracks.parent),
                SEQ_INFO={_CLIP: max(frames)},
                GT_LOC_FORMAT="{gt_folder}/{seq}.txt",
                SKIP_SPLIT_FOL=True,
            )

    return count


def _davis(path: Path, trackeval: Any) -> int | None:
    files = [file for _, file in numbered_files(path, ".png")] if path.is_dir() else []
    if not files:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for place in (folder / "gt" / _CLIP, folder / "trackers" / "vseg" / _CLIP):
            place.mkdir(parents=True)
            for file in files:
                # TrackEval takes every file in a folder for a frame.
                (place / file.name).symlink_to(real_path(file))
        return _boxes_or_masks(
            trackeval,
            "DAVIS",
            GT_FOLDER=str(folder / "gt"),
            TRACKERS_FOLDER=str(folder / "trackers"),
            SEQ_INFO={_CLIP: len(files)},
            MAX_DETECTIONS=0,
        )


def _boxes_or_masks(trackeval: Any, name: str, **config: Any) -> int:
    kind = getattr(trackeval.datasets, name)
    defaults = kind.get_default_dataset_config()
    fixed = {"TRACKER_SUB_FOLDER": "", "PRINT_CONFIG": False}
    with redirect_stdout(io.StringIO()):
        dataset = kind({**defaults, **fixed, **config})
        raw = dataset.get_raw_seq_data("vseg", _CLIP)
    return sum(len(of_frame) for of_frame in raw["gt_dets"])


def _reads_runs(rows: Callable[[Path], Iterator[Any]]) -> OtherReader:
    return OtherReader("pycocotools", "pycocotools.mask", _decoded(rows))


def _reads_text(name: str) -> OtherReader:
    return OtherReader("trackeval", "trackeval", _evaluated(name))


def _reads_images(count: Callable[[Path, Any], int | None]) -> OtherReader:
    return OtherReader("pillow", "PIL", count)


_READERS: MappingProxyType[str, tuple[OtherReader, ...]] = MappingProxyType(
    {
        "coco": (_reads_runs(_of_coco),),
        "ytvis": (_reads_runs(_of_ytvis),),
        "ytvis-gt": (_reads_runs(_of_ytvis),),
        "sav": (_reads_runs(_of_sav),),
        "mots": (_reads_runs(_of_mots), _reads_text("MOTSChallenge")),
        "mot": (_reads_text("MotChallenge2DBox"),),
        "davis": (
            _reads_images(_label_images),
            OtherReader("trackeval", "trackeval", _davis),
        ),
        "mots-png": (_reads_images(_mots_images),),
        "png": (_reads_images(_object_images),),
    }
)
