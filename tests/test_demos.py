"""Demos that track: each runs as a user would run it, and writes its image."""

import importlib.util
import runpy
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import vseg
from vseg.config import TrackConfig
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

pytestmark = pytest.mark.slow

DEMOS = Path(__file__).resolve().parents[1] / "demos"


def demo_module(name: str) -> Any:
    """A demo as a module, which does nothing by itself."""
    spec = importlib.util.spec_from_file_location(name, DEMOS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    demo = demo_module("prompt_kinds")
    # The clip has 96 rows: they are not scaled to the usual 384.
    monkeypatch.setattr(demo, "TrackConfig", partial(TrackConfig, short_side=192))
    monkeypatch.setattr(vseg, "load_model", partial(vseg.load_model, short_side=192))
    scene = SyntheticVideo(SceneConfig(96, 160, 8, seed=3, num_objects=2, occluders=0))
    write_clip(scene, tmp_path / "short.mp4")
    y, x = np.nonzero(scene.truth(0) == 1)
    box = f"{x.min()},{y.min()},{x.max() + 1},{y.max() + 1}"
    words = [str(tmp_path), str(tmp_path / "short.mp4"), box, "moving objects"]
    demo.main(*demo.asked(words))
    counts = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert len(counts) == 8
    for kind in ("click", "box", "scribble", "mask"):
        assert counts[kind] == "1 object"
    for kind in ("exemplar", "auto"):
        assert int(counts[kind].split()[0]) >= 1
    for kind, line in counts.items():
        if line.endswith((" object", " objects")):
            image = cv2.imread(str(tmp_path / f"{kind}.png"))
            assert image is not None and image.std() > 10


def test_without_a_clip_a_scene_is_prompted(tmp_path: Path) -> None:
    _, clip, box, phrase = demo_module("prompt_kinds").asked([str(tmp_path)])
    assert (Path(clip).parent, phrase) == (tmp_path, "moving objects")
    with vseg.open_video(clip) as video:
        assert len(video) == 48
        assert 0 < box.x1 < box.x2 < video.info.width
