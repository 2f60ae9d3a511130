"""The benchmark of carried things: scenes with exact truth, measured as it says."""

import json
import runpy
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.carriers_scene import ARM, FRAMES, HEIGHT, WIDTH, Things, carried_scene
from benchmarks.carriers_scene import load_things as load
from vseg.errors import BadDataset

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "carriers.py"


def dataset(path: Path, *, side: int) -> Path:
    """A zip with one still of a disc."""
    labels = np.zeros((120, 160), np.uint8)
    cv2.circle(labels, (80, 60), side // 2, 1, -1)
    image = np.full((120, 160, 3), 90, np.uint8)
    image[labels == 1] = (20, 60, 220)
    with zipfile.ZipFile(path, "w") as archive:
        for suffix, pixels in ((".webp", image), (".png", labels)):
            archive.writestr(
                f"still/discs/0{suffix}", cv2.imencode(suffix, pixels)[1].tobytes()
            )
    return path


def things(tmp_path: Path) -> Things:
    return load([dataset(tmp_path / "pack.zip", side=70)])


def test_the_arm_comes_touches_and_goes(tmp_path: Path) -> None:
    frames = [true.labels for true in carried_scene(things(tmp_path), seed=2)]
    assert len(frames) == FRAMES and frames[0].shape == (HEIGHT, WIDTH)
    near = [
        bool(
            (
                cv2.dilate((labels == 1).astype(np.uint8), np.ones((3, 3))) & (labels == ARM)
            ).any()
        )
        for labels in frames
    ]
    assert not near[0] and not near[-1] and sum(near) > 20
    first, last = ((labels == 1).sum() for labels in (frames[0], frames[-1]))
    assert abs(int(first) - int(last)) < 0.1 * first, "the same thing, moved"
    moved = np.argwhere(frames[0] == 1).mean(axis=0) - np.argwhere(frames[-1] == 1).mean(
        axis=0
    )
    assert np.abs(moved).max() > 10


def test_a_scene_depends_on_its_seed_alone(tmp_path: Path) -> None:
    made = things(tmp_path)
    one, same, other = (next(carried_scene(made, seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.frame.image, same.frame.image)
    assert not np.array_equal(one.labels, other.labels)


def test_small_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="no thing of 2500 pixels"):
        load([dataset(tmp_path / "pack.zip", side=30)])


@pytest.mark.integration
def test_the_script_writes_a_row_for_each_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dataset(tmp_path / "pack.zip", side=70)
    out = tmp_path / "rows.json"
    small = ("--scenes", "1", "--frames", "3", "--prompts", "mask", "--short-sides", "64")
    switches = ("--without", "none", "coherent")
    arguments = ["carriers.py", "--data", str(path), *small, *switches, "--json", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    runpy.run_path(str(SCRIPT), run_name="__main__")
    rows = json.loads(out.read_text())
    assert [row["without"] for row in rows] == ["none", "coherent"]
    assert all(0 <= row["J"] <= 100 and 0 <= row["spill"] <= 100 for row in rows)
