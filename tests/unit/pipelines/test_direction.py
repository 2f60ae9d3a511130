"""Tracking backward, and both ways from the prompts, in one run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.clips import write_damaged
from tests.scenes import mask_iou, two_objects
from tests.unit.cli.conftest import call, files_of
from vseg.build import open_run, open_video
from vseg.config import TrackConfig
from vseg.errors import BadPrompt, UsageError
from vseg.interfaces.model import Model
from vseg.interfaces.reader import readable_backward
from vseg.pipelines.job import JobOutcome, ProgressCallbacks, TrackJob
from vseg.pipelines.live import LiveTracker
from vseg.pipelines.passes import passes_of, resumed
from vseg.pipelines.track import track
from vseg.results.records import Progress
from vseg.synthetic import SyntheticVideo
from vseg.types import Box, MaskCrop, Prompt, Timecode

pytestmark = pytest.mark.integration

FRAMES = 14


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    return two_objects(FRAMES)


def boxed(scene: SyntheticVideo, object_id: int, frame: int) -> Prompt:
    crop = MaskCrop.of(scene.draw(frame).labels == object_id)
    return Prompt(object_id, Timecode(frame=frame), Box(*crop.xyxy))


def config(direction: str, **more: object) -> TrackConfig:
    fixed = {"short_side": 96, "dtype": "float32", "preview": False, "shard_frames": 4}
    return TrackConfig.model_validate({**fixed, "direction": direction, **more})


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def run(
    clip: Path, scene: SyntheticVideo, model: Model
) -> Callable[[Path, str, tuple[tuple[int, int], ...]], JobOutcome]:
    def go(out: Path, direction: str, places: tuple[tuple[int, int], ...]) -> JobOutcome:
        prompts = tuple(boxed(scene, *place) for place in places)
        return track(TrackJob(str(clip), out, prompts, config(direction)), model=model)

    return go


Go = Callable[[Path, str, tuple[tuple[int, int], ...]], JobOutcome]


def test_both_holds_the_object_on_every_frame(
    run: Go, scene: SyntheticVideo, tmp_path: Path
) -> None:
    outcome = run(tmp_path / "run", "both", ((1, 8),))
    assert (outcome.status, outcome.frames) == ("complete", FRAMES)
    stored = open_run(tmp_path / "run")
    assert list(stored.frame_numbers()) == list(range(FRAMES))
    assert [masks.object_ids for masks in stored] == [(1,)] * FRAMES
    assert [masks.sources[0] for masks in stored].count("prompt") == 1
    for masks in stored:
        truth = scene.draw(masks.frame_index).labels == 1
        assert mask_iou(masks[1], truth) > 0.6
    (known,) = stored.objects
    assert (known.first_frame, known.last_frame) == (0, FRAMES - 1)


def test_the_forward_half_is_what_forward_alone_gives(run: Go, tmp_path: Path) -> None:
    places = ((1, 8), (1, 10))
    run(tmp_path / "both", "both", places)
    run(tmp_path / "forward", "forward", places)
    both, forward = open_run(tmp_path / "both"), open_run(tmp_path / "forward")
    for index in range(8, FRAMES):
        np.testing.assert_array_equal(both[index][1], forward[index][1])
        np.testing.assert_array_equal(both[index].scores, forward[index].scores)
    assert [forward[index].object_ids for index in range(8)] == [()] * 8


def test_backward_ends_at_the_last_prompt(run: Go, tmp_path: Path) -> None:
    outcome = run(tmp_path / "run", "backward", ((1, 3), (1, 9), (2, 6)))
    assert outcome.frames == 10
    stored = open_run(tmp_path / "run")
    assert list(stored.frame_numbers()) == list(range(10))
    assert [stored[i].object_ids for i in (9, 7, 6, 0)] == [(1,), (1,), (1, 2), (1, 2)]
    assert stored[3].sources == ("prompt", "track")


def test_objects_with_different_first_prompts_are_joined(run: Go, tmp_path: Path) -> None:
    run(tmp_path / "run", "both", ((1, 4), (2, 9), (1, 11)))
    run(tmp_path / "one", "both", ((1, 4), (1, 11)))
    stored, alone = open_run(tmp_path / "run"), open_run(tmp_path / "one")
    assert [masks.object_ids for masks in stored] == [(1, 2)] * FRAMES
    prompted = {m.frame_index: m.sources for m in stored if "prompt" in m.sources}
    assert prompted == {
        4: ("prompt", "track"),
        9: ("track", "prompt"),
        11: ("prompt", "track"),
    }
    # Before the second object comes, the forward pass has the first one alone.
    for index in range(4, 9):
        np.testing.assert_array_equal(stored[index][1], alone[index][1])


def test_both_from_the_first_frame_is_forward(run: Go, tmp_path: Path) -> None:
    run(tmp_path / "both", "both", ((1, 0),))
    run(tmp_path / "forward", "forward", ((1, 0),))
    assert files_of(tmp_path / "both") == files_of(tmp_path / "forward")


@pytest.mark.parametrize("direction", ["backward", "both"])
def test_a_run_killed_in_either_half_resumes_to_the_same_bits(
    direction: str, clip: Path, scene: SyntheticVideo, model: Model, tmp_path: Path
) -> None:
    prompts = (boxed(scene, 1, 5), boxed(scene, 2, 8))
    whole = TrackJob(str(clip), tmp_path / "whole", prompts, config(direction))
    steps: list[tuple[int, int]] = []
    track(
        whole,
        model=model,
        callbacks=ProgressCallbacks(on_frame=lambda done, n: steps.append((done, n))),
    )
    total = FRAMES if direction == "both" else 9
    assert {n for _, n in steps} == {total} and steps[-1][0] == total
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    wanted = files_of(whole.out)
    for killed_at in range(2, len(steps), 3):
        job = TrackJob(str(clip), tmp_path / f"run{killed_at}", prompts, config(direction))
        calls: list[int] = []

        def on_frame(done: int, total: int, at: int = killed_at, n: list[int] = calls) -> None:
            n.append(done)
            if len(n) == at:
                raise Killed

        with pytest.raises(Killed):
            track(job, model=model, callbacks=ProgressCallbacks(on_frame=on_frame))
        again = TrackJob(str(clip), job.out, prompts, config(direction), resume=True)
        assert track(again, model=model).status == "complete"
        assert files_of(job.out) == wanted


def test_a_stopped_run_resumes_where_it_was(
    clip: Path, scene: SyntheticVideo, model: Model, tmp_path: Path
) -> None:
    prompts = (boxed(scene, 1, 7),)
    whole = TrackJob(str(clip), tmp_path / "whole", prompts, config("both"))
    track(whole, model=model)
    job = TrackJob(str(clip), tmp_path / "run", prompts, config("both"), resume=False)
    frames = 0
    for _ in range(5):
        calls: list[None] = []

        def stop(n: list[None] = calls) -> bool:
            n.append(None)
            return len(n) == 4

        outcome = track(job, model=model, callbacks=ProgressCallbacks(stop=stop))
        frames += outcome.frames
        job = TrackJob(str(clip), job.out, prompts, config("both"), resume=True)
        if outcome.status == "complete":
            break
    assert (outcome.status, frames) == ("complete", FRAMES)
    assert files_of(job.out) == files_of(whole.out)


@pytest.mark.parametrize("frames", [6, 12, 99])
def test_lost_shards_of_both_halves_are_computed_again(
    frames: int, clip: Path, scene: SyntheticVideo, model: Model, tmp_path: Path
) -> None:
    prompts = (boxed(scene, 1, 5), boxed(scene, 2, 8))
    whole = TrackJob(str(clip), tmp_path / "whole", prompts, config("both"))
    track(whole, model=model)
    calls: list[int] = []
    callbacks = ProgressCallbacks(
        on_frame=lambda done, _: calls.append(done), stop=lambda: len(calls) == frames
    )
    stopped = TrackJob(str(clip), tmp_path / "stopped", prompts, config("both"))
    track(stopped, model=model, callbacks=callbacks)
    shards = sorted((stopped.out / "masks").iterdir())
    assert shards
    for lost in shards:
        out = Path(shutil.copytree(stopped.out, tmp_path / f"lost-{lost.stem}"))
        (out / "masks" / lost.name).unlink()
        job = TrackJob(str(clip), out, prompts, config("both"), resume=True)
        outcome = track(job, model=model)
        assert (outcome.status, len(outcome.notes)) == ("complete", 2)
        assert files_of(out) == files_of(whole.out)


@pytest.mark.parametrize(
    "more", [["--auto"], ["--text", "person"], ["--box", "1,1,50,50", "--stop-at-damage"]]
)
def test_what_goes_forward_only_is_refused(
    more: list[str], clip: Path, tmp_path: Path
) -> None:
    answer = call("track", clip, "-o", tmp_path / "run", "--direction", "both", *more)
    assert answer.exit_code == 2
    assert "--direction both" in answer.stderr and "forward only" in answer.stderr
    assert not (tmp_path / "run").exists()


def test_an_unknown_direction_and_a_live_source_are_refused(
    scene: SyntheticVideo, model: Model, clip: Path, tmp_path: Path
) -> None:
    answer = call(
        "track", clip, "-o", tmp_path / "run", "--box", "1,1,9,9", "--direction", "up"
    )
    assert answer.exit_code == 2 and "'backward'" in answer.stderr
    prompts = (boxed(scene, 1, 0),)
    with pytest.raises(UsageError, match="direction both"):
        LiveTracker("", prompts, config("both"), model, max_gap_s=1.0)


def test_frames_that_the_direction_leaves_out_are_told(run: Go, tmp_path: Path) -> None:
    (note,) = run(tmp_path / "late", "forward", ((1, 12),)).notes
    assert "before the first prompt, on frames 0 to 11: --direction both" in note
    (note,) = run(tmp_path / "early", "backward", ((1, 3),)).notes
    assert f"after the last prompt, on frames 4 to {FRAMES - 1}" in note
    assert run(tmp_path / "first", "forward", ((1, 0), (2, 12))).notes == ()
    assert run(tmp_path / "both", "both", ((1, 12),)).notes == ()


def test_passes_resume_after_the_last_commit() -> None:
    prompts = tuple(Prompt(1, Timecode(frame=f), Box(0, 0, 9, 9)) for f in (6, 8))
    back, forth = passes_of((2, 12), prompts, "both")
    assert (back.first, back.stop, back.prompts) == (6, 1, prompts[:1])
    assert (forth.first, forth.stop, forth.prompts) == (6, 12, prompts)
    stored = {"commits": 1, "state": None, "extent": (4, 6), "frames": 3}
    progress = Progress.model_validate({"last_frame": 4, "reverse": True, **stored})
    assert [one.first for one in resumed((back, forth), progress)] == [3, 6]
    progress = Progress.model_validate({"last_frame": 9, **stored})
    assert [one.first for one in resumed((back, forth), progress)] == [10]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which frame 16 is damaged, hence 16 to 23."""
    return write_damaged(tmp_path_factory.mktemp("damaged") / "a.mp4")


def test_damaged_frames_are_passed_over_backward(damaged: Path) -> None:
    marked: dict[int, str] = {}
    with open_video(str(damaged)) as video:
        frames = [frame.index for frame in readable_backward(video, 30, 9, marked)]
        assert frames == [*range(30, 23, -1), *range(15, 9, -1)]
        assert sorted(marked) == list(range(16, 24))
        for start, stop in ((20, 17), (23, 15), (17, -1)):
            marked.clear()
            passed = [f.index for f in readable_backward(video, start, stop, marked)]
            assert passed == [i for i in range(start, stop, -1) if i < 16]
            assert sorted(marked) == [i for i in range(stop + 1, start + 1) if i > 15]


def test_a_damaged_clip_tracked_both_ways(damaged: Path, tmp_path: Path, model: Model) -> None:
    prompt = Prompt(1, Timecode(frame=28), Box(4, 4, 60, 30))
    job = TrackJob(str(damaged), tmp_path / "run", (prompt,), config("both"))
    outcome = track(job, model=model)
    assert outcome.status == "partial" and outcome.damage is not None
    assert (outcome.damage.frame, outcome.damage.skipped) == (16, 8)
    stored = open_run(tmp_path / "run")
    assert list(stored.frame_numbers()) == [*range(16), *range(24, 36)]
    lost = Prompt(1, Timecode(frame=20), Box(4, 4, 60, 30))
    job = TrackJob(str(damaged), tmp_path / "lost", (lost,), config("backward"))
    with pytest.raises(BadPrompt, match="prompt on frame 20"):
        track(job, model=model)
