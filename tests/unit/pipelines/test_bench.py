"""The figures of a bench, on a clip of any kind."""

from pathlib import Path

import pytest

from tests.clips import Recipe, write_clip
from vseg.config import TrackConfig
from vseg.pipelines.bench import boxed_clip, measure, synthetic_clip

pytestmark = pytest.mark.integration

CONFIG = TrackConfig(short_side=64, dtype="float32", preview=False)


def test_a_clip_is_measured_with_boxes_in_a_row(tmp_path: Path) -> None:
    clip = boxed_clip(str(write_clip(tmp_path / "a.mp4", Recipe(num_frames=9))), 3, 20)
    assert (clip.frames, [prompt.object_id for prompt in clip.prompts]) == (9, [1, 2, 3])
    figures = measure(clip, CONFIG, tmp_path / "run")
    assert (figures["frames"], figures["objects"]) == (9, 3)
    stages = ("decode", "encode", "memory", "decode mask", "write")
    assert all(figures[f"{stage} ms"] > 0 for stage in (*stages, "processor"))


def test_a_synthetic_scene_has_a_click_on_each_object(tmp_path: Path) -> None:
    clip = synthetic_clip(tmp_path / "scene.mp4", objects=2, frames=2)
    assert Path(clip.clip).exists() and len(clip.prompts) == 2
