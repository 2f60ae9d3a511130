"""Detections made elsewhere: a file in, checked boxes or masks by frame out.

`detection_table` holds and checks them; `mot`, `coco` and `parquet` read their formats.
"""

from pathlib import Path

from vseg.errors import BadDetections
from vseg.exchange.detection_table import DetectionTable
from vseg.types import VideoInfo

__all__ = ["DetectionTable", "read_detections"]


def read_detections(path: Path, video: VideoInfo) -> DetectionTable:
    """The detections in a file, for the frames of one video.

    `.txt` and `.csv`: MOTChallenge rows; `.json`: COCO results; `.parquet`: a table.  Raises
    BadDetections naming the row and the value that is wrong, or the file where it cannot be
    read.
    """
    try:
        table = _read(path, video)
    except (OSError, UnicodeDecodeError) as error:
        raise BadDetections(f"cannot read {path}: {error}", hint="check the path") from error
    table.check(video)
    return table


def _read(path: Path, video: VideoInfo) -> DetectionTable:
    kind = path.suffix.lower()
    if kind in (".txt", ".csv"):
        from vseg.exchange.mot import read_mot

        return read_mot(path)
    if kind == ".json":
        from vseg.exchange.coco import read_coco

        return read_coco(path, video)
    if kind == ".parquet":
        from vseg.exchange.parquet import read_parquet

        return read_parquet(path)
    raise BadDetections(
        f"{path}: detections are not read from '{kind or 'a file without an ending'}'",
        hint="give a MOTChallenge .txt, COCO results .json or .parquet file",
    )
