"""Tracking a source with damaged, missing, scaled or unevenly timed frames, to the end."""

import json
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.clips import Recipe, paint, remux, write_clip, write_damaged, write_resized
from tests.unit.cli.conftest import call
from vseg.build import open_run

pytestmark = pytest.mark.integration

NUM_FRAMES = 36


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which frame 16 is damaged, hence 16 to 23."""
    return write_damaged(tmp_path_factory.mktemp("damaged") / "a.mp4", NUM_FRAMES)


def _track(clip: Path, out: Path, *more: object) -> dict[str, object]:
    """The JSON of a short run, and its exit code under the key `code`."""
    # As a mask it stands on its frame, however small the model's images are.
    outline = "4,4 60,4 60,30 4,30"
    words = ("track", clip, "-o", out, "--polygon", outline, "--short-side", 64, "--json")
    answer = call(*words, *more)
    assert answer.stdout, answer.stderr
    facts: dict[str, object] = json.loads(answer.stdout)
    return facts | {"code": answer.exit_code}


def test_damaged_frames_are_skipped_and_marked(damaged: Path, tmp_path: Path) -> None:
    facts = _track(damaged, tmp_path / "run")
    assert (facts["status"], facts["code"]) == ("partial", 4)
    assert isinstance(facts["damage"], dict)
    assert (facts["damage"]["frame"], facts["damage"]["skipped"]) == (16, 8)
    assert facts["damage"]["end_frame"] is None
    run = open_run(tmp_path / "run")
    whole = [*range(16), *range(24, NUM_FRAMES)]
    assert list(run.frame_numbers()) == whole == [masks.frame_index for masks in run]
    assert len(run) == len(whole) and run.extent == (0, NUM_FRAMES - 1)
    assert list(run.damaged) == list(range(16, 24))
    assert 17 not in run
    with av.open(str(tmp_path / "run" / "overlay.mp4")) as overlay:
        stamps = [
            round(float((p.pts or 0) * p.time_base) * 30) for p in overlay.demux() if p.size
        ]
    assert sorted(stamps) == whole, "the frames behind the gap keep their times"


def test_stopping_at_the_damage(damaged: Path, tmp_path: Path) -> None:
    facts = _track(damaged, tmp_path / "run", "--stop-at-damage", "--no-preview")
    assert facts["code"] == 4 and isinstance(facts["damage"], dict)
    assert (facts["damage"]["frame"], facts["damage"]["end_frame"]) == (16, 16)
    assert list(open_run(tmp_path / "run").frame_numbers()) == list(range(16))


def test_a_prompt_on_a_damaged_frame_is_not_lost(damaged: Path, tmp_path: Path) -> None:
    words = ("track", damaged, "-o", tmp_path / "run", "--short-side", 64)
    answer = call(*words, "--box", "1:4,4,60,30", "--box", "2@18:4,4,60,30")
    assert answer.exit_code == 3
    assert "frame 18" in answer.stderr and "prompt" in answer.stderr


def test_images_of_another_size_are_scaled_and_it_is_said(tmp_path: Path) -> None:
    clip = write_resized(tmp_path / "a.ts", first=6, second=6)
    facts = _track(clip, tmp_path / "run", "--no-preview")
    assert facts["code"] == 0
    assert facts["notes"] == ["images of another size, from frame 6 on, are scaled to 96x64"]
    assert [e.frame for e in open_run(tmp_path / "run").events if e.kind == "rescaled"] == [6]


def test_a_variable_rate_stays_in_the_overlay(tmp_path: Path) -> None:
    times = [0, 3, 6, 9, 180, 183, 186, 230]
    recipe = Recipe(num_frames=len(times), times=times)
    clip = write_clip(tmp_path / "a.mp4", recipe)
    assert _track(clip, tmp_path / "run")["code"] == 0
    with av.open(str(tmp_path / "run" / "overlay.mp4")) as overlay:
        shown = sorted(
            round(float((p.pts or 0) * p.time_base) * 90) for p in overlay.demux() if p.size
        )
    assert shown == times


@pytest.mark.parametrize(
    ("numbering", "frames"), [("by-order", [0, 1, 2, 3]), ("by-number", [0, 1, 3, 7])]
)
def test_a_folder_with_gaps(numbering: str, frames: list[int], tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (5, 6, 8, 12):
        Image.fromarray(paint(number)).save(folder / f"{number}.png")
    refused = call("track", folder, "-o", tmp_path / "no", "--box", "4,4,60,30")
    assert refused.exit_code != 0 and "--frames by-order" in refused.stderr
    facts = _track(folder, tmp_path / "run", "--frames", numbering)
    assert facts["code"] == 0
    run = open_run(tmp_path / "run")
    assert list(run.frame_numbers()) == frames
    assert run.damaged == {}


def test_a_prompt_on_a_frame_that_a_folder_leaves_out(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (5, 6, 8, 12):
        Image.fromarray(paint(number)).save(folder / f"{number}.png")
    words = ("track", folder, "--frames", "by-number", "--short-side", 64, "--no-preview")
    outline = "4,4 60,4 60,30 4,30"
    for direction in ("forward", "both"):
        refused = call(
            *words, "-o", tmp_path / direction, "--polygon", f"@2:{outline}",
            "--direction", direction,
        )  # fmt: skip
        assert refused.exit_code == 3 and "prompt on frame 2" in refused.stderr
    twice = ("--polygon", f"1@1:{outline}", "--polygon", f"2@3:{outline}")
    kept = call(*words, "-o", tmp_path / "run", *twice, "--direction", "both")
    assert kept.exit_code == 0
    assert list(open_run(tmp_path / "run").frame_numbers()) == [0, 1, 3, 7]


def test_a_recording_that_begins_between_key_frames_says_so(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.ts", Recipe(num_frames=20))
    late = remux(whole, tmp_path / "late.ts", lambda place, _: place >= 5)
    facts = _track(late, tmp_path / "run", "--no-preview")
    dropped = open_run(tmp_path / "run").video.head_dropped
    assert dropped > 0
    said = f"{dropped} images before the first key frame cannot be decoded: left out"
    assert facts["notes"] == [said]
    probed = call("probe", late, "--json")
    assert json.loads(probed.stdout)["head_dropped"] == dropped
