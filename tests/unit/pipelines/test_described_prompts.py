"""A job that follows an example: what was said is in the run, and replays from the run
alone.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.build import open_run
from vseg.config import TrackConfig
from vseg.errors import NothingFound
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Exemplar, Points, Prompt, Timecode

pytestmark = pytest.mark.integration

CONFIG = TrackConfig(short_side=128, dtype="float32", preview=False)


@pytest.fixture
def said(tmp_path: Path) -> tuple[Prompt, ...]:
    """A folder of images to track in, and an exemplar from beyond its end narrowed by a
    click.
    """
    scene = SceneConfig(
        height=96, width=160, num_frames=12, seed=3, num_objects=3, occluders=0
    )
    (tmp_path / "clip").mkdir()
    with SyntheticVideo(scene) as video:
        for t in range(8):
            Image.fromarray(video.read(t).image).save(tmp_path / "clip" / f"{t:05d}.png")
        truth = video.truth(0) == 1
        like = Exemplar(video.read(11).image, np.asarray(video.truth(11) == 1), "later", 0.3)
    y, x = np.argwhere(truth)[truth.sum() // 2]
    click = Points(np.array([[x, y]], np.float32), np.array([True]))
    at = Timecode(frame=0)
    return Prompt(1, at, like), Prompt(1, at, click)


def job(
    folder: Path, name: str, said: tuple[Prompt, ...], *, resume: bool = False
) -> TrackJob:
    return TrackJob(str(folder / "clip"), folder / name, said, CONFIG, resume=resume)


def test_a_stopped_job_goes_on_from_what_the_run_keeps(
    tmp_path: Path, said: tuple[Prompt, ...]
) -> None:
    track(job(tmp_path, "whole", said))
    seen: list[int] = []
    stopping = ProgressCallbacks(
        on_frame=lambda done, total: seen.append(done), stop=lambda: len(seen) == 3
    )
    assert track(job(tmp_path, "parts", said), callbacks=stopping).status == "interrupted"
    # No prompt is given again: the words of the run and its own copy of the image serve.
    assert track(job(tmp_path, "parts", (), resume=True)).status == "complete"
    for name in ("prompts.jsonl", "masks/shard-000000.parquet"):
        whole, parts = (tmp_path / run / name for run in ("whole", "parts"))
        assert whole.read_bytes() == parts.read_bytes()
    assert len(list((tmp_path / "parts" / "exemplars").iterdir())) == 1


def test_a_replay_of_a_runs_prompts_gives_the_same_masks(
    tmp_path: Path, said: tuple[Prompt, ...]
) -> None:
    track(job(tmp_path, "first", said))
    stored = open_run(tmp_path / "first").prompts
    again = tuple(Prompt(p.object_id, Timecode(frame=p.frame_index), p.value) for p in stored)
    track(job(tmp_path, "second", again))
    for name in ("prompts.jsonl", "masks/shard-000000.parquet"):
        first, second = (tmp_path / run / name for run in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_an_example_of_nothing_here_ends_the_job_with_its_score(
    tmp_path: Path, said: tuple[Prompt, ...]
) -> None:
    plain = np.zeros((60, 60, 3), np.uint8)
    plain[20:40, 20:40] = (0, 255, 0)
    stranger = Exemplar(plain, np.asarray(plain.any(axis=2)), "green.png", 1.0)
    with pytest.raises(
        NothingFound, match=r"green.png: the best score is .*, the threshold 1.00"
    ):
        track(job(tmp_path, "none", (Prompt(1, Timecode(frame=0), stranger),)))
    assert not (tmp_path / "none").exists()


def test_a_run_that_cannot_go_on_is_taken_back(
    tmp_path: Path, said: tuple[Prompt, ...]
) -> None:
    plain = np.zeros((60, 60, 3), np.uint8)
    plain[20:40, 20:40] = (0, 255, 0)
    stranger = Exemplar(plain, np.asarray(plain.any(axis=2)), "green.png", 1.0)
    prompts = (*said, Prompt(7, Timecode(frame=3), stranger))
    with pytest.raises(NothingFound):
        track(job(tmp_path, "none", prompts))
    assert not (tmp_path / "none").exists()
