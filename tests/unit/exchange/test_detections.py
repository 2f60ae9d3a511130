"""Detections files of the three formats give the same table; a wrong row is named with its
value.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detection_files import ROWS, VIDEO, WRITERS, changed, mot, written
from vseg.errors import BadDetections, ExitCode, NoDetections
from vseg.exchange.detections import read_detections
from vseg.types import VideoInfo


@pytest.mark.parametrize("kind", WRITERS)
def test_the_frames_of_a_file(tmp_path: Path, kind: str) -> None:
    table = read_detections(WRITERS[kind](tmp_path), VIDEO)
    assert (len(table), [len(table.on(frame)) for frame in range(5)]) == (3, [2, 0, 0, 1, 0])
    found = table.on(0)
    np.testing.assert_allclose(found.boxes, [[4.0, 6.0, 24.0, 16.0], [30.0, 8.0, 39.0, 17.5]])
    np.testing.assert_allclose(found.scores, [0.9, 0.5])
    assert (found.labels.tolist(), found.masks) == ([2, 2], None)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("rows", "at", "said"),
    [
        (changed(1, x=float("nan")), 1, "box nan,8,nan,17.5 has a value that is not a number"),
        (changed(1, w=-3.0), 1, "box 30,8,27,17.5 is empty or inverted"),
        (changed(2, score=1.5), 2, "score 1.5 is outside"),
        (changed(2, score=float("nan")), 2, "score nan is outside"),
        (changed(0, frame=2), 1, "frame {0} comes after frame {2}"),
        (
            changed(2, frame=10),
            2,
            "frame {10} is past the end: clip.mp4 has frames {0} to {9}",
        ),
        (changed(1, x=64.0), 1, "lies outside the 64x48 frame"),
    ],
)
def test_a_wrong_row_is_named(
    tmp_path: Path, kind: str, rows: list[Any], at: int, said: str
) -> None:
    path = WRITERS[kind](tmp_path, rows)
    row = f"line {at + 1}" if kind == "mot" else f"row {at}"
    with pytest.raises(BadDetections) as refused:
        read_detections(path, VIDEO, strict=True)
    assert refused.value.message.startswith(f"{path}, {row}: "), refused.value.message
    first = 1 if kind == "mot" else 0
    named = re.sub(r"\{(\d+)\}", lambda found: str(int(found[1]) + first), said)
    assert named in refused.value.message and refused.value.hint


@pytest.mark.parametrize("kind", WRITERS)
def test_an_id_twice_on_a_frame_is_wrong_where_ids_are_kept(tmp_path: Path, kind: str) -> None:
    path = WRITERS[kind](tmp_path, changed(1, id=5))
    assert len(read_detections(path, VIDEO, strict=True)) == 3, "ids that are not used"
    with pytest.raises(BadDetections, match=r"id 5 stands on frame [01] already, at .* [01]"):
        read_detections(path, VIDEO, keep_ids=True)


@pytest.mark.parametrize(
    ("kind", "number", "said"),
    [
        ("mot", 2**31, "line 1: its id is not a whole number from 1 to"),
        ("mot", 2**70, "line 1: its id is not"),
        ("mot", 0, "line 1: its id is not"),
        ("coco", 2**70, "row 0: its id is not"),
        ("coco", "a", "row 0: its id is not"),
        ("coco", True, "row 0: its id is not"),
        ("parquet", 2**40, "row 0: its id is not"),
    ],
)
def test_an_id_that_cannot_be_kept(tmp_path: Path, kind: str, number: Any, said: str) -> None:
    path = WRITERS[kind](tmp_path, changed(0, id=number))
    assert len(read_detections(path, VIDEO)) == 3
    with pytest.raises(BadDetections, match=said):
        read_detections(path, VIDEO, keep_ids=True)


def test_rows_without_an_id_are_skipped_where_ids_are_kept(tmp_path: Path) -> None:
    path = mot(tmp_path, changed(1, id=-1))
    table = read_detections(path, VIDEO, keep_ids=True)
    assert table.ids_on(0).tolist() == [5] and "1 of 3 rows skipped (no id" in table.changes[0]
    with pytest.raises(BadDetections, match="no row has an id"):
        read_detections(mot(tmp_path, [(*row[:1], -1, *row[2:]) for row in ROWS]), VIDEO,
                        keep_ids=True)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "1,2,3\n", "line 1: 3 columns"),
        ("a.txt", "1,-1,x,2,5,5,0.5\n", "line 1: could not convert"),
        ("a.txt", "1.5,-1,2,2,5,5,0.5\n", "line 1: frame 1.5"),
        ("a.txt", "1,nan,2,2,5,5,0.5\n", "line 1: frame 1, id nan"),
        ("a.json", "[1", "is not JSON"),
        ("a.json", '[{"image_id": 0, "score": "high"}]', "row 0: score = 'high'"),
        ("a.json", '[{"image_id": 0, "score": 0.5}]', "row 0: neither bbox nor segmentation"),
        ("a.json", '{"images": [], "annotations": [{"image_id": 4, "score": 1}]}', "row 0"),
        ("a.parquet", "text", "is not a Parquet file"),
        ("a.xml", "", "not read from '.xml'"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = written(tmp_path / name, content)
    with pytest.raises(BadDetections, match=r".+") as refused:
        read_detections(path, VIDEO)
    assert str(path) in refused.value.message and said in refused.value.message


def test_a_missing_file_and_a_missing_column(tmp_path: Path) -> None:
    with pytest.raises(BadDetections, match="cannot read"):
        read_detections(tmp_path / "no.txt", VIDEO)
    pq.write_table(pa.table({"frame": [1]}), tmp_path / "a.parquet")
    with pytest.raises(BadDetections, match="no column 'x1'"):
        read_detections(tmp_path / "a.parquet", VIDEO)
    text = {"frame": [1], "x1": ["a"], "y1": [1.0], "x2": [2.0], "y2": [2.0], "score": [0.5]}
    pq.write_table(pa.table(text), tmp_path / "b.parquet")
    with pytest.raises(BadDetections, match="column 'x1' holds string"):
        read_detections(tmp_path / "b.parquet", VIDEO)


def test_one_row_that_cannot_be_read_costs_one_row(tmp_path: Path) -> None:
    lines = ["1,-1,4,6,20,10,0.9", "2,-1,x,6,20,10,0.9", "3,-1,4,6,20,10,0.9", "4,-1,4"]
    lines = ["frame,id,bb_left,bb_top,bb_width,bb_height,conf", *lines, "5,-1,4,6,20,10,0.9"]
    path = written(tmp_path / "det.txt", "\n".join(lines))
    table = read_detections(path, VIDEO)
    assert table.frames.tolist() == [0, 2, 4]
    assert table.changes == (
        "det.txt: 2 of 5 rows skipped (not readable; the first is line 3: could not convert "
        "string to float: 'x')",
    )
    with pytest.raises(BadDetections, match="line 3: could not convert"):
        read_detections(path, VIDEO, strict=True)
    ones = np.ones(4)
    columns = {"frame": [0.0, None, 2.5, 3.0], "x1": ones, "y1": ones, "x2": ones * 9}
    gaps = columns | {"y2": [9.0, 9.0, 9.0, 9.0], "score": ones, "id": [1, None, 2, 3]}
    pq.write_table(pa.table(gaps), tmp_path / "gaps.parquet")
    table = read_detections(tmp_path / "gaps.parquet", VIDEO)
    assert (table.frames.tolist(), table.ids.tolist()) == ([0, 3], [1, 3])
    assert (
        "2 of 4 rows skipped (not readable; the first is row 1: frame is" in table.changes[0]
    )


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", ""), ("a.txt", "\ufeff\r\n"), ("a.json", "[]")]
)
def test_a_file_without_rows(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(NoDetections, match="holds no detection") as refused:
        read_detections(written(tmp_path / name, content), VIDEO)
    assert refused.value.exit_code == ExitCode.PARTIAL


def test_a_file_without_a_row_that_can_be_used(tmp_path: Path) -> None:
    with pytest.raises(
        NoDetections, match=r"1 of 1 rows skipped \(past the last frame; line 1"
    ):
        read_detections(written(tmp_path / "a.txt", "65,-1,5,5,20,20,0.9"), VIDEO)


def test_a_live_source_has_no_end(tmp_path: Path) -> None:
    live = VideoInfo("0", 48, 64, None, None)
    assert len(read_detections(mot(tmp_path, changed(2, frame=999)), live)) == 3


MESSY = [
    "\ufeff2,-1,4,6,20,10,0.9,1",
    "1,-1,4,6,20,0,0.9,1",
    "0,-1,4,6,20,10,-1",
    "3,-1,-4,6,20,10,0.9,1",
    "3,-1,-40,6,20,10,0.9,1",
    "4,-1,4,6,20,10,0.5,1",
    "5,-1,4,6,20,10,0.5,1",
]


def test_a_wrong_row_costs_one_row_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("\r\n".join(MESSY), newline="")
    table = read_detections(path, VIDEO)
    assert table.frames.tolist() == [0, 2, 3, 4, 5]
    assert (table.on(0).scores.tolist(), table.on(3).boxes.tolist()) == (
        [1],
        [[-4, 6, 16, 16]],
    )
    (note,) = table.changes
    for part in (
        "det.txt: frames counted from 0 (1 of 7 rows on frame 0; line 3)",
        "rows sorted by frame (2 of 7 rows out of order; the first is line 2)",
        "1 of 7 rows with the score -1 (unknown) taken as 1 (line 3)",
        "1 of 7 rows skipped (zero area; line 2)",
        "1 of 7 rows skipped (outside the frame; line 5)",
    ):
        assert part in note
    with pytest.raises(BadDetections, match="frames counted from 0"):
        read_detections(path, VIDEO, strict=True)


def test_a_file_that_is_wrong_for_the_most_part_is_refused(tmp_path: Path) -> None:
    rows = [*changed(0, x=90.0)[:1], *changed(1, x=90.0)[1:2], ROWS[2]]
    with pytest.raises(BadDetections, match=r"line 1: box .* lies outside"):
        read_detections(mot(tmp_path, rows), VIDEO)


SIDE = st.integers(-70, 70)


ROW = st.tuples(
    st.integers(-1, 12), st.just(-1), SIDE, SIDE, SIDE, SIDE, st.sampled_from([-1, 0.5, 2]),
    st.just(1),
)  # fmt: skip


@settings(max_examples=30)
@given(st.lists(ROW, min_size=1, max_size=8))
def test_what_is_read_is_right(rows: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        path = mot(Path(folder), rows)
        try:
            table = read_detections(path, VIDEO)
        except BadDetections:
            return
    table.check(VIDEO)
    assert 2 * len(table) >= len(rows)
    assert (table.boxes[:, :2] < (64, 48)).all() and (table.boxes[:, 2:] > 0).all()
    assert len(table) == len(rows) or "skipped" in table.changes[0]


@pytest.mark.parametrize("kind", WRITERS)
def test_boxes_in_shares_of_the_frame_are_refused(tmp_path: Path, kind: str) -> None:
    rows = [(f, i, x / 64, y / 48, w / 64, h / 48, s, c) for f, i, x, y, w, h, s, c in ROWS]
    with pytest.raises(BadDetections, match="shares of the frame, not pixels"):
        read_detections(WRITERS[kind](tmp_path, rows), VIDEO)


def test_scores_in_percent_are_said(tmp_path: Path) -> None:
    with pytest.raises(NoDetections, match="scale scores to 0 to 1"):
        read_detections(mot(tmp_path, [(*row[:6], 90, 2) for row in ROWS]), VIDEO)
