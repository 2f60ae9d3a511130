"""Scenes written to disk: a real mp4 that decodes to varied the same, and exact label maps."""

import runpy
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from vseg.errors import DamagedVideo, UsageError
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip, write_truth
from vseg.types import Frame

pytestmark = pytest.mark.integration

CONFIG = SceneConfig(height=96, width=160, num_frames=24, seed=3)
DEMO = Path(__file__).resolve().parents[3] / "demos" / "synthetic_scene.py"


class Breaking(SyntheticVideo):
    """A source that ends early, as a damaged file does."""

    def __iter__(self) -> Iterator[Frame]:
        yield from self.frames(0, 3)
        raise DamagedVideo("scene", 3, "made so")


def test_the_clip_decodes_to_the_scene(tmp_path: Path) -> None:
    scene = SyntheticVideo(CONFIG)
    write_clip(scene, tmp_path / "scene.mp4")
    with av.open(str(tmp_path / "scene.mp4")) as container:
        assert container.streams.video[0].average_rate == 25
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == len(scene)
    for frame, image in zip(scene, decoded, strict=True):
        error = np.mean((frame.image.astype(np.float64) - image) ** 2)
        assert 10 * np.log10(255**2 / error) > 29


def test_a_source_without_a_rate_needs_one(tmp_path: Path) -> None:
    scene = SyntheticVideo(replace(CONFIG, num_frames=4))
    scene.info = replace(scene.info, fps=None)
    with pytest.raises(UsageError, match="has no frame rate"):
        write_clip(scene, tmp_path / "a.mp4")
    write_clip(scene, tmp_path / "a.mp4", fps=Fraction(10))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate == 10


def test_a_source_that_breaks_leaves_no_clip(tmp_path: Path) -> None:
    with pytest.raises(DamagedVideo):
        write_clip(Breaking(CONFIG), tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_the_label_maps_are_exact_and_have_the_davis_colours(tmp_path: Path) -> None:
    scene = SyntheticVideo(replace(CONFIG, num_frames=3))
    write_truth(scene, tmp_path / "truth")
    files = sorted((tmp_path / "truth").iterdir())
    assert [f.name for f in files] == ["00000.png", "00001.png", "00002.png"]
    for index, file in enumerate(files):
        with Image.open(file) as image:
            assert image.mode == "P"
            assert np.array_equal(np.asarray(image), scene.truth(index))
            palette = image.getpalette()
    assert palette is not None and palette[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]


@pytest.mark.slow
def test_the_demo_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(DEMO), str(tmp_path / "scene")])
    runpy.run_path(str(DEMO), run_name="__main__")
    assert "object 3: click at" in capsys.readouterr().out
    assert len(list((tmp_path / "scene" / "truth").iterdir())) == 60
    assert {"scene.mp4", "truth.png"} <= {p.name for p in (tmp_path / "scene").iterdir()}
