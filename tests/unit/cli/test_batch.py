"""`vseg batch`: what is missing is done, and nothing else; whatever dies meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.batch_workers import workers_in_process
from tests.unit.cli.conftest import Workplace, call, files_of
from vseg.batch.local_engine import LocalEngine
from vseg.batch.manifest import JobStatus, Manifest, read_manifest, write_manifest
from vseg.batch.overview import overview
from vseg.batch.place import FolderPlace
from vseg.batch.planning import read_plan
from vseg.batch.remaining import unfinished
from vseg.batch.run_clip import ClipRunner
from vseg.batch.schedule import Attempt, Schedule
from vseg.build import open_run
from vseg.pipelines.job import ProgressCallbacks
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

pytestmark = pytest.mark.integration

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips, and a file that is none."""
    folder = tmp_path_factory.mktemp("clips")
    for number, frames in enumerate((12, 30, 20)):
        scene = SceneConfig(64, 96, frames, seed=number, num_objects=1)
        write_clip(SyntheticVideo(scene), folder / f"{number}.mp4")
    (folder / "none.mp4").write_bytes(b"nonsense")
    return folder


def words(workplace: Workplace, clips: Path, out: Path, *more: object) -> list[str]:
    asked = ["batch", clips, "-o", out, "--point", "40,30", *workplace.settings, *more]
    return [str(word) for word in asked]


@pytest.fixture(scope="module")
def reference(
    workplace: Workplace, clips: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A batch that nothing disturbed."""
    out = tmp_path_factory.mktemp("batch") / "out"
    assert call(*words(workplace, clips, out, "--workers", 1)).exit_code == 4
    return out


def statuses(out: Path) -> dict[str, str]:
    place = FolderPlace(out)
    jobs = [planned.job for planned in read_plan(place) if planned.job is not None]
    ended = {Path(j.line.clip).name: read_manifest(place, j.job_id) for j in jobs}
    return {clip: m.status.value if m else "waiting" for clip, m in sorted(ended.items())}


DONE = {"0.mp4": "complete", "1.mp4": "complete", "2.mp4": "complete", "none.mp4": "refused"}


def runs_of(out: Path) -> dict[str, dict[str, bytes]]:
    return {run.name: files_of(run) for run in (out / "jobs").iterdir()}


def test_one_bad_clip_stops_nothing(reference: Path) -> None:
    assert statuses(reference) == DONE
    told = json.loads(call("batch", "status", reference, "--json").stdout)
    assert told["jobs"] == {"total": 4, "complete": 3, "refused": 1}
    assert told["frames"] == 62 and told["finished"]
    (problem,) = told["problems"]
    assert problem["clip"].endswith("none.mp4") and problem["error"]["type"] == "BadVideo"
    shown = call("batch", "status", reference).stdout
    assert "3 complete, 1 refused" in shown and "hint: " in shown


def test_every_clip_is_listed_with_its_run(reference: Path, clips: Path) -> None:
    lines = call("batch", "status", reference, "--list").stdout.splitlines()
    listed = json.loads(call("batch", "status", reference, "--list", "--json").stdout)["clips"]
    assert {Path(job["clip"]).name: job["status"] for job in listed} == DONE
    for job, line in zip(listed, lines, strict=False):
        assert line.startswith(job["clip"]) and job["status"] in line
        if job["run"] is None:
            assert job["status"] == "refused"
        else:
            assert Path(open_run(job["run"]).header.source.path) == Path(job["clip"])
            assert job["run"] in line and job["frames"] > 0
    queue = call("review", reference, "--least", "0", "--top", "3").stdout
    first = queue.splitlines()[0]
    known = {f"{Path(job['clip']).stem}, {job['run']}: " for job in listed}
    assert any(named in first for named in known), first


def test_the_longest_clip_is_first(reference: Path) -> None:
    sizes = [p.job.source.size for p in read_plan(FolderPlace(reference)) if p.job]
    assert sizes == sorted(sizes, reverse=True)


def test_a_second_start_does_nothing(
    workplace: Workplace, clips: Path, reference: Path
) -> None:
    before = {p: p.stat().st_mtime_ns for p in reference.rglob("*.parquet")}
    assert call(*words(workplace, clips, reference)).exit_code == 4
    assert before == {p: p.stat().st_mtime_ns for p in reference.rglob("*.parquet")}
    planned = call(*words(workplace, clips, reference, "--dry-run")).stdout
    assert planned == "0 of 4 jobs to do\n"


def test_another_prompt_for_one_clip_does_that_one_again(
    workplace: Workplace, clips: Path, reference: Path, tmp_path: Path
) -> None:
    lines = [{"clip": str(clips / f"{n}.mp4"), "point": "40,30"} for n in range(3)]
    lines[1]["point"] = "50,30"
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text("\n".join(map(json.dumps, lines)))
    out = shutil.copytree(reference, tmp_path / "out")
    asked = ["batch", jobs, "-o", out, *workplace.settings, "--dry-run", "--json"]
    (job,) = json.loads(call(*asked).stdout)["to_do"]
    assert job["clip"].endswith("1.mp4")


def test_a_summary_over_all_clips(reference: Path, tmp_path: Path) -> None:
    table = tmp_path / "all.parquet"
    assert "3 objects of 3 clips" in call("batch", "summary", reference, "-o", table).stdout
    rows = pq.read_table(table).to_pylist()
    assert {Path(row["clip"]).name for row in rows} == {"0.mp4", "1.mp4", "2.mp4"}
    assert all(0 <= row["mean_risk"] <= row["max_risk"] <= 1 for row in rows)
    assert call("batch", "summary", reference, "-o", "/").exit_code == 2
    refused = call("batch", "summary", reference, "-o", tmp_path / "all.csv")
    assert refused.exit_code == 2
    assert "all.parquet" in refused.stderr
    assert not (tmp_path / "all.csv").exists()


def test_review_and_export_take_a_batch_as_a_whole(reference: Path, tmp_path: Path) -> None:
    queue = json.loads(call("review", reference, "--least", 0, "--json").stdout)
    assert {Path(span["run"]).parent for span in queue["spans"]} == {reference / "jobs"}
    exported = call("export", reference, "--to", "coco", "-o", tmp_path / "all")
    assert exported.exit_code == 0, exported.stderr
    images = [json.loads(p.read_text())["images"] for p in (tmp_path / "all").rglob("*.json")]
    assert sum(map(len, images)) == 62


def test_shards_are_apart_and_together_everything(
    workplace: Workplace, clips: Path, reference: Path, tmp_path: Path
) -> None:
    figures = tmp_path / "vseg.prom"
    for index in (0, 1):
        share = ("--shard", f"{index}/2", "--workers", 1, "--metrics", figures)
        with workers_in_process():
            call(*words(workplace, clips, tmp_path / "out", *share))
        told = dict(line.rsplit(" ", 1) for line in figures.read_text().splitlines())
        assert int(told["vseg_batch_frames_total"]) > 0
        ended = [int(n) for name, n in told.items() if name.startswith("vseg_batch_jobs{")]
        assert sum(ended) == 2
        done = [
            status for status in statuses(tmp_path / "out").values() if status != "waiting"
        ]
        assert len(done) == 2 * (index + 1)
        status = call("batch", "status", tmp_path / "out").stdout
        assert ("at work on them: vseg batch retry" in status) == (index == 0)
    assert runs_of(tmp_path / "out") == runs_of(reference)


class _Killer:
    """A watcher that kills the worker of some clips, each so many times."""

    def __init__(self, times: dict[str, int]) -> None:
        self.times = times

    def begins(self, worker: str, attempt: Attempt) -> None:
        clip = Path(attempt.job.line.clip).name
        if self.times.get(clip):
            self.times[clip] -= 1
            until = time.monotonic() + 30
            while not (pids := _workers_of(os.getpid())):  # it is being started
                assert time.monotonic() < until
                time.sleep(0.01)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)

    def advances(self, worker: str, done: int, total: int) -> None:
        pass

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        pass


def _workers_of(driver: int) -> list[int]:
    """Process ids of the workers that a process started."""
    found = []
    for task in Path(f"/proc/{driver}/task").iterdir():
        for pid in map(int, (task / "children").read_text().split()):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            found += [pid] if b"vseg.batch.worker_main" in command else []
    return found


@linux
@pytest.mark.slow
def test_a_worker_that_is_killed_once_or_twice(
    workplace: Workplace, clips: Path, reference: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call(*words(workplace, clips, out, "--dry-run"))
    place = FolderPlace(out)
    schedule = Schedule(unfinished(place, read_plan(place)))
    killer = _Killer({"1.mp4": 2, "2.mp4": 1})
    LocalEngine(place, 1, killer, lambda: False).run(schedule)
    assert killer.times == {"1.mp4": 0, "2.mp4": 0}
    assert statuses(out) == {**DONE, "1.mp4": "poison"}
    with workers_in_process():
        assert call("batch", "retry", out, "--workers", 1).exit_code == 4
    assert statuses(out) == DONE
    assert runs_of(out) == runs_of(reference)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that no worker finishes between its first commit and the next look at it."""
    clip = tmp_path_factory.mktemp("long") / "long.mp4"
    write_clip(SyntheticVideo(SceneConfig(64, 96, 160, seed=5, num_objects=1)), clip)
    return clip


@pytest.fixture(scope="module")
def calm(
    workplace: Workplace, long_clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Its batch, undisturbed."""
    out = tmp_path_factory.mktemp("calm") / "out"
    assert call(*words(workplace, long_clip, out, "--workers", 1)).exit_code == 0
    return out


@linux
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_driver_that_is_ended_goes_on_inside_the_clip(
    workplace: Workplace, long_clip: Path, calm: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "vseg", *words(workplace, long_clip, out, "--workers", 1)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(out.glob("jobs/*/masks/shard-000000.parquet")):
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.01)
    # The worker stands still until it has been told: what is timed here is no race.
    (worker,) = _workers_of(driver.pid)
    os.kill(worker, signal.SIGSTOP)
    driver.send_signal(number)
    if number == signal.SIGTERM:
        _wait_until(lambda: _is_pending(worker, signal.SIGTERM))
    else:
        driver.wait()
        time.sleep(0.6)  # longer than between two lines to the driver: it speaks next
    os.kill(worker, signal.SIGCONT)
    driver.communicate()
    _wait_until(lambda: not list(out.glob("jobs/*/.writer.json")))
    if number == signal.SIGTERM:
        assert driver.returncode == 130
        assert statuses(out) == {"long.mp4": "interrupted"}
    else:
        assert statuses(out) == {"long.mp4": "waiting"}
    before = len(list(out.glob("jobs/*/masks/*.parquet")))
    assert 0 < before < len(list(calm.glob("jobs/*/masks/*.parquet")))
    assert call(*words(workplace, long_clip, out, "--workers", 1)).exit_code == 0
    assert statuses(out) == {"long.mp4": "complete"}
    assert runs_of(out) == runs_of(calm)


def test_a_job_that_was_interrupted_has_all_its_frames_in_the_end(
    workplace: Workplace, clips: Path, tmp_path: Path
) -> None:
    place = FolderPlace(tmp_path / "out")
    call(*words(workplace, clips / "0.mp4", tmp_path / "out", "--dry-run"))
    (planned,) = read_plan(place)
    assert planned.job is not None
    runner = ClipRunner(place, "here")
    stops = iter([False] * 6 + [True])
    ended = runner.run(planned.job, 1, ProgressCallbacks(stop=lambda: next(stops)))
    assert (ended.status, ended.frames, ended.tracked) == (JobStatus.INTERRUPTED, 7, 7)
    ended = runner.run(planned.job, 2, ProgressCallbacks())
    assert (ended.status, ended.frames, ended.tracked) == (JobStatus.COMPLETE, 12, 5)
    write_manifest(place, ended)
    assert overview(place).facts()["frames"] == 12


def _is_pending(pid: int, number: signal.Signals) -> bool:
    """Whether a process that stands still was sent a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("ShdPnd")]
    return bool(int(mask, 16) >> (number - 1) & 1)


def _wait_until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("waited a minute for nothing")


class _Waker:
    """A watcher that lets a process go on once its job was found to be its own."""

    def __init__(self, orphan: int) -> None:
        self.orphan = orphan
        self.waited = 0

    def begins(self, worker: str, attempt: Attempt) -> None:
        pass

    def advances(self, worker: str, done: int, total: int) -> None:
        pass

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        if ended is None:
            assert attempt.again is not None and attempt.again.type == "RunBusy"
            self.waited += 1
            os.kill(self.orphan, signal.SIGCONT)


@linux
@pytest.mark.slow
def test_an_orphan_that_still_writes_is_waited_for(
    workplace: Workplace, long_clip: Path, calm: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "vseg", *words(workplace, long_clip, out, "--workers", 1)]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_until(lambda: bool(list(out.glob("jobs/*/masks/shard-000000.parquet"))))
    (orphan,) = _workers_of(driver.pid)
    os.kill(orphan, signal.SIGSTOP)
    driver.kill()
    driver.wait()
    place = FolderPlace(out)
    waker = _Waker(orphan)
    LocalEngine(place, 1, waker, lambda: False).run(
        Schedule(unfinished(place, read_plan(place)))
    )
    assert waker.waited
    (job,) = [planned.job for planned in read_plan(place) if planned.job]
    manifest = read_manifest(place, job.job_id)
    assert manifest is not None
    assert (manifest.status, manifest.attempts) == (JobStatus.COMPLETE, 1)
    assert runs_of(out) == runs_of(calm)


class _Hanger:
    """A watcher that has a worker hang as soon as it has a job."""

    def __init__(self) -> None:
        self.hanging: list[int] = []

    def begins(self, worker: str, attempt: Attempt) -> None:
        workers = _workers_of(os.getpid())
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        self.hanging = workers

    def advances(self, worker: str, done: int, total: int) -> None:
        pass

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        pass


@linux
def test_ctrl_c_for_the_second_time_waits_for_no_worker(
    workplace: Workplace, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    call(*words(workplace, clips, out, "--dry-run"))
    place = FolderPlace(out)
    hanger = _Hanger()

    def stop() -> bool:
        """As the handler of the signal does it, in the main thread."""
        if hanger.hanging:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        LocalEngine(place, 1, hanger, stop).run(Schedule(unfinished(place, read_plan(place))))
    assert hanger.hanging and not _workers_of(os.getpid())


def test_a_clip_that_changed_since_it_was_planned(
    workplace: Workplace, clips: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "a.mp4"
    shutil.copy(clips / "0.mp4", clip)
    out = tmp_path / "out"
    call(*words(workplace, clip, out, "--dry-run"))
    shutil.copy(clips / "2.mp4", clip)
    with workers_in_process():
        assert call("batch", "retry", out, "--workers", 1).exit_code == 4
    assert statuses(out) == {"a.mp4": "refused"}
    assert not list((out / "jobs").iterdir())
    with workers_in_process():
        assert call(*words(workplace, clip, out)).exit_code == 0
    assert statuses(out) == {"a.mp4": JobStatus.COMPLETE.value}


def test_a_store_holds_the_same_as_a_folder(
    workplace: Workplace,
    clips: Path,
    reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    asked = words(workplace, Path(), Path())
    asked[1] = f"file://{clips}/[012].mp4"
    asked[3] = f"file://{tmp_path}/out"
    assert call(*asked).exit_code == 0
    # Clips are identified by what the store says of them, so jobs have other ids.
    masks = {m.read_bytes() for m in (tmp_path / "out").glob("jobs/*/masks/*.parquet")}
    assert masks == {m.read_bytes() for m in reference.glob("jobs/*/masks/*.parquet")}
    assert not list((tmp_path / "scratch").glob("vseg-batch-*/jobs/*"))


def test_what_is_no_batch(tmp_path: Path) -> None:
    for command in ("status", "retry", "summary"):
        failed = call("batch", command, tmp_path)
        assert failed.exit_code == 3 and "is no batch" in failed.stderr


@pytest.mark.parametrize("option", [("--shard", "2/2"), ("--engine", "none")])
@pytest.mark.parametrize("command", ["run", "retry"])
def test_who_does_the_jobs_is_checked_before_anything_is_read_or_forgotten(
    tmp_path: Path, command: str, option: tuple[str, str]
) -> None:
    more = ("-o", tmp_path / "out", "--auto", "--dry-run") if command == "run" else ()
    failed = call("batch", command, tmp_path / "gone", *more, *option)
    assert failed.exit_code == 2 and option[1] in failed.stderr
