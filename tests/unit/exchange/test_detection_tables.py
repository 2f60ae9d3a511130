"""Tables of detections: columns that a first line names, words as labels, and where frames
count from.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.detection_files import ROWS, VIDEO, parquet, written
from vseg.errors import BadDetections
from vseg.exchange.detections import read_detections


def test_one_frame_0_does_not_shift_a_file_that_counts_from_1(tmp_path: Path) -> None:
    rows = ["0,-1,4,6,20,10,0.9", *(f"{n},-1,4,6,20,10,0.9" for n in range(1, 11))]
    table = read_detections(written(tmp_path / "a.txt", "\n".join(rows)), VIDEO)
    assert table.frames.tolist() == list(range(10))
    assert "1 of 11 rows skipped (before the first frame; line 1)" in table.changes[0]


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("frame,x1,y1,x2,y2,score,class", "{f},{x},{y},{x2},{y2},{s},{c}"),
        ("Frame; track_id; xmin; ymin; xmax; ymax; conf", "{n};{i};{x};{y};{x2};{y2};{s}"),
        ("score\tclass\tframe\tcx\tcy\tw\th", "{s}\t{c}\t{f}\t{cx}\t{cy}\t{w}\t{h}"),
        (
            "frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z",
            "{n},{i},{x},{y},{w},{h},{s},-1,-1,-1",
        ),
        ("# frame, id, l, t, w, h, s", "{n}, {i}, {x}, {y}, {w}, {h}, {s}"),
    ],
)
def test_the_first_line_names_the_columns(tmp_path: Path, head: str, row: str) -> None:
    every = [(f, *ROWS[0][1:]) for f in range(10)]
    lines = [
        row.format(f=f, n=f + 1, i=i, x=x, y=y, w=w, h=h, s=s, c=c)
        if "{x2}" not in row and "{cx}" not in row
        else row.format(
            f=f,
            n=f + 1,
            i=i,
            x=x,
            y=y,
            w=w,
            h=h,
            s=s,
            c=c,
            x2=x + w,
            y2=y + h,
            cx=x + w / 2,
            cy=y + h / 2,
        )
        for f, i, x, y, w, h, s, c in every
    ]
    table = read_detections(written(tmp_path / "a.csv", "\n".join([head, *lines])), VIDEO)
    assert table.frames.tolist() == list(range(10))
    assert table.boxes.tolist() == [[4.0, 6.0, 24.0, 16.0]] * 10
    assert table.scores.tolist() == [0.9] * 10


def test_a_first_line_without_a_box_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "frame,score,x1,y1\n1,0.5,3,4\n")
    with pytest.raises(BadDetections, match="line 1: the first line names"):
        read_detections(path, VIDEO)


def test_decimal_commas_are_no_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "1;1;4,5;6,5;20;10;0,9\n" * 3)
    with pytest.raises(BadDetections, match="'4,5'"):
        read_detections(path, VIDEO)


def test_a_table_that_counts_from_1(tmp_path: Path) -> None:
    rows = [(f, *ROWS[0][1:]) for f in range(1, 11)]
    table = read_detections(parquet(tmp_path, rows), VIDEO)
    assert table.frames.tolist() == list(range(10))
    assert "frames counted from 1" in table.changes[0]


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_labels_of_a_table_in_words(tmp_path: Path, kind: str) -> None:
    path = parquet(tmp_path)
    words = pa.array(
        ["dog", None, "cat"], pa.large_string() if kind[0] == "l" else pa.string()
    )
    words = words.dictionary_encode() if kind == "dictionary" else words
    table = pq.read_table(path)
    at = table.column_names.index("label")
    pq.write_table(table.set_column(at, "label", words), path)
    found = read_detections(path, VIDEO)
    assert found.labels.tolist() == [1, -1, 0]
    assert not found.changes
