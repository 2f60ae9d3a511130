"""`vseg eval --metrics`: masks against folders, boxes against gt.txt, and what does not fit is
named.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.cli.conftest import call

BOXES: list[tuple[int, ...]] = [
    (frame, 7, 10 + 3 * frame, 10, 20, 20, 1, 1, 1) for frame in range(1, 11)
]
BOXES += [(frame, 9, 90 - 3 * frame, 50, 20, 20, 1, 1, 1) for frame in range(1, 11)]


def mot(path: Path, rows: list[tuple[int, ...]]) -> Path:
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def swapped(rows: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The two ids change places from frame 6 on."""
    return [(f, 16 - i if f > 5 else i, *rest) for f, i, *rest in rows]


def measures(gt: Path, pred: Path) -> dict[str, float]:
    answer = call("eval", "--gt", gt, "--pred", pred, "--metrics", "hota,idf1,mota", "--json")
    assert answer.exit_code == 0, answer.stderr
    told: dict[str, float] = json.loads(answer.stdout)["identities"][0]
    return told


def test_boxes_of_two_files(tmp_path: Path) -> None:
    gt = mot(tmp_path / "gt.txt", BOXES)
    same = measures(gt, mot(tmp_path / "same.txt", sorted(BOXES)))
    assert (same["HOTA"], same["IDF1"], same["MOTA"], same["IDSW"]) == (100, 100, 100, 0)
    other = measures(gt, mot(tmp_path / "swapped.txt", swapped(BOXES)))
    assert (other["frames"], other["IDF1"], other["MOTA"], other["IDSW"]) == (10, 50, 90, 2)


def test_true_rows_marked_0_do_not_count(tmp_path: Path) -> None:
    ignored: list[tuple[int, ...]] = [(f, 11, 40, 80, 9, 9, 0, 1, 1) for f in range(1, 11)]
    gt = mot(tmp_path / "gt.txt", BOXES + ignored)
    assert measures(gt, mot(tmp_path / "pred.txt", BOXES))["MOTA"] == 100


def labels(folder: Path, swap_from: int) -> Path:
    """Two squares that keep their places; their ids change places."""
    folder.mkdir(parents=True)
    for frame in range(6):
        ids = (1, 2) if frame < swap_from else (2, 1)
        full_image = np.zeros((40, 60), np.uint8)
        full_image[5:20, 5:20], full_image[20:35, 35:50] = ids
        image = Image.fromarray(full_image)
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        image.save(folder / f"{frame:05d}.png")
    return folder


def test_masks_of_two_folders(tmp_path: Path) -> None:
    gt = labels(tmp_path / "gt" / "clip", 9)
    pred = labels(tmp_path / "pred" / "clip", 3)
    told = measures(gt.parent, pred)
    assert (told["IDF1"], told["MOTA"], told["IDSW"]) == (50, 83.33, 2)
    answer = call("eval", "--gt", gt.parent, "--pred", pred, "--metrics", "jf,idf1")
    lines = answer.stdout.splitlines()
    assert lines[0].split()[:4] == ["clip", "object", "frames", "J&F"]
    assert lines[-3].split() == ["clip", "frames", "IDF1", "IDP", "IDR"]
    assert lines[-1].split() == ["all", "6", "50.00", "50.00", "50.00"]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["--metrics", "hota,speed"], 2, "unknown metric 'speed'"),
        ([], 2, "holds boxes, which have no J&F"),
        (["--metrics", "hota", "more.txt"], 2, "2 predictions for one"),
    ],
)
def test_what_cannot_be_scored(
    tmp_path: Path, words: list[str], exit_code: int, said: str
) -> None:
    gt = mot(tmp_path / "gt.txt", BOXES)
    answer = call("eval", "--gt", gt, "--pred", gt, *words)
    assert (answer.exit_code, said in answer.stderr) == (exit_code, True), answer.stderr


def test_one_image_is_no_ground_truth_of_a_clip(tmp_path: Path) -> None:
    gt = labels(tmp_path / "gt" / "clip", 9)
    answer = call("eval", "--gt", gt / "00000.png", "--pred", gt)
    assert (answer.exit_code, "00000.png is one image" in answer.stderr) == (2, True)


def test_detections_are_no_tracks(tmp_path: Path) -> None:
    gt = mot(tmp_path / "gt.txt", BOXES)
    pred = mot(tmp_path / "det.txt", [(1, -1, 1, 1, 5, 5, 1)])
    answer = call("eval", "--gt", gt, "--pred", pred, "--metrics", "hota")
    assert (answer.exit_code, "det.txt, line 1: a box without an id" in answer.stderr) == (
        3,
        True,
    )
    missing = call("eval", "--gt", gt, "--pred", tmp_path / "no.txt", "--metrics", "hota")
    assert (missing.exit_code, "cannot read" in missing.stderr) == (3, True)
