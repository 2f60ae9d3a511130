"""`vseg batch --split`: one clip by several workers is one run, whoever dies meanwhile."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch_workers import workers_in_process
from tests.unit.cli.conftest import SCENE, Workplace, call, files_of
from vseg.batch.local_engine import LocalEngine
from vseg.batch.manifest import Manifest
from vseg.batch.overview import finished_jobs
from vseg.batch.place import FolderPlace
from vseg.batch.planning import read_plan
from vseg.batch.remaining import unfinished
from vseg.batch.schedule import Attempt, Schedule
from vseg.build import open_run
from vseg.synthetic import SyntheticVideo
from vseg.types import MaskCrop

Words = Callable[..., list[str]]
"""A command for a folder, with more options."""

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def words(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Words:
    """A batch of one clip with detections, in three stretches."""
    folder = tmp_path_factory.mktemp("split")
    scene = SyntheticVideo(SCENE)
    rows = []
    for index in range(0, SCENE.num_frames, 4):
        x, y, w, h = MaskCrop.of(scene.truth(index) == 1).xywh
        if w:
            rows.append(f"{index + 1},-1,{x},{y},{w},{h},0.9,-1\n")
    (folder / "det.txt").write_text("".join(rows))
    line = {"clip": str(workplace.clip), "detections": str(folder / "det.txt")}
    (folder / "jobs.jsonl").write_text(json.dumps(line))

    def asked(out: Path, *more: object) -> list[str]:
        given = ("batch", folder / "jobs.jsonl", "-o", out, "--split", "0.9s", *more)
        return [*map(str, given), *workplace.settings]

    return asked


@pytest.fixture(scope="module")
def reference(words: Words, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    done = call(*words(out, "--workers", 1))
    assert done.exit_code == 0, done.stderr
    return out


def test_one_clip_is_one_run(words: Words, reference: Path) -> None:
    (job_id,) = finished_jobs(FolderPlace(reference))
    assert [p.name for p in (reference / "jobs").iterdir()] == [job_id]
    run = open_run(reference / "jobs" / job_id)
    assert list(run.frame_numbers()) == list(range(SCENE.num_frames))
    assert run.header.status == "complete" and run.header.settings["range"] == ":"
    assert run.header.options["stretches"] == 3
    told = json.loads(call("batch", "status", reference, "--json").stdout)
    assert told["jobs"] == {"total": 1, "complete": 1}
    assert told["stretches"] == {"complete": 3} and told["finished"]
    assert call(*words(reference, "--dry-run")).stdout == "0 of 4 jobs to do\n"


class _Counter:
    """A watcher that counts what has ended."""

    def __init__(self) -> None:
        self.ended = 0

    def begins(self, worker: str, attempt: Attempt) -> None:
        pass

    def advances(self, worker: str, done: int, total: int) -> None:
        pass

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        self.ended += 1


@pytest.mark.parametrize("enough", [1, 3])
def test_a_batch_that_stops_between_stretches_goes_on(
    words: Words, reference: Path, tmp_path: Path, enough: int
) -> None:
    out = tmp_path / "out"
    call(*words(out, "--dry-run"))
    place = FolderPlace(out)
    counter = _Counter()
    with workers_in_process():
        engine = LocalEngine(place, 1, counter, lambda: counter.ended >= enough)
        engine.run(Schedule(unfinished(place, read_plan(place))))
    # What a kill may leave of the join: a run that is not whole.
    joint = next(p.job for p in read_plan(place) if p.job and p.job.parts)
    (out / "manifests" / f"{joint.job_id}.json").unlink(missing_ok=True)
    with workers_in_process():
        done = call(*words(out, "--workers", 1))
    assert done.exit_code == 0, done.stderr
    stopped, calm = (_files(batch / "jobs") for batch in (out, reference))
    assert stopped == calm


def _files(jobs: Path) -> dict[str, dict[str, bytes]]:
    return {run.name: files_of(run) for run in jobs.iterdir()}
