"""`vseg track --detections`: boxes in, masklets out; what ends it loses nothing; bad files are
named.
"""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.scenes import drawn_scene
from tests.unit.cli.conftest import SCENE, Workplace, call, files_of
from vseg.build import open_run
from vseg.ops.rle import encode_rle
from vseg.types import MaskCrop

pytestmark = pytest.mark.integration

FRAMES = SCENE.num_frames


@pytest.fixture(scope="module")
def truth() -> list[np.ndarray]:
    scene = drawn_scene(SCENE)
    return [scene.truth(index) for index in range(FRAMES)]


@pytest.fixture(scope="module")
def boxes(truth: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """True boxes of both objects, none on frames 40 to 44."""
    lines = []
    for index, labels in enumerate(truth):
        for object_id in (1, 2):
            x, y, w, h = MaskCrop.of(labels == object_id).xywh
            if w and not 40 <= index < 45:
                lines.append(f"{index + 1},-1,{x},{y},{w},{h},0.99,{object_id}")
    path = tmp_path_factory.mktemp("boxes") / "det.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def reference(
    workplace: Workplace, boxes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("detected") / "run"
    answer = call(*words(workplace, boxes, out))
    assert answer.exit_code == 0, answer.stderr
    return out


def words(workplace: Workplace, boxes: Path, out: Path) -> list[object]:
    return ["track", workplace.clip, "-o", out, "--detections", boxes, *workplace.settings]


def test_every_detected_object_becomes_a_masklet(reference: Path) -> None:
    run = open_run(reference)
    assert (run.header.status, len(run)) == ("complete", FRAMES)
    assert [each.id for each in run.objects][:2] == [1, 2]
    born = [event for event in run.events if event.kind == "created"]
    assert [(event.frame, event.object_id) for event in born][:2] == [(0, 1), (0, 2)]
    assert run.prompts == []
    assert len(str(run.header.options["detections"])) == 64


@pytest.mark.slow
def test_an_interrupted_run_resumes_to_the_same_bits(
    workplace: Workplace, boxes: Path, tmp_path: Path, reference: Path
) -> None:
    started = [str(word) for word in words(workplace, boxes, tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-m", "vseg", *started], stdout=subprocess.PIPE, text=True
    )
    while not (tmp_path / "run" / "masks" / "shard-000001.parquet").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate()
    (line,) = [line for line in stdout.splitlines() if line.startswith("resume with: ")]
    assert call(*shlex.split(line.removeprefix("resume with: "))[1:]).exit_code == 0
    assert files_of(tmp_path / "run") == files_of(reference)


def test_masks_as_detections(
    workplace: Workplace, truth: list[np.ndarray], tmp_path: Path
) -> None:
    rows = []
    for index in range(8):
        runs = encode_rle(MaskCrop.of(truth[index] == 1), 72, 120)
        mask = {"size": [72, 120], "counts": runs}
        rows.append({"image_id": index, "category_id": 1, "score": 1.0, "segmentation": mask})
    (tmp_path / "found.json").write_text(json.dumps(rows))
    command = words(workplace, tmp_path / "found.json", tmp_path / "run")
    assert call(*command, "--range", "0:8").exit_code == 0
    run = open_run(tmp_path / "run")
    assert np.array_equal(run[0][1], truth[0] == 1), "a given mask stands as it is"
    assert run[0].sources == ("prompt",)


@pytest.mark.parametrize(
    ("line", "more", "exit_code", "said"),
    [
        ("65,-1,5,5,20,20,0.9,1", [], 4, "1 of 1 rows skipped (past the last frame; line 1)"),
        ("65,-1,5,5,20,20,0.9,1", ["--strict"], 3, "line 1: frame 65 is past the end"),
        ("1,-1,5,5,nan,20,0.9,1", ["--strict"], 3, "line 1: box 5,5,nan,25"),
        ("1,-1,5,5,20,20,9,1", ["--strict"], 3, "score 9 is outside [0, 1]"),
        ("", [], 4, "holds no detection"),
        ("1,-1,5,5,20,20,0.9,1", ["--keep-ids"], 3, "no row has an id"),
        ("1,-1,5,5,20,20,0.9,1", ["--point", "5,5"], 2, "beside detections"),
    ],
)
def test_a_wrong_file_leaves_nothing_behind(
    workplace: Workplace, tmp_path: Path, line: str, more: list[str], exit_code: int, said: str
) -> None:
    (tmp_path / "det.txt").write_text(line + "\n")
    answer = call(*words(workplace, tmp_path / "det.txt", tmp_path / "run"), *more)
    assert (answer.exit_code, said in answer.stderr) == (exit_code, True), answer.stderr
    assert not (tmp_path / "run").exists()


def test_detections_on_one_frame_hold_where_the_detector_ran_once(
    workplace: Workplace, truth: list[np.ndarray], tmp_path: Path
) -> None:
    x, y, w, h = MaskCrop.of(truth[0] == 1).xywh
    (tmp_path / "one.txt").write_text(f"1,-1,{x},{y},{w},{h},0.9,1\n")
    command = (*words(workplace, tmp_path / "one.txt", tmp_path / "run"), "--range", "0:12")
    without = call(*command, "--json")
    (warning,) = json.loads(without.stdout)["warnings"]
    typed = re.search(r"--detector-every N \((\d+) if on one frame only", warning["hint"])
    assert typed, warning
    for every in (typed[1], "1000"):
        held = call(*command, "--overwrite", "--detector-every", every, "--json")
        assert held.exit_code == 0, held.stderr
        (tracked,) = open_run(tmp_path / "run").objects
        assert (tracked.first_frame, tracked.last_frame) == (0, 11)


def test_the_ids_of_the_file_are_kept_where_asked(
    workplace: Workplace, truth: list[np.ndarray], tmp_path: Path
) -> None:
    lines = []
    for index in (0, 1, 2, 9, 10):
        for object_id, name in ((1, 70), (2, 20)):
            x, y, w, h = MaskCrop.of(truth[index] == object_id).xywh
            lines.append(f"{index + 1},{name},{x},{y},{w},{h},0.4,{object_id}")
    (tmp_path / "ids.txt").write_text("\n".join(lines))
    command = words(workplace, tmp_path / "ids.txt", tmp_path / "run")
    kept = call(*command, "--range", "0:12", "--keep-ids", "--json")
    assert kept.exit_code == 0, kept.stderr
    assert [each.id for each in open_run(tmp_path / "run").objects] == [20, 70]
    assert not any("--keep-ids" in note for note in json.loads(kept.stdout)["notes"])
    lines = [line.replace(",0.4,", ",0.99,") for line in lines]
    (tmp_path / "ids.txt").write_text("\n".join(lines))
    made = call(*command, "--range", "0:3", "--overwrite", "--json")
    assert [each.id for each in open_run(tmp_path / "run").objects] == [1, 2]
    notes = json.loads(made.stdout)["notes"]
    assert any("ids.txt has ids, which are not used (--keep-ids" in note for note in notes)
