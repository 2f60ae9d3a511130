"""`vseg distill` and what follows it, on the command line."""

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from tests import teacher_models
from tests.teacher_models import torchscript
from tests.unit.cli.conftest import Workplace, call

pytestmark = pytest.mark.integration

SMALL = """
batch = 2
crop = 64
scales = [1.0]
short_side = 64
[optimisation]
steps = 50
rate = 1e-3
dtype = "float32"
"""


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    torchscript(tmp_path / "teacher.ts")
    (tmp_path / "small.toml").write_text(SMALL)
    return tmp_path / "teacher.ts"


def test_a_video_and_a_teacher_give_an_encoder(workplace: Workplace, teacher: Path) -> None:
    student = teacher.with_name("student.safetensors")
    words = ["distill", teacher, student, "--data", workplace.clip, "--frames-per-clip", 2]
    words += ["--config", teacher.with_name("small.toml"), "--steps", 1]
    answer = call(*words, "--json")
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert (told["steps"], told["images"], told["start"]) == (1, 2, "nano")
    assert "student: 1/1" in answer.stderr
    with safe_open(student, framework="numpy") as file:
        assert file.metadata()["teacher_sha256"] == told["teacher_sha256"]
    again = call(*words)
    assert again.exit_code == 0 and "student:" not in again.stderr
    assert f"vseg train nano --encoder {student}" in again.stdout


@pytest.mark.parametrize(
    ("kind", "licence"),
    [
        ("dinov3", "DINOv3 License, as models of the kind dinov3_vit are published"),
        ("dinov3_convnext", "DINOv3 License"),
        ("sam2", "Apache-2.0, as models of the kind sam2 are published"),
    ],
)
def test_an_encoder_of_the_library_teaches_and_its_licence_is_shown_first(
    workplace: Workplace, teacher: Path, kind: str, licence: str
) -> None:
    folder = teacher.with_name(kind)
    getattr(teacher_models, kind)(folder)
    student = teacher.with_name("student.safetensors")
    words = ["distill", folder, student, "--data", workplace.clip, "--frames-per-clip", 2]
    words += ["--config", teacher.with_name("small.toml"), "--steps", 1]
    answer = call(*words, "--json")
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["teacher_licence"].startswith(licence)
    shown = answer.stderr.index(f"teacher {folder}: licence {licence}")
    assert shown < answer.stderr.index("student: 1/1")
    with safe_open(student, framework="numpy") as file:
        assert file.metadata()["teacher_licence"] == told["teacher_licence"]


def test_what_is_wrong_is_said_in_one_line(workplace: Workplace, teacher: Path) -> None:
    student = teacher.with_name("s.safetensors")
    small = ["--config", teacher.with_name("small.toml")]
    clip = ["--data", workplace.clip]
    for words, code, said in (
        ([teacher.with_name("gone.ts"), student, *clip], 5, "no teacher at"),
        (
            [teacher, student, "--data", teacher.with_name("gone.mp4")],
            3,
            "no video or images at",
        ),
        ([teacher, student, *clip, "--cache-gib", 0.0001], 3, "lower --frames-per-clip"),
        ([teacher, student, *clip, "--steps", 0], 2, "steps"),
        ([teacher, student, *clip, "--device", "toaster"], 2, "toaster"),
        ([teacher, student, *clip, "--from", "nowhere.safetensors"], 5, "no encoder at"),
    ):
        answer = call("distill", *words, *small)
        assert (answer.exit_code, said in answer.stderr) == (code, True), answer.stderr
    assert not student.exists()


def test_a_recipe_needs_something_to_start_from(teacher: Path) -> None:
    recipe = Path(__file__).resolve().parents[3] / "configs" / "nano.toml"
    words = [
        "train",
        "nano",
        "--config",
        recipe,
        "--data",
        teacher,
        "-o",
        teacher.parent / "out",
    ]
    answer = call(*words, "--stage", "sideways")
    assert answer.exit_code == 2 and "no stage 'sideways'" in answer.stderr
    assert "stages: distill, frozen" in answer.stderr
