"""Detections made elsewhere: a file in, checked boxes or masks by frame out.

`detection_table` holds and checks them, `detection_repair` mends them; `mot`, `coco_results`
and `parquet` read their formats.
"""

from dataclasses import replace
from pathlib import Path

from vseg.errors import BadDetections
from vseg.exchange.detection_repair import repair
from vseg.exchange.detection_table import DetectionTable
from vseg.types import VideoInfo

__all__ = ["DetectionTable", "read_detections"]


def read_detections(path: Path, video: VideoInfo, *, strict: bool = False) -> DetectionTable:
    """The detections in a file, for the frames of one video.

    `.txt` and `.csv`: MOTChallenge rows; `.json`: COCO results; `.parquet`: a table.  A wrong
    row is skipped or mended, and the table's changes count what was done; with `strict`, and
    where more than half of the rows are wrong, it is refused.  Raises BadDetections naming the
    row and the value that is wrong, or the file where it cannot be read.
    """
    try:
        table = _read(path, video)
    except (OSError, UnicodeDecodeError) as error:
        raise BadDetections(f"cannot read {path}: {error}", hint="check the path") from error
    if strict:
        if table.changes:
            raise BadDetections(
                f"{path}: {table.changes[0]}", hint="mend the file, or leave out --strict"
            )
        table.check(video)
        return table
    total = len(table)
    table = repair(table, video)
    table.check(video)
    if not table.changes:
        return table
    note = f"{path.name}, {total} rows: {', '.join(table.changes)}"
    return replace(table, changes=(note,))


def _read(path: Path, video: VideoInfo) -> DetectionTable:
    kind = path.suffix.lower()
    if kind in (".txt", ".csv"):
        from vseg.exchange.mot import read_mot

        return _from_zero(read_mot(path))
    if kind == ".json":
        from vseg.exchange.coco_results import read_coco

        return read_coco(path, video)
    if kind == ".parquet":
        from vseg.exchange.parquet import read_parquet

        return read_parquet(path)
    raise BadDetections(
        f"{path}: detections are not read from '{kind or 'a file without an ending'}'",
        hint="give a MOTChallenge .txt, COCO results .json or .parquet file",
    )


def _from_zero(table: DetectionTable) -> DetectionTable:
    """A MOTChallenge table whose file holds frame 0 counts from 0, not from 1."""
    early = table.frames == -1
    if not early.any():
        return table
    table = table.noted("frames counted from 0 ({} on frame 0; {})", early)
    return replace(table, frames=table.frames + 1)
