"""COCO files of detections: which frame an image is, and masks in each form."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.detection_files import VIDEO, dataset, written
from vseg.errors import BadDetections
from vseg.exchange.detections import read_detections
from vseg.ops.rle import encode_rle
from vseg.types import MaskCrop, VideoInfo


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


SQUARE = [4.0, 6.0, 24.0, 6.0, 24.0, 16.0, 4.0, 16.0]


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


def test_an_image_that_cannot_be_read_costs_its_rows(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "1.png"}, {"id": None}, {"id": 3, "file_name": "3.png"}]
    rows = [{"image_id": n, "bbox": [1, 2, 3, 4], "score": 1.0} for n in (1, 2, 3)]
    table = read_detections(dataset(tmp_path, *rows, images=images), VIDEO)
    assert table.frames.tolist() == [0, 2]
    assert "1 of 3 images skipped (image 1: " in table.changes[0]


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
