"""Long clips as several jobs: which can be, where they are cut, and who joins them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from vseg.batch.batch_job import BatchJob
from vseg.batch.job_list import JobLine, read_jobs
from vseg.batch.manifest import JobStatus, Manifest
from vseg.batch.planning import PlannedJob
from vseg.batch.remaining import MachineShare
from vseg.batch.schedule import Schedule
from vseg.batch.split_length import parse_length
from vseg.batch.stretches import split_jobs
from vseg.errors import BadJobs, UsageError
from vseg.results import SourceFingerprint
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

SOURCE = SourceFingerprint(path="a.mp4", size=1000, sha256="0" * 64)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 frames, 4 seconds."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_clip(SyntheticVideo(SceneConfig(32, 48, 100, num_objects=1)), path)
    return path


def jobs_of(clip: Path, split: str, **settings: Any) -> list[BatchJob]:
    line = JobLine(clip=str(clip), auto=True, split=split, settings=settings)
    return split_jobs(line, SOURCE, clip)


def ranges(jobs: list[BatchJob]) -> list[tuple[int, int]]:
    texts = [job.line.settings["range"].split(":") for job in jobs if job.part_of]
    return [(int(first), int(stop)) for first, stop in texts]


@pytest.mark.parametrize(
    ("text", "length_s"), [("90s", 90), ("10m", 600), ("1h30m", 5400), (" 1.5m ", 90)]
)
def test_lengths(text: str, length_s: float) -> None:
    assert parse_length(text) == length_s


@pytest.mark.parametrize("text", ["", "10", "-5s", "0m", "m", "5m1h", "nan"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(UsageError, match="no length"):
        parse_length(text)


def test_stretches_are_equal_and_overlap(clip: Path) -> None:
    jobs = jobs_of(clip, "1s")
    spans = ranges(jobs)
    assert len(spans) == 4 and spans[0][0] == 0 and spans[-1][1] == 100
    for one, other in pairwise(spans):
        assert 5 <= one[1] - other[0] <= 8  # a quarter of a second
    *parts, joint = jobs
    assert joint.parts == tuple(part.job_id for part in parts)
    assert {part.part_of for part in parts} == {joint.job_id}
    assert sum(part.share for part in parts) == pytest.approx(1.2, abs=0.1)
    assert len({job.job_id for job in jobs}) == 5


def test_a_range_is_split_and_a_short_clip_is_not(clip: Path) -> None:
    spans = ranges(jobs_of(clip, "1s", range="20:70"))
    assert len(spans) == 2 and spans[0][0] == 20 and spans[-1][1] == 70
    (whole,) = jobs_of(clip, "10m")
    assert (whole.part_of, whole.parts, whole.line.split) == (None, (), None)


def test_the_length_of_stretches_decides_the_ids(clip: Path) -> None:
    ids = {jobs_of(clip, split)[-1].job_id for split in ("1s", "2s", "10m")}
    assert len(ids) == 3
    assert jobs_of(clip, "60s") == jobs_of(clip, "10m")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"point": "1,1"}, "prompted by itself"),
        ({"text": "2:dog"}, "prompted by itself"),
        ({"auto": True, "settings": {"redetection": {"until": "5"}}}, "ends early"),
        ({"text": "dog", "settings": {"direction": "backward"}}, "backward"),
        ({"text": "dog", "split": "soon"}, "no length"),
    ],
)
def test_what_cannot_be_split_is_said_with_its_line(
    more: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    jobs = tmp_path / "jobs.jsonl"
    line = JobLine.model_validate({"clip": "a.mp4", "split": "10m", **more})
    jobs.write_text(line.model_dump_json(exclude_unset=True))
    with pytest.raises(BadJobs, match=reason) as caught:
        list(read_jobs(str(jobs), {}))
    assert "line 1" in caught.value.message


def test_a_line_can_say_that_it_is_not_split(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text('{"clip": "a.mp4", "point": "1,1", "split": null}')
    (line,) = read_jobs(str(jobs), {"split": "10m"})
    assert isinstance(line, JobLine)
    assert line.split is None


def done(job: BatchJob, status: JobStatus = JobStatus.COMPLETE) -> Manifest:
    return Manifest(
        job_id=job.job_id,
        clip="a.mp4",
        status=status,
        attempts=1,
        worker="w",
        seconds=1.0,
        frames=2,
        vseg_version="0",
    )


def test_the_last_stretch_lets_the_clip_be_joined(clip: Path) -> None:
    jobs = jobs_of(clip, "2s")
    schedule = Schedule([(job, 0) for job in jobs])
    attempts = [schedule.take(0.0), schedule.take(0.0)]
    assert schedule.take(0.0) is None
    for attempt in attempts:
        assert attempt is not None and attempt.job.part_of and not schedule
        final = schedule.ended(attempt, done(attempt.job), 0.0)
        assert final is not None
        schedule.settled(final, attempt)
    joint = schedule.take(0.0)
    assert joint is not None and joint.job.parts
    assert schedule.ended(joint, done(joint.job, JobStatus.WAITING), 0.0) is None
    assert not schedule


def test_a_clip_whose_stretches_are_done_is_joined_at_once(clip: Path) -> None:
    joint = jobs_of(clip, "2s")[-1]
    attempt = Schedule([(joint, 0)]).take(0.0)
    assert attempt is not None and attempt.job == joint


def test_every_machine_with_a_stretch_can_join(clip: Path) -> None:
    jobs = jobs_of(clip, "2s")
    plan = [PlannedJob(clip="a.mp4", version="", job=job) for job in jobs]
    for index in (0, 1):
        assert MachineShare(index, 2).of(plan) == [index, 2]
    assert MachineShare(2, 3).of(plan) == []
