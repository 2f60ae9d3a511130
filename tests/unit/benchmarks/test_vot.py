"""The VOT job: regions in text, the toolkit's rule of frames, and the whole job where the
toolkit's environment is there.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.vot.agreement import davis_rows, overlap_row, read_frames, vots_rows
from benchmarks.vot.regions import ABSENT, EMPTY_MASK, line_of, mask_of, prompt_of
from benchmarks.vot.sequences import (
    blank_missed_lines,
    blank_slivers,
    object_names,
    starts_late,
    write_vots,
)
from benchmarks.vot.spoiled_masks import NUM_FRAMES, write_spoiled
from vseg import Box, Mask, Points, Polygon
from vseg.metrics.annotations import LabelFolder

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = "VSEG_VOT_ENVIRONMENT"


def test_masks_survive_as_lines() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        height, width = rng.integers(1, 12, 2).tolist()
        mask = np.asarray(rng.random((height, width)) < rng.random())
        line = line_of(mask, EMPTY_MASK)
        assert np.array_equal(mask_of(line, mask.shape), mask)
    assert line_of(np.zeros((3, 4), dtype=bool)) == ABSENT
    assert (
        line_of(np.array([[0, 0, 0], [0, 1, 1], [0, 0, 1]], dtype=bool)) == "m1,1,2,2,0,2,1,1"
    )


def test_a_mask_beyond_the_image_is_cut_off() -> None:
    whole = mask_of("m-1,-1,3,3,0,9", (4, 5))
    assert np.argwhere(whole).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_every_kind_of_region_is_a_prompt() -> None:
    mask = prompt_of("m1,1,2,1,0,2", (4, 5))
    assert isinstance(mask, Mask)
    point = prompt_of("3,4", (9, 9))
    assert isinstance(point, Points) and point.xy.tolist() == [[3, 4]]
    assert prompt_of("1,2,3,4", (9, 9)) == Box(1, 2, 4, 6)
    assert isinstance(prompt_of("1,1,6,1,6,6,1,6", (9, 9)), Polygon)
    with pytest.raises(ValueError, match="no region"):
        prompt_of("0", (9, 9))


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("spoiled")
    write_spoiled(root)
    return root


def test_the_names_that_the_toolkit_gives(spoiled: Path) -> None:
    leaves, late = (
        list(LabelFolder.open(spoiled / "Annotations" / n)) for n in ("leaves", "late")
    )
    assert object_names(leaves) == {1: "object1", 2: "object2"}
    assert (starts_late(leaves), starts_late(late)) == (False, True)


def test_a_binary_object_is_named_by_its_value(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(tmp_path / "00000.png")
    assert object_names(list(LabelFolder.open(tmp_path))) == {1: "object255"}


def test_ground_truth_of_vots_has_empty_masks(spoiled: Path, tmp_path: Path) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / "davis" / kind).mkdir(parents=True)
        (tmp_path / "davis" / kind / "480p").symlink_to(spoiled / kind)
    write_vots(["leaves"], tmp_path / "davis", tmp_path / "vots")
    lines = (tmp_path / "vots" / "leaves" / "groundtruth_object2.txt").read_text().splitlines()
    assert len(lines) == NUM_FRAMES and lines.count(EMPTY_MASK) == 14
    assert len(list((tmp_path / "vots" / "leaves" / "color").iterdir())) == NUM_FRAMES


def test_slivers_are_blanked_as_the_toolkit_reads_them(spoiled: Path) -> None:
    kept = spoiled / "replay"
    assert blank_slivers(kept) == 2
    assert blank_slivers(kept) == 0
    sliver = np.asarray(Image.open(kept / "leaves" / "obj0" / "00010.png"))
    assert not sliver.any()


def test_lines_that_miss_are_blanked_as_the_toolkit_counts_them(
    spoiled: Path, tmp_path: Path
) -> None:
    for number in (1, 2):
        kept = spoiled / "replay" / "leaves" / f"obj{number - 1}"
        (tmp_path / f"{number:03d}").symlink_to(kept)
    labels = list(LabelFolder.open(spoiled / "Annotations" / "leaves"))
    assert blank_missed_lines(tmp_path, labels) == 1
    assert blank_missed_lines(tmp_path, labels) == 0


def test_differences_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "frames.csv"
    with path.open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(
            ["clip", "object", "frame", "counted", "true_area", "pred_area", "j", "f"]
        )
        # The first frame is 1 whatever it scored; the frame without the object does not count.
        table.writerows([["a", 1, 0, 1, 9, 9, 0.2, 0.2], ["a", 1, 1, 1, 9, 9, 0.5, 0.7]])
        table.writerow(["a", 1, 2, 1, 0, 9, 0.0, 0.0])
    frames = read_frames(path)
    rows = list(davis_rows("x", [[[0.8]], [[0.75]], [[0.9]]], frames))
    assert [row.difference for row in rows] == pytest.approx([0, 0, 0.05])
    told = [[[[["object1", [0.0, 0.4, 0.0], [0, 1, 2]]]]]]
    row = overlap_row("x", told, ["a"], {"a": {1: "object1"}}, frames)
    assert row.difference == pytest.approx(0.1)
    assert row.frames == 1
    presence = {"accuracy": 0.5, "robustness": 1.0, "nre": 0.0, "dre": 0.1, "adq": None}
    answers = [[[0.5]], [[0.5, 1.0, [1.0, 0.5]]], [[0.0, 0.0, None]]]
    found = {row.measure: row.difference for row in vots_rows("x", answers, 0.5, presence)}
    assert found == {"quality": 0, "accuracy": 0, "robustness": 0, "NRE": 0, "DRE": 0.1}


@pytest.mark.slow
def test_the_toolkit_agrees_with_eval() -> None:
    """The job on its small clip; making the environment takes minutes and a network, so one
    that is there must be named.
    """
    environment = os.environ.get(ENVIRONMENT)
    if environment is None or not (Path(environment) / "bin" / "vot").is_file():
        pytest.skip(f"{ENVIRONMENT} names no environment; benchmarks/vot/job.py makes one")
    done = subprocess.run(
        [sys.executable, "benchmarks/vot/job.py", "--environment", environment],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("spoiled ") == 13
