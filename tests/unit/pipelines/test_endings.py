"""Runs that end without an error and still went wrong say so."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.unit.cli.conftest import CommandResult, call
from vseg.build import load_model, open_run
from vseg.config import TrackConfig
from vseg.pipelines.job import JobOutcome, ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.types import Box, Mask, Points, Prompt, PromptValue, Timecode

pytestmark = pytest.mark.integration

HEIGHT, WIDTH = 180, 320
TINY = 8
NO_CROPS = {"most": 0}


def disc(size: int, frame: int, at: tuple[int, int] = (100, 80)) -> np.ndarray:
    """A disc of `size` pixels that moves to the right."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (at[0] + 2 * frame, at[1]), size // 2, 1, -1)
    return mask > 0


def write_images(folder: Path, discs: Sequence[np.ndarray | None]) -> Path:
    """A clip: orange discs on a smooth background; None is a frame without one."""
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    ground = ((smooth - smooth.mean()) * 3 + 110).clip(0, 255).astype(np.uint8)
    for index, mask in enumerate(discs):
        image = ground.copy()
        if mask is not None:
            image[mask] = (240, 120, 20)
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    return folder


def run(
    clip: Path,
    out: Path,
    *placed: tuple[int, int, PromptValue],
    **settings: object,
) -> JobOutcome:
    config = {"preview": False, "dtype": "float32", "short_side": 192, "shard_frames": 4}
    prompts = tuple(Prompt(i, Timecode(frame=frame), value) for i, frame, value in placed)
    job = TrackJob(str(clip), out, prompts, TrackConfig.model_validate(config | settings))
    return track(job)


def codes(outcome: JobOutcome) -> list[tuple[str, int | None, int | None]]:
    return [(w.code, w.object_id, w.frame) for w in outcome.warnings]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    return write_images(folder / "clip", [disc(TINY, frame) for frame in range(8)])


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disc that leaves after frame 8 of 20."""
    folder = tmp_path_factory.mktemp("large")
    discs = [disc(40, frame) if frame < 9 else None for frame in range(20)]
    return write_images(folder / "clip", discs)


def test_a_tiny_object_is_lost_and_held_at_the_size_that_is_named(
    tiny: Path, tmp_path: Path
) -> None:
    given = (1, 0, Mask(disc(TINY, 0)))
    outcome = run(tiny, tmp_path / "lost", given, crops=NO_CROPS)
    assert codes(outcome) == [("lost_early", 1, 1)] and outcome.exit_code == 0
    (warning,) = outcome.warnings
    short_side = int(warning.hint.split("--short-side ")[1].split()[0])
    assert short_side > 192 and short_side % 16 == 0
    ways = {"larger": {"short_side": short_side, "crops": NO_CROPS}, "in a crop": {}}
    for name, settings in ways.items():
        again = run(tiny, tmp_path / name, given, **settings)
        assert again.warnings == ()
        assert all(masks.area(1) > 0 for masks in open_run(tmp_path / name))


def test_an_object_that_leaves_later_is_no_warning(large: Path, tmp_path: Path) -> None:
    outcome = run(large, tmp_path / "run", (1, 0, Mask(disc(40, 0))))
    assert (outcome.warnings, outcome.exit_code) == ((), 0)
    assert open_run(tmp_path / "run").objects[0].last_frame == 8


@pytest.mark.parametrize("direction", ["forward", "both"])
def test_an_object_that_leaves_at_once_is_one(
    large: Path, tmp_path: Path, direction: str
) -> None:
    outcome = run(large, tmp_path / "run", (1, 6, Mask(disc(40, 6))), direction=direction)
    assert codes(outcome) == [("lost_early", 1, 9)]
    assert "unless it left" in outcome.warnings[0].hint


def test_an_object_that_comes_just_before_its_prompt_is_lost_backward(tmp_path: Path) -> None:
    discs = [None] * 8 + [disc(40, frame) for frame in range(8, 12)]
    clip = write_images(tmp_path / "clip", discs)
    outcome = run(clip, tmp_path / "run", (1, 10, Mask(disc(40, 10))), direction="both")
    assert codes(outcome) == [("lost_early", 1, 7)]


@pytest.mark.parametrize(
    ("crops", "hint"), [(NO_CROPS, "--short-side 288"), ({}, "prompt it with a box")]
)
def test_a_box_that_draws_nothing(
    tiny: Path, tmp_path: Path, crops: dict[str, int], hint: str
) -> None:
    """A larger short side changes nothing for an object that has a crop of its own."""
    box = (4, 2, Box(150, 80, 160, 90))
    outcome = run(tiny, tmp_path / "run", box, short_side=64, crops=crops)
    assert codes(outcome) == [("never_visible", 4, 2)]
    assert "its box on frame 2 drew nothing" in outcome.warnings[0].message
    assert hint in outcome.warnings[0].hint
    assert (outcome.status, outcome.exit_code) == ("complete", 4)


def test_a_prompt_that_draws_nothing_on_an_object_that_is_there(
    large: Path, tmp_path: Path
) -> None:
    outcome = run(
        large,
        tmp_path / "run",
        (1, 0, Mask(disc(40, 0))),
        (1, 15, Points([(20, 20)], [False])),
    )
    assert codes(outcome) == [("empty_prompt", 1, 15)]
    assert "its points drew nothing" in outcome.warnings[0].message


def test_warnings_are_the_same_after_a_kill_and_on_a_finished_run(
    tiny: Path, tmp_path: Path
) -> None:
    given = (1, 0, Mask(disc(TINY, 0)))
    whole = run(tiny, tmp_path / "whole", given)
    job = TrackJob(
        str(tiny),
        tmp_path / "run",
        (Prompt(1, Timecode(frame=0), given[2]),),
        TrackConfig(preview=False, dtype="float32", short_side=192, shard_frames=4),
    )

    def killed(done: int, total: int) -> None:
        if done == 6:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        track(job, callbacks=ProgressCallbacks(on_frame=killed))
    resumed = TrackJob(job.source, job.out, job.prompts, job.config, resume=True)
    assert track(resumed).warnings == whole.warnings
    assert track(job).warnings == whole.warnings, "and once more, with nothing left to do"
    assert open_run(job.out).header.warnings == whole.warnings


def test_a_prompt_behind_the_damage_is_told(large: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    clip.mkdir()
    for file in large.iterdir():
        content = file.read_bytes()
        (clip / file.name).write_bytes(content[:300] if file.stem >= "010" else content)
    outcome = run(
        clip,
        tmp_path / "run",
        (1, 0, Mask(disc(40, 0))),
        (2, 15, Mask(disc(40, 9))),
        stop_at_damage=True,
    )
    assert codes(outcome) == [("never_reached", 2, 15)]
    assert (outcome.status, outcome.exit_code) == ("partial", 4)


def track_tiny(tiny: Path, out: Path, *more: object) -> CommandResult:
    return call("track", tiny, "-o", out, "--no-preview", "--short-side", 64, *more)


def test_the_command_prints_warnings_and_exits_with_4(tiny: Path, tmp_path: Path) -> None:
    box = ("--box", "150,80,160,90")
    answer = track_tiny(tiny, tmp_path / "run", *box)
    assert answer.exit_code == 4
    assert "warning: object 1 was never visible" in answer.stderr
    assert "hint: check its place with `vseg frame CLIP 0" in answer.stderr
    again = track_tiny(tiny, tmp_path / "run", *box, "--json")
    facts = json.loads(again.stdout)
    assert (again.exit_code, facts["exit_code"]) == (4, 4)
    assert [w["code"] for w in facts["warnings"]] == ["never_visible"]


def test_detections_below_the_threshold_say_the_best_score(tiny: Path, tmp_path: Path) -> None:
    rows = [f"{frame},-1,97,77,9,9,{0.2 + frame / 100:.2f}" for frame in range(1, 9)]
    (tmp_path / "det.txt").write_text("\n".join(rows) + "\n")
    answer = track_tiny(tiny, tmp_path / "run", "--detections", tmp_path / "det.txt")
    assert answer.exit_code == 4
    assert "the best score is 0.28, the threshold 0.50" in answer.stderr
    assert "--detection-score 0.28" in answer.stderr
    lower = ("--detection-score", 0.28, "--overwrite", "--json")
    again = track_tiny(tiny, tmp_path / "run", "--detections", tmp_path / "det.txt", *lower)
    assert [w["code"] for w in json.loads(again.stdout)["warnings"]] != ["below_threshold"]


def test_a_file_without_detections_says_so(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("")
    answer = track_tiny(tiny, tmp_path / "run", "--detections", tmp_path / "det.txt")
    assert answer.exit_code == 4
    assert "det.txt holds no detection" in answer.stderr


def test_the_report_of_a_run_shows_its_warnings(tiny: Path, tmp_path: Path) -> None:
    track_tiny(tiny, tmp_path / "run", "--box", "150,80,160,90")
    page = tmp_path / "page.html"
    answer = call("report", tmp_path / "run", "-o", page)
    assert answer.exit_code == 0 and "warning: object 1 was never visible" in answer.stderr
    assert "object 1 was never visible" in page.read_text("utf-8")
    again = call("report", tmp_path / "run", "-o", page, "--overwrite", "--json")
    facts = json.loads(again.stdout)
    assert [w["code"] for w in facts["warnings"]] == ["never_visible"]


def test_words_below_the_threshold_say_what_to_type(tiny: Path, tmp_path: Path) -> None:
    answer = track_tiny(tiny, tmp_path / "run", "--text", "person=0.99", "--json")
    assert answer.exit_code == 4
    (warning,) = json.loads(answer.stdout)["warnings"]
    assert warning["code"] == "below_threshold" and "threshold 0.99" in warning["message"]
    assert "--text 'person=0." in warning["hint"] or "--point" in warning["hint"]


@pytest.mark.parametrize("mark", ["1:250,95-", "1@1:20,20-"])
def test_negative_marks_alone_begin_no_object(tiny: Path, tmp_path: Path, mark: str) -> None:
    answer = track_tiny(tiny, tmp_path / "run", "--point", mark)
    assert answer.exit_code == 3 and "negative marks alone" in answer.stderr
    assert not (tmp_path / "run").exists()


def test_a_negative_mark_corrects_an_object_that_has_begun(tiny: Path, tmp_path: Path) -> None:
    marks = ("--box", "96,76,106,86", "--point", "@2:20,20-")
    assert track_tiny(tiny, tmp_path / "run", *marks).exit_code in (0, 4)
    backward = track_tiny(tiny, tmp_path / "back", *marks, "--direction", "backward")
    assert backward.exit_code == 3 and "object 1 on frame 2" in backward.stderr


def test_a_model_that_is_loaded_refuses_negative_marks_alone() -> None:
    from vseg.errors import BadPrompt
    from vseg.pipelines.segment import segment

    image = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(BadPrompt, match="negative marks alone"):
        segment(image, points=[(5, 5)], labels=[0], model=load_model("nano", short_side=64))
