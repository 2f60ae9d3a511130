"""Jobs that detect what is described: its instances become objects, resumed to the same
bytes.
"""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.scenes import drawn_scene, mask_iou
from vseg.build import open_run
from vseg.config import TrackConfig
from vseg.errors import BadPrompt, UsageError
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.results.events import read_events
from vseg.results.layout import read_objects
from vseg.synthetic import SceneConfig, SyntheticVideo, Trajectory
from vseg.types import Exemplar, Points, Prompt, Text, Timecode

pytestmark = pytest.mark.integration

FRAMES = 24


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    """Two things that look different; the second comes in late."""
    trajectories = (
        Trajectory(((0, 0.3, 0.4), (FRAMES, 0.4, 0.4))),
        Trajectory(((6, 1.3, 0.65), (11, 0.75, 0.65), (FRAMES, 0.7, 0.65))),
    )
    plain = SceneConfig(160, 284, FRAMES, occluders=0, camera_motion=0.0, size=0.7, seed=5)
    return drawn_scene(replace(plain, num_objects=2, trajectories=trajectories))


@pytest.fixture(scope="module")
def clip(scene: SyntheticVideo, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("clip")
    for frame in scene:
        cv2.imwrite(str(folder / f"{frame.index:05d}.png"), frame.image[:, :, ::-1])
    return str(folder)


def like(scene: SyntheticVideo, object_id: int, frame: int) -> Prompt:
    """An exemplar prompt: the object as it is on a frame."""
    drawn = scene.draw(frame)
    exemplar = Exemplar(drawn.frame.image, drawn.labels == object_id, "scene.png")
    return Prompt(None, Timecode(frame=0), exemplar)


def settings(**redetection: Any) -> TrackConfig:
    return TrackConfig.model_validate(
        {
            "short_side": 160,
            "dtype": "float32",
            "preview": False,
            "shard_frames": 8,
            "redetection": redetection,
        }
    )


def overlap(path: Path, frame: int, object_id: int, truth: np.ndarray) -> float:
    stored = open_run(path)[frame]
    mask = stored.get(object_id, np.zeros_like(truth))
    return mask_iou(mask, truth)


def test_a_thing_like_the_exemplar_is_detected_when_it_comes(
    scene: SyntheticVideo, clip: str, tmp_path: Path
) -> None:
    job = TrackJob(clip, tmp_path / "run", (like(scene, 2, 20),), settings(detect_every=4))
    assert track(job).status == "complete"
    created = [e for e in read_events(job.out) if e.kind == "created"]
    assert created, "it comes in at frame 10"
    assert all(e.score is not None and 0 < e.score <= 1 for e in created)
    masks = open_run(job.out)
    last = scene.draw(FRAMES - 1).labels == 2
    best = max(overlap(job.out, FRAMES - 1, o.id, last) for o in read_objects(job.out))
    assert best > 0.5
    assert masks.prompts[0].object_id is None


def test_a_job_that_detects_resumes_to_the_same_bytes(
    scene: SyntheticVideo, clip: str, tmp_path: Path
) -> None:
    sought = (like(scene, 1, 12), like(scene, 2, 20))
    whole = TrackJob(clip, tmp_path / "whole", sought, settings(detect_every=8))
    track(whole)
    cut = replace(whole, out=tmp_path / "cut")
    seen: list[int] = []
    first = track(
        cut,
        callbacks=ProgressCallbacks(
            lambda done, total: seen.append(done), lambda: len(seen) >= 13
        ),
    )
    assert first.status == "interrupted"
    again = track(replace(cut, prompts=(), resume=True))
    assert (again.status, again.frames) == ("complete", FRAMES - first.frames)
    for name in ("objects.json", "events.jsonl", "prompts.jsonl", "frames.parquet"):
        assert (cut.out / name).read_bytes() == (whole.out / name).read_bytes(), name
    for part in sorted((whole.out / "masks").iterdir()):
        assert (cut.out / "masks" / part.name).read_bytes() == part.read_bytes()


def test_what_is_detected_is_named_after_the_description(
    scene: SyntheticVideo, clip: str, tmp_path: Path
) -> None:
    job = TrackJob(clip, tmp_path / "run", (like(scene, 1, 12),), settings(detect_every=8))
    track(job)
    assert {o.label for o in read_objects(job.out)} == {"scene.png"}


def test_everything_is_detected_without_a_word(
    scene: SyntheticVideo, clip: str, tmp_path: Path
) -> None:
    job = TrackJob(
        clip,
        tmp_path / "run",
        (),
        settings(detect_every=FRAMES),
        everything=True,
    )
    assert track(job).status == "complete"
    truth = scene.draw(2).labels == 1
    assert max(overlap(job.out, 2, o.id, truth) for o in read_objects(job.out)) > 0.5


def test_nothing_found_is_said_with_the_score_that_came_nearest(
    scene: SyntheticVideo, clip: str, tmp_path: Path
) -> None:
    image = np.random.default_rng(5).integers(0, 255, (120, 120, 3)).astype(np.uint8)
    noise = Exemplar(image, np.ones((120, 120), dtype=bool), "noise.png", threshold=1.0)
    job = TrackJob(
        clip,
        tmp_path / "run",
        (Prompt(None, Timecode(frame=0), noise),),
        settings(detect_every=20),
    )
    for _ in range(2):  # a finished run says it again
        outcome = track(job)
        (warning,) = outcome.warnings
        assert (warning.code, outcome.exit_code) == ("below_threshold", 4)
        told = r"noise.png: the best score is 0\.\d+, the threshold 1\.00"
        assert re.search(told, warning.message)
    (event,) = [e for e in read_events(job.out) if e.kind == "not_found"]
    assert event.score is not None and event.score < 1


def test_a_damaged_clip_tells_what_was_not_found_before_the_damage(
    clip: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(clip, broken)
    full_image = broken / "00015.png"
    full_image.write_bytes(full_image.read_bytes()[:300])
    image = np.random.default_rng(5).integers(0, 255, (120, 120, 3)).astype(np.uint8)
    noise = Exemplar(image, np.ones((120, 120), dtype=bool), "noise.png", threshold=1.0)
    sought = (Prompt(None, Timecode(frame=0), noise),)
    config = settings(detect_every=12).model_copy(update={"stop_at_damage": True})
    job = TrackJob(str(broken), tmp_path / "run", sought, config)
    (warning,) = track(job).warnings
    assert "nothing was found" in warning.message
    assert open_run(job.out).header.status == "partial"
    assert [(e.kind, e.frame) for e in read_events(job.out)] == [("not_found", 14)]


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"everything": True, "prompts": "click"}, UsageError, "beside --auto"),
        ({"prompts": "both"}, UsageError, "is for every instance"),
        ({"prompts": ()}, BadPrompt, "nothing to track"),
        ({"redetection": {"tagger": "clip"}}, UsageError, "without --auto and --grounder"),
        (
            {"prompts": (), "everything": True, "redetection": {"grounder": "owlv2-base"}},
            UsageError,
            "no words for",
        ),
        ({"redetection": {"vocabulary": "words.txt"}}, UsageError, "without --tagger"),
        ({"redetection": {"until": "999"}}, BadPrompt, "past the end"),
        ({"redetection": {"until": "0"}}, UsageError, "before its first frame 0"),
        ({"labels": {1: "dog"}}, BadPrompt, "named after its description"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_written(
    more: dict[str, Any],
    error: type[Exception],
    message: str,
    scene: SyntheticVideo,
    clip: str,
    tmp_path: Path,
) -> None:
    xy = np.array([[100, 90]], dtype=np.float32)
    click = Prompt(1, Timecode(frame=0), Points(xy, np.array([True])))
    sought = like(scene, 1, 12)
    kinds = {"click": (click,), "both": (sought, click), (): (), "sought": (sought,)}
    prompts = kinds[more.pop("prompts", "sought")]
    config = settings(**more.pop("redetection", {}))
    job = TrackJob(clip, tmp_path / "run", prompts, config, **more)
    with pytest.raises(error, match=message):
        track(job)
    assert not job.out.exists()


def test_words_outside_the_vocabulary_are_refused_with_what_there_is(
    clip: str, tmp_path: Path
) -> None:
    text = Prompt(None, Timecode(frame=0), Text("a zeppelin"))
    job = TrackJob(clip, tmp_path / "run", (text,), settings())
    with pytest.raises(BadPrompt, match="zeppelin"):
        track(job)
    assert not job.out.exists()
