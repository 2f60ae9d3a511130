"""Which format a file is of, where nobody says.

Enters: a path.  Leaves: the name of a format.  Only what tells formats apart is read.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from vseg.errors import BadExchange, BadImage, UsageError
from vseg.exchange.formats import FORMATS
from vseg.interfaces.mask_format import LOSS_REPORT, SIDECAR
from vseg.io.archive import unpacked
from vseg.io.files import check_no_pipe, is_hidden
from vseg.io.image_files import image_head
from vseg.io.json_stream import JsonStream
from vseg.io.xml_stream import XmlStream

_MOTS_COLUMNS = 6
_OWN = ("annotations", "labels", "images")
_SINGLE = (".xml", ".json", ".parquet")
"""Of a folder, what may be the one file with masks, with images beside it."""
_FOLDERS = {
    "annotations/instances_*.json": "datumaro",
    "labels/*.json": "fiftyone",
    "*/*.png": "png",
    "*.png": "davis",
    "*.json": "labelme",
    "*.txt": "yolo-track",
    "*.mkv": "ffv1",
    "*.mov": "prores",
}
"""What a folder holds and its format, the first that fits."""


def guess_format(path: Path) -> str:
    """The name of the format.  Raises UsageError where it cannot be told, BadExchange where
    nothing is there.
    """
    if not path.exists():
        raise BadExchange(f"{path} does not exist", hint="check the path")
    try:
        with unpacked(path, suffix=None, own=_OWN) as content:
            found = _of_folder(content) if content.is_dir() else _of_file(content)
    except OSError as error:
        reason = f"cannot read {error.filename or path!s:.120}: {error.strerror or error}"
        raise BadExchange(reason, hint="check the path") from error
    if found is None:
        raise UsageError(
            f"which format {path} is of cannot be told",
            hint=f"say it: --format {'|'.join(sorted(FORMATS))}",
        )
    return found


def _of_file(path: Path) -> str | None:
    kinds: dict[str, Callable[[Path], str | None]] = {
        ".xml": _of_xml,
        ".json": _of_json,
        ".txt": _of_text,
        ".csv": _of_text,
        ".parquet": lambda _: "parquet",
        ".mcap": lambda _: "mcap",
    }
    check_no_pipe(path)
    kind = kinds.get(path.suffix.lower())
    return kind(path) if kind is not None else None


def _of_folder(path: Path) -> str | None:
    inside = [file for file in sorted(path.iterdir()) if file.suffix in _SINGLE]
    inside = [file for file in inside if file.name not in (LOSS_REPORT, SIDECAR)]
    inside = [file for file in inside if not is_hidden(file.name)]
    single = _of_file(inside[0]) if len(inside) == 1 else None
    if single is not None:
        return single
    for pattern, name in _FOLDERS.items():
        found = (file for file in path.glob(pattern) if _is_shown(path, file))
        first = next(found, None)
        if first is not None:
            return _of_labels(first) if pattern == "*.png" else name
    return None


def _is_shown(folder: Path, file: Path) -> bool:
    return not any(map(is_hidden, file.relative_to(folder).parts))


def _of_labels(path: Path) -> str:
    try:
        mode = image_head(path).mode
    except BadImage:
        return "davis"  # whose reader says what is wrong with the file
    return "mots-png" if mode.startswith("I") else "davis"


def _of_xml(path: Path) -> str | None:
    kinds = {"track": "cvat", "image": "cvat-images"}
    tags = (element.tag for element in XmlStream(path, frozenset({"meta"})))
    return next((kinds[tag] for tag in tags if tag in kinds), None)


def _of_json(path: Path) -> str | None:
    with closing(JsonStream(path)) as stream:
        if stream.peek() == "[":
            return _of_tasks(stream)
        for key in stream.members():
            if key in ("masklet", "masklet_id"):
                return "sav"
            if key == "frames":
                return "fiftyone"
            if key == "images":
                return "coco"
            if key == "annotations" and stream.peek() == "[":
                for _ in stream.elements():
                    first = stream.value()
                    per_object = isinstance(first, dict) and "segmentations" in first
                    return "ytvis" if per_object else "coco"
            else:
                stream.skip()
    return None


def _of_tasks(stream: JsonStream) -> str | None:
    for _ in stream.elements():
        first = stream.value()
        data = first.get("data") if isinstance(first, dict) else None
        of_image = isinstance(data, dict) and "image" in data
        return "label-studio-images" if of_image else "label-studio"
    return None


def _of_text(path: Path) -> str | None:
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        line = next((text for text in handle if text.strip()), "")
    if "," not in line and len(line.split()) == _MOTS_COLUMNS:
        return "mots"
    return "mot" if line else None
