"""Detections files of each format with the same rows, and of COCO."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vseg.types import VideoInfo

VIDEO = VideoInfo("clip.mp4", 48, 64, Fraction(25), 10)
ROWS = [(0, 5, 4.0, 6.0, 20.0, 10.0, 0.9, 2), (0, 7, 30.0, 8.0, 9.0, 9.5, 0.5, 2)]
ROWS += [(3, 5, 6.0, 6.0, 20.0, 10.0, 1.0, 2)]


def mot(folder: Path, rows: list[Any] | None = None) -> Path:
    lines = [
        f"{f + 1},{i},{x},{y},{w},{h},{s},{c},-1,-1" for f, i, x, y, w, h, s, c in rows or ROWS
    ]
    return written(folder / "det.txt", "\n".join(lines) + "\n")


def coco(folder: Path, rows: list[Any] | None = None, **more: Any) -> Path:
    entries = [
        {"image_id": f, "track_id": i, "bbox": [x, y, w, h], "score": s, "category_id": c}
        | more
        for f, i, x, y, w, h, s, c in rows or ROWS
    ]
    return written(folder / "found.json", json.dumps(entries))


def parquet(folder: Path, rows: list[Any] | None = None) -> Path:
    f, i, x, y, w, h, s, c = (np.array(column) for column in zip(*(rows or ROWS), strict=True))
    columns = {"frame": f, "id": i, "x1": x, "y1": y, "x2": x + w, "y2": y + h}
    pq.write_table(pa.table(columns | {"score": s, "label": c}), folder / "found.parquet")
    return folder / "found.parquet"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


WRITERS = {"mot": mot, "coco": coco, "parquet": parquet}


def changed(row: int, **columns: Any) -> list[Any]:
    names = ("frame", "id", "x", "y", "w", "h", "score", "label")
    rows = [dict(zip(names, values, strict=True)) for values in ROWS]
    rows[row] |= columns
    return [tuple(each.values()) for each in rows]


IMAGES = [{"id": number + 1, "file_name": f"f_{number:03d}.PNG"} for number in range(10)]


def dataset(folder: Path, *rows: Any, images: Any = IMAGES) -> Path:
    return written(
        folder / "coco.json", "\ufeff" + json.dumps({"images": images, "annotations": rows})
    )
