"""Detections files of the three formats give the same table; a wrong row is named with its
value.
"""

import json
import re
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vseg.errors import BadDetections, ExitCode, NoDetections
from vseg.exchange.detections import read_detections
from vseg.ops.rle import encode_rle
from vseg.types import MaskCrop, VideoInfo

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


@pytest.mark.parametrize("kind", WRITERS)
def test_the_frames_of_a_file(tmp_path: Path, kind: str) -> None:
    table = read_detections(WRITERS[kind](tmp_path), VIDEO)
    assert (len(table), [len(table.on(frame)) for frame in range(5)]) == (3, [2, 0, 0, 1, 0])
    found = table.on(0)
    np.testing.assert_allclose(found.boxes, [[4.0, 6.0, 24.0, 16.0], [30.0, 8.0, 39.0, 17.5]])
    np.testing.assert_allclose(found.scores, [0.9, 0.5])
    assert (found.labels.tolist(), found.masks) == ([2, 2], None)


def changed(row: int, **columns: Any) -> list[Any]:
    names = ("frame", "id", "x", "y", "w", "h", "score", "label")
    rows = [dict(zip(names, values, strict=True)) for values in ROWS]
    rows[row] |= columns
    return [tuple(each.values()) for each in rows]


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


def test_ids_among_the_attributes_of_cvat(tmp_path: Path) -> None:
    rows = [
        {
            "image_id": 1,
            "bbox": [1, 2, 3, 4],
            "attributes": {"track_id": at, "occluded": False},
        }
        for at in (8, 3)
    ]
    table = read_detections(dataset(tmp_path, *rows), VIDEO, keep_ids=True)
    assert table.ids_on(0).tolist() == [8, 3]


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


def test_an_empty_segmentation_costs_its_mask_only(tmp_path: Path) -> None:
    rows = [
        {"image_id": 2, "score": 0.5, "segmentation": [SQUARE]},
        {"image_id": 3, "score": 0.5, "segmentation": [], "bbox": [1, 2, 3, 4]},
    ]
    table = read_detections(written(tmp_path / "a.json", json.dumps(rows)), VIDEO)
    masks = [table.on(frame).masks for frame in (2, 3)]
    assert masks[0] and masks[1] and (masks[0][0].area, masks[1][0].area) == (200, 0)
    assert (
        "1 of 2 rows with an empty segmentation: the box is used (row 1)" in table.changes[0]
    )


def test_masks_come_with_their_boxes(tmp_path: Path) -> None:
    mask = np.zeros((48, 64), dtype=bool)
    mask[10:20, 30:35] = True
    runs = {"size": [48, 64], "counts": encode_rle(MaskCrop.of(mask), 48, 64)}
    rows = [{"image_id": 2, "score": 0.5, "segmentation": runs}]
    path = written(tmp_path / "masks.json", json.dumps(rows))
    found = read_detections(path, VIDEO).on(2)
    assert found.boxes.tolist() == [[30, 10, 35, 20]] and found.masks is not None
    assert np.array_equal(found.masks[0].paste(48, 64), mask)
    rows[0]["segmentation"] = runs | {"size": [40, 64]}
    with pytest.raises(BadDetections, match="row 0: the mask is 64x40, the frame 64x48"):
        read_detections(written(path, json.dumps(rows)), VIDEO)


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


@settings(max_examples=30, deadline=None)
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


IMAGES = [{"id": number + 1, "file_name": f"f_{number:03d}.PNG"} for number in range(10)]
SQUARE = [4.0, 6.0, 24.0, 6.0, 24.0, 16.0, 4.0, 16.0]


def dataset(folder: Path, *rows: Any, images: Any = IMAGES) -> Path:
    return written(
        folder / "coco.json", "\ufeff" + json.dumps({"images": images, "annotations": rows})
    )


def test_a_dataset_without_frames_and_scores(tmp_path: Path) -> None:
    polygon = {"image_id": 1, "segmentation": [SQUARE]}
    box = {"image_id": 4, "segmentation": [], "bbox": [1, 2, 3, 4], "score": 0.5}
    broken = {"image_id": 99, "bbox": [1, 2, 3, 4]}
    table = read_detections(dataset(tmp_path, polygon, box, broken), VIDEO)
    assert (table.frames.tolist(), table.scores.tolist()) == ([0, 3], [1.0, 0.5])
    assert table.boxes.tolist() == [[4, 6, 24, 16], [1, 2, 4, 6]]
    (note,) = table.changes
    for part in (
        "10 images without frame_id placed by the numbers in their file names",
        "1 of 3 rows skipped (not readable; row 2: there is no image 99)",
        "1 of 3 rows without a score taken as 1 (row 0)",
        "1 of 3 rows with an empty segmentation: the box is used (row 1)",
    ):
        assert part in note
    with pytest.raises(BadDetections, match="row 2: there is no image 99"):
        read_detections(tmp_path / "coco.json", VIDEO, strict=True)


@pytest.mark.parametrize(
    "segmentation",
    [[SQUARE], {"size": [48, 64], "counts": [198, *[10, 38] * 19, 10, 48 * 64 - 198 - 922]}],
)
def test_a_mask_in_each_form(tmp_path: Path, segmentation: Any) -> None:
    rows = [{"image_id": 2, "score": 0.5, "segmentation": segmentation}]
    table = read_detections(written(tmp_path / "a.json", json.dumps(rows)), VIDEO)
    masks = table.on(2).masks
    assert masks is not None and (masks[0].xyxy, masks[0].area) == ((4, 6, 24, 16), 200)
    assert not table.changes


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["1.jpg", "3.jpg"], [0, 2]),
        (["0.jpg", "9.jpg"], [0, 9]),
        (["a.jpg", "b.jpg"], [4, 5]),
        (["17000400.jpg", "17000040.jpg"], [1, 0]),
        (["frame_3.jpg", "frame_10.jpg"], [2, 9]),
        (["frame_30.jpg", "frame_3.jpg"], [1, 0]),
    ],
)
def test_which_frame_an_image_is(tmp_path: Path, names: list[str], frames: list[int]) -> None:
    images = [{"id": 4 + at, "file_name": name} for at, name in enumerate(names)]
    rows = [{"image_id": 4 + at, "bbox": [1, 2, 3, 4]} for at in range(2)]
    table = read_detections(dataset(tmp_path, *rows, images=images), VIDEO)
    assert table.frames.tolist() == sorted(frames)


@pytest.mark.parametrize(
    ("ids", "frames"),
    [
        ((1, 10), (0, 9)),
        ((1, 2, 4), (0, 1, 3)),
        ((0, 2, 9), (0, 2, 9)),
        ((4, 8), (4, 8)),
        ((0, 1, 2, 10), (0, 1, 2)),
        ((2, 3, 10), (1, 2, 9)),
    ],
)
def test_where_image_ids_begin(
    tmp_path: Path, ids: tuple[int, ...], frames: tuple[int, ...]
) -> None:
    """A list of results, and a dataset whose images have neither frame_id nor number."""
    rows = [{"image_id": n, "bbox": [1, 2, 3, 4], "score": 1.0} for n in ids]
    table = read_detections(written(tmp_path / "a.json", json.dumps(rows)), VIDEO)
    assert tuple(table.frames) == frames
    if ids[-1] - frames[-1] == 1:
        assert "counted from 1" in table.changes[0]
    if len(ids) == len(frames):
        images = [{"id": n, "file_name": "image.png"} for n in ids]
        assert tuple(read_detections(dataset(tmp_path, *rows, images=images), VIDEO).frames) \
            == frames  # fmt: skip


def test_one_frame_0_does_not_shift_a_file_that_counts_from_1(tmp_path: Path) -> None:
    rows = ["0,-1,4,6,20,10,0.9", *(f"{n},-1,4,6,20,10,0.9" for n in range(1, 11))]
    table = read_detections(written(tmp_path / "a.txt", "\n".join(rows)), VIDEO)
    assert table.frames.tolist() == list(range(10))
    assert "1 of 11 rows skipped (before the first frame; line 1)" in table.changes[0]


def test_an_image_that_cannot_be_read_costs_its_rows(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "1.png"}, {"id": None}, {"id": 3, "file_name": "3.png"}]
    rows = [{"image_id": n, "bbox": [1, 2, 3, 4], "score": 1.0} for n in (1, 2, 3)]
    table = read_detections(dataset(tmp_path, *rows, images=images), VIDEO)
    assert table.frames.tolist() == [0, 2]
    assert "1 of 3 images skipped (image 1: " in table.changes[0]


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


def test_images_of_another_size_than_the_clip(tmp_path: Path) -> None:
    rows = [{"image_id": n, "bbox": [4, 6, 20, 10], "score": 0.9} for n in range(3)]
    images = [{"id": n, "frame_id": n, "width": 64, "height": 48} for n in range(3)]
    images[1] |= {"width": 1280, "height": 960}
    table = read_detections(dataset(tmp_path, *rows, images=images), VIDEO)
    assert table.frames.tolist() == [0, 2]
    assert "its image is 1280x960, the clip 64x48" in table.changes[0]


def test_json_that_is_nested_too_deep(tmp_path: Path) -> None:
    with pytest.raises(BadDetections, match="nested too deep"):
        read_detections(written(tmp_path / "deep.json", "[" * 100_000), VIDEO)


def test_json_with_a_number_of_thousands_of_digits(tmp_path: Path) -> None:
    text = '[{"image_id": ' + "9" * 5000 + "}]"
    with pytest.raises(BadDetections, match="is not JSON"):
        read_detections(written(tmp_path / "long.json", text), VIDEO)


@pytest.mark.parametrize("kind", WRITERS)
def test_boxes_in_shares_of_the_frame_are_refused(tmp_path: Path, kind: str) -> None:
    rows = [(f, i, x / 64, y / 48, w / 64, h / 48, s, c) for f, i, x, y, w, h, s, c in ROWS]
    with pytest.raises(BadDetections, match="shares of the frame, not pixels"):
        read_detections(WRITERS[kind](tmp_path, rows), VIDEO)


def test_scores_in_percent_are_said(tmp_path: Path) -> None:
    with pytest.raises(NoDetections, match="scale scores to 0 to 1"):
        read_detections(mot(tmp_path, [(*row[:6], 90, 2) for row in ROWS]), VIDEO)


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


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["frame_000001.jpg", "frame_000004.jpg", "frame_000010.jpg"], [0, 3, 9]),
        (["frame_0", "frame_2", "frame_9"], [0, 2, 9]),
        (["clip.0003", "clip.0004"], [3, 4]),
        (["a/b/img_7.PNG", 5], [5, 7]),
        ([f"t{1000 + 40 * n}" for n in range(10)], list(range(10))),
    ],
)
def test_image_ids_that_are_names(tmp_path: Path, names: list[Any], frames: list[int]) -> None:
    rows = [{"image_id": name, "bbox": [1, 2, 3, 4], "score": 1.0} for name in names]
    table = read_detections(written(tmp_path / "a.json", json.dumps(rows)), VIDEO)
    assert table.frames.tolist() == frames
    assert f"{len(names)} images placed by the numbers in the names" in table.changes[0]


@pytest.mark.parametrize("names", [["cat", "dog"], ["a_1", "b_1"], ["t100", "t140"]])
def test_names_that_tell_no_frame_refuse_the_file(tmp_path: Path, names: list[str]) -> None:
    rows = [{"image_id": name, "bbox": [1, 2, 3, 4], "score": 1.0} for name in names]
    with pytest.raises(BadDetections, match="do not tell the frames") as refused:
        read_detections(written(tmp_path / "a.json", json.dumps(rows)), VIDEO)
    assert "from 0, as image_id" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("files", "ids", "frames"),
    [
        (["cat", "dog", "eel"], ["eel", "cat.png"], [0, 2]),
        (["000100", "000101", "000102"], [102, 100], [0, 2]),
        (["000100", "000102"], [102], [1]),
    ],
)
def test_image_ids_that_are_files_of_the_clip(
    tmp_path: Path, files: list[str], ids: list[Any], frames: list[int]
) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    for name in files:
        written(folder / f"{name}.png", "")
    video = VideoInfo(str(folder), 48, 64, Fraction(25), len(files))
    rows = [{"image_id": name, "bbox": [1, 2, 3, 4], "score": 1.0} for name in ids]
    table = read_detections(written(tmp_path / "a.json", json.dumps(rows)), video)
    assert table.frames.tolist() == frames
    assert "by the names of the clip's files" in table.changes[0]
