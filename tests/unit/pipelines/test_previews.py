"""The previews of a run are drawn when all is tracked."""

import weakref
from pathlib import Path

import pytest

from vseg.config import TrackConfig
from vseg.interfaces.model import Model
from vseg.pipelines import prepare as preparing
from vseg.pipelines import track as tracking
from vseg.pipelines.job import TrackJob
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import Box, Prompt, Timecode


@pytest.mark.integration
def test_previews_are_drawn_without_the_model_that_was_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = []
    load = preparing.load_configured

    def loaded(config: TrackConfig) -> Model:
        model = load(config)
        models.append(weakref.ref(model))
        return model

    def drawn(*_: object, **__: object) -> tuple[Path, ...]:
        assert [model() for model in models] == [None]
        return (tmp_path / "overlay.mp4",)

    monkeypatch.setattr(preparing, "load_configured", loaded)
    monkeypatch.setattr(tracking, "render_previews", drawn)
    clip = tmp_path / "clip.mp4"
    write_clip(SyntheticVideo(SceneConfig(96, 128, 2, seed=1)), clip)
    box = Prompt(1, Timecode(frame=0), Box(20, 20, 60, 60))
    config = TrackConfig(short_side=96)
    outcome = tracking.track(TrackJob(str(clip), tmp_path / "run", (box,), config))
    assert outcome.images == (tmp_path / "overlay.mp4",)
