"""`vseg verify-model`: masks, precision, speed and memory of a model in one table."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sam_models import saved_model
from tests.unit.cli.conftest import Workplace, call
from vseg.build import load_model
from vseg.pipelines import check_clips, model_check
from vseg.pipelines.model_check import ClipCheck, PrecisionPass, _verdict

pytestmark = pytest.mark.integration


def told(*words: object) -> dict[str, Any]:
    answer = call("verify-model", *words, "--json")
    assert answer.exit_code == 0, answer.stderr
    made: dict[str, Any] = json.loads(answer.stdout)
    return made


@pytest.fixture(scope="module", params=["sam2", "edgetam"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model")
    saved_model(request.param, made, num_maskmem=3, max_object_pointers_in_encoder=4)
    return made


def test_a_model_on_a_clip_with_truth(workplace: Workplace, folder: Path) -> None:
    made = told(folder, "--clips", workplace.clip, "--truth", workplace.truth, "--frames", 16)
    (clip,) = made["clips"]
    assert (clip["name"], clip["objects"], len(clip["iou"])) == ("clip", 2, 16)
    assert clip["iou"][0] == 1.0, "the masks to begin with are given"
    assert all(0 <= value <= 1 for value in clip["iou"])
    for dtype in ("float32", "bfloat16"):
        one = clip[dtype]
        assert one["frames_per_s"] > 0 and 0 <= one["jf"] <= 100
        before, end = one["state_bytes"]
        assert before == end, "the memory is full, and nothing grows"
        # The appearance of the SAM 2 family is its object pointers, which are no unit vectors.
        for cosine in (one["own_cosine"], one["other_cosine"]):
            assert cosine is None or -1.001 <= cosine <= 1.001
    assert clip["bfloat16"]["state_bytes"][1] < clip["float32"]["state_bytes"][1]
    assert made["peak_mib"] > 0 and len(made["weights_sha256"]) == 64
    assert isinstance(made["safe"], bool) and made["why"]


def test_without_clips_there_is_a_synthetic_one(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_check, "load_model", partial(load_model, short_side=240))
    answer = call("verify-model", "nano", "--frames", 4)
    assert answer.exit_code == 0, answer.stderr
    header, row = answer.stdout.splitlines()[:2]
    assert header.split()[:4] == ["clip", "objects", "frames", "visible"]
    assert row.split()[:5] == ["synthetic", "3", "4", "100", "%"]
    assert "bfloat16     safe here: its masks are those of float32" in answer.stdout
    assert "synthetic in bfloat16" in answer.stderr


@pytest.mark.slow
def test_without_truth_the_objects_are_what_nano_proposes(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_model("edgetam", tmp_path, num_maskmem=3, max_object_pointers_in_encoder=4)
    # Proposals are as good for this at a third of the size.
    monkeypatch.setattr(check_clips, "load_model", partial(load_model, short_side=128))
    made = told(tmp_path, "--frames", 4, "--objects", 1, "--clips", workplace.clip)
    (clip,) = made["clips"]
    assert clip["objects"] == 1 and clip["float32"]["jf"] is None


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nano", "--truth", "."), 2, "--truth without --clips"),
        (("bert",), 5, "unknown model 'bert'"),
        (("nano", "--clips", "nothing.mp4"), 3, "nothing.mp4"),
    ],
)
def test_what_cannot_be_checked_is_said(
    words: tuple[str, ...], code: int, message: str
) -> None:
    answer = call("verify-model", *words)
    assert answer.exit_code == code and message in answer.stderr


def test_truth_of_other_clips_is_said(workplace: Workplace, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(workplace.clip.read_bytes())
    answer = call("verify-model", "nano", "--clips", other, "--truth", workplace.truth)
    assert answer.exit_code == 3 and "no masks of other" in answer.stderr
    assert "it has masks of clip" in answer.stderr


def row(iou: list[float], loss: float = 0.0, gain: float = 2.0) -> ClipCheck:
    one = PrecisionPass(1.0, (1, 1), 1.0, 80.0, 0.9, 0.1)
    return ClipCheck(
        "a", 1, one, PrecisionPass(gain, (1, 1), 1.0, 80.0 - loss, 0.9, 0.1), tuple(iou)
    )


def test_the_verdict_names_the_first_reason() -> None:
    same = [1.0] * 100
    assert _verdict([row(same)]) == (
        True,
        "its masks are those of float32, and faster (2.00 x the frames/s)",
    )
    assert "float32 is the better choice" in _verdict([row(same, gain=0.5)])[1]
    assert _verdict([row([0.97] * 9)])[0] is False
    spike = [*same, 0.85]
    assert np.mean(spike) > 0.99
    assert _verdict([row(same), row(spike)]) == (
        False,
        "on frame 100 of a the IoU is 0.850",
    )
    assert _verdict([row(same, loss=0.5)]) == (False, "on a it loses 0.5 points of J&F")
