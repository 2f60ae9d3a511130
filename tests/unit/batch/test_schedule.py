"""Which job is next, and which is tried again."""

from dataclasses import replace

import pytest

from vseg.batch.batch_job import BatchJob
from vseg.batch.job_list import JobLine
from vseg.batch.manifest import JobStatus, Manifest
from vseg.batch.schedule import BACK_OFF_S, MAX_TRIES, Attempt, Schedule, WorkerDeath
from vseg.results import SourceFingerprint

LATE = 1e9


def job(number: int) -> BatchJob:
    source = SourceFingerprint(path="a.mp4", size=number, sha256="0" * 64)
    return BatchJob(job_id=f"{number:016x}", line=JobLine(clip="a.mp4"), source=source)


def ended(attempt: Attempt, status: JobStatus) -> Manifest:
    return Manifest(
        job_id=attempt.job.job_id,
        clip="a.mp4",
        status=status,
        attempts=attempt.number,
        worker="w",
        seconds=1.0,
        frames=2,
        vseg_version="0",
    )


def taken(schedule: Schedule, now: float = 0.0) -> Attempt:
    attempt = schedule.take(now)
    assert attempt is not None
    return attempt


def test_jobs_come_in_order_and_once() -> None:
    schedule = Schedule([(job(1), 0), (job(2), 3)])
    first, second = taken(schedule), taken(schedule)
    assert (first.job.source.size, first.number) == (1, 1)
    assert (second.job.source.size, second.number) == (2, 4)
    assert schedule.take(LATE) is None and not schedule


@pytest.mark.parametrize("status", [s for s in JobStatus if s.is_stored and s != "failed"])
def test_only_what_may_pass_is_tried_again(status: JobStatus) -> None:
    schedule = Schedule([(job(1), 0)])
    attempt = taken(schedule)
    manifest = ended(attempt, status)
    assert schedule.ended(attempt, manifest, 0.0) is manifest and not schedule


def test_a_failure_waits_longer_each_time_and_is_given_up() -> None:
    schedule = Schedule([(job(1), 0), (job(2), 0)])
    now = 0.0
    for tries in range(1, MAX_TRIES):
        attempt = taken(schedule, now)
        assert attempt.tries == attempt.number == tries
        assert schedule.ended(attempt, ended(attempt, JobStatus.FAILED), now) is None
        begins = now + BACK_OFF_S * 2 ** (tries - 1)
        other = schedule.take(begins - 0.01)
        assert other is None or other.job.source.size == 2
        now = begins
    attempt = taken(schedule, now)
    final = schedule.ended(attempt, ended(attempt, JobStatus.FAILED), now)
    assert final is not None and final.status is JobStatus.FAILED
    assert final.attempts == MAX_TRIES


def test_what_another_process_writes_is_waited_for_and_counts_as_no_try() -> None:
    schedule = Schedule([(job(1), 0), (job(2), 0)])
    now = 0.0
    for _ in range(5 * MAX_TRIES):
        for attempt in (taken(schedule, now), taken(schedule, now)):
            assert schedule.ended(attempt, ended(attempt, JobStatus.BUSY), now) is None
            assert (attempt.tries, attempt.number) == (1, 1)
        assert schedule.take(now) is None
        now += BACK_OFF_S
    final = taken(schedule, now)
    done = ended(final, JobStatus.COMPLETE)
    assert schedule.ended(final, done, now) is done


def test_a_clip_that_kills_two_workers_is_set_aside() -> None:
    schedule = Schedule([(job(1), 0)])
    death = WorkerDeath("w-0", "was ended by SIGKILL")
    assert schedule.killed(taken(schedule), death, 0.0) is None
    final = schedule.killed(taken(schedule, LATE), replace(death, worker="w-1"), LATE)
    assert final is not None and final.status is JobStatus.POISON
    assert final.error is not None and "SIGKILL" in final.error.message
    assert (final.worker, final.attempts, len(schedule)) == ("w-1", 2, 0)


def test_a_clip_that_gets_further_each_time_is_not_what_kills() -> None:
    schedule = Schedule([(job(1), 0)])
    now = 0.0
    for frames in (300, 600, 900, 1200):
        now += BACK_OFF_S
        assert (
            schedule.killed(taken(schedule, now), WorkerDeath("w", "died", frames), now)
            is None
        )
    now += BACK_OFF_S
    failed = taken(schedule, now)
    assert schedule.ended(failed, ended(failed, JobStatus.FAILED), now) is None
    now += BACK_OFF_S
    final = schedule.killed(taken(schedule, now), WorkerDeath("w", "died", 1200), now)
    assert final is not None and final.status is JobStatus.POISON


def test_a_job_whose_worker_was_not_there_is_as_it_was() -> None:
    schedule = Schedule([(job(1), 4)])
    schedule.postponed(taken(schedule), 0.0)
    assert schedule.take(BACK_OFF_S / 2) is None
    again = taken(schedule, BACK_OFF_S)
    assert (again.number, again.tries, again.killed) == (5, 1, 0)
