"""Demos that track: each runs as a user would run it, and writes its image."""

import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import vseg
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

pytestmark = pytest.mark.slow

DEMOS = Path(__file__).resolve().parents[1] / "demos"


def test_correcting_and_adding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(DEMOS / "correct_and_add.py")
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path)])
    runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr().out
    before, after = (float(part.split(";")[0]) for part in said.split(": ")[1:])
    assert after > before, said
    image = cv2.imread(str(tmp_path / "correct_and_add.png"))
    assert image is not None and image.shape == (5 * 240, 2 * 426, 3)


def test_identities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(DEMOS / "identities.py")
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path)])
    runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr().out.split()
    before = int(said[0])
    after = int(said[3])
    assert before > after >= 3, said
    heights = {}
    for name in ("tracks", "timeline", "association"):
        image = cv2.imread(str(tmp_path / f"{name}.png"))
        assert image is not None and image.std() > 10
        heights[name] = image.shape[0]
    # A lane for each identity: what is joined takes one lane less.
    lanes = heights["association"] - 2 * heights["timeline"]
    assert lanes == (after - before) * 34


def test_every_kind_of_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(DEMOS / "prompt_kinds.py")
    scene = SyntheticVideo(SceneConfig(96, 160, 8, seed=3, num_objects=2, occluders=0))
    write_clip(scene, tmp_path / "short.mp4")
    y, x = np.nonzero(scene.truth(0) == 1)
    box = f"{x.min()},{y.min()},{x.max() + 1},{y.max() + 1}"
    clip = str(tmp_path / "short.mp4")
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path), clip, box, "moving objects"])
    runpy.run_path(script, run_name="__main__")
    counts = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert len(counts) == 8
    for kind in ("click", "box", "scribble", "mask"):
        assert counts[kind] == "1 objects"
    for kind in ("exemplar", "auto"):
        assert int(counts[kind].split()[0]) >= 1
    for kind, line in counts.items():
        if line.endswith(" objects"):
            image = cv2.imread(str(tmp_path / f"{kind}.png"))
            assert image is not None and image.std() > 10


def test_without_a_clip_a_scene_is_prompted(tmp_path: Path) -> None:
    clip, box, phrase = runpy.run_path(str(DEMOS / "prompt_kinds.py"))["synthetic_clip"](
        tmp_path
    )
    assert (Path(clip).parent, phrase) == (tmp_path, "moving objects")
    with vseg.open_video(clip) as video:
        assert len(video) == 48
        assert 0 < box.x1 < box.x2 < video.info.width
