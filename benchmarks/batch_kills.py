"""A batch to which everything happens that can: is anything lost, changed or done twice?

    python benchmarks/batch_kills.py
    python benchmarks/batch_kills.py --engine ray --s3 --between-s 5 12
    python benchmarks/batch_kills.py --real CLIPS       # the first frames of real clips, too

Clips are tracked once undisturbed, in a folder.  Then the same batch is begun on a full disk (a
small tmpfs; only as root, else this is left out), which is enlarged when the batch gives up.
Then a worker or the driver is killed by SIGKILL at random moments, and the batch is started
again until it is done.  Among the clips are one that is none, one that kills every worker (its
worker is killed whenever it begins), and one that is replaced by another clip after it was
planned.  Clips that lost two workers by chance are tried again at the end.  Compared are all
files of all runs but run.json, which has times.  A last start must do nothing.

With --s3 clips and results lie in a bucket of moto's server, and the full disk is the workers'
own.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.batch_clips import (
    CHANGING,
    NONE,
    POISON,
    listed_jobs,
    make_clips,
    upload,
    write_clip_of,
)
from benchmarks.s3_server import s3_server
from benchmarks.shared import Table
from benchmarks.small_disk import small_disk
from benchmarks.worker_processes import kill_worker_of, kill_workers
from vseg.batch.manifest import JobStatus, manifest_name, read_manifest
from vseg.batch.place import Place, open_place
from vseg.batch.planning import read_plan

FULL_KIB = {False: 600, True: 256}
"""Room for a plan and a few small runs; on workers' own disks, for some clips."""


@dataclass(frozen=True, slots=True)
class KillRow:
    """One engine.  full_disk_exit: of the driver.  starts: until nothing was left, the one on
    the full disk included.  attempts: of all jobs.  set_aside: clips that lost two workers by
    chance, and were tried again.  undone: clips without a run at the end; different: with other
    files than the undisturbed batch; again: jobs that a last start did.
    """

    engine: str
    clips: int
    killed_workers: int
    killed_drivers: int
    full_disk_exit: int | None
    starts: int
    attempts: int
    set_aside: int
    undone: int
    different: int
    again: int
    none: str
    poison: str
    changed: str
    seconds: float


@dataclass(slots=True)
class Trial:
    """A batch under attack.  words: JOBS, OUT and options.  scratch: the workers' folder."""

    words: list[str]
    out: str
    scratch: Path
    options: argparse.Namespace
    draw: random.Random
    starts: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    poison: str | None = None

    @property
    def place(self) -> Place:
        return open_place(self.out)

    def start(self, *command: str, kills: int = 0) -> int:
        """Start the batch; the driver's exit code, negative if it was killed."""
        self.starts += 1
        driver = _batch(command or self.words, self.scratch)
        due = self._due()
        while driver.poll() is None:
            time.sleep(0.05)
            self._poison()
            if time.monotonic() >= due and self.killed.total() < kills:
                self._kill(driver)
                due = self._due()
        return driver.returncode

    def _due(self) -> float:
        return time.monotonic() + self.draw.uniform(*self.options.between_s)

    def _kill(self, driver: "subprocess.Popen[bytes]") -> None:
        if self.draw.random() < 0.3:
            driver.kill()
            driver.wait()
            self.killed["driver"] += 1
        elif kill_workers(driver.pid, self.draw):
            self.killed["worker"] += 1

    def _poison(self) -> None:
        """Kill whichever worker has claimed the clip that is poison."""
        with suppress(Exception):  # the plan is being written
            if self.poison is None:
                (self.poison,) = [job for clip, job in _jobs(self.place) if clip == POISON]
            folder = self.place.folder
            # In a store's case the folder is below the workers' own temporary one.
            below = self.scratch / folder.name if self.options.s3 else folder
            kill_worker_of(below, self.poison)

    def status(self, clip: str) -> str:
        found = [
            read_manifest(self.place, job) for name, job in _jobs(self.place) if name == clip
        ]
        return found[0].status.value if found and found[0] else "waiting"


def main() -> None:
    options = _options()
    server: AbstractContextManager[dict[str, str]]
    server = s3_server() if options.s3 else nullcontext({})
    with tempfile.TemporaryDirectory() as scratch, server as environment:
        os.environ.update(environment)
        table = Table(KillRow)
        with small_disk(Path(scratch) / "disk", FULL_KIB[options.s3]) as enlarge:
            table.add(_trial(Path(scratch), options, enlarge))
        table.write(options.json)


def _trial(
    folder: Path, options: argparse.Namespace, enlarge: Callable[[], None] | None
) -> KillRow:
    clips = make_clips(folder / "clips", options)
    calm = folder / "calm"
    _batch([*listed_jobs(clips, folder), "-o", str(calm), *_asked(options)], folder).wait()
    reference = {
        clip: _files(open_place(str(calm)), job) for clip, job in _jobs(open_place(str(calm)))
    }
    write_clip_of(clips / CHANGING, 999, 12)
    disk = folder / "disk"
    out = "s3://runs-out/batch" if options.s3 else str(disk / "out")
    where = listed_jobs(clips, folder, "s3://clips-in" if options.s3 else None)
    began = time.monotonic()
    words = [*where, "-o", out, *_asked(options), "--engine", options.engine]
    trial = Trial(words, out, disk, options, random.Random(options.seed))
    exit_code = trial.start() if enlarge else None
    if enlarge:
        enlarge()
    else:
        trial.start("--dry-run", *words)
    write_clip_of(clips / CHANGING, 998, 12)
    if options.s3:
        upload(clips / CHANGING)
    engine = ["--engine", options.engine, "--workers", str(options.workers)]
    code = trial.start("retry", out, *engine, kills=options.kills)
    changed = trial.status(CHANGING)
    while code < 0:
        code = trial.start(kills=options.kills)
    trial.start()
    aside = _set_aside(trial)
    for job in aside:
        trial.start("retry", out, "--job", job, *engine)
    before = _manifests(trial.place)
    trial.start()
    again = sum(content != before[job] for job, content in _manifests(trial.place).items())
    undone, different, attempts = _compared(trial.place, reference)
    return KillRow(
        engine=options.engine,
        clips=len(reference),
        killed_workers=trial.killed["worker"],
        killed_drivers=trial.killed["driver"],
        full_disk_exit=exit_code,
        starts=trial.starts - 1,
        attempts=attempts,
        set_aside=len(aside),
        undone=undone,
        different=different,
        again=again,
        none=trial.status(NONE),
        poison=trial.status(POISON),
        changed=changed,
        seconds=round(time.monotonic() - began, 1),
    )


def _set_aside(trial: Trial) -> list[str]:
    aside = []
    for clip, job in _jobs(trial.place):
        manifest = read_manifest(trial.place, job)
        if manifest and manifest.status is JobStatus.POISON and clip != POISON:
            aside.append(job)
    return aside


def _compared(place: Place, reference: dict[str, dict[str, bytes]]) -> tuple[int, int, int]:
    undone = different = attempts = 0
    for clip, job in _jobs(place):
        manifest = read_manifest(place, job)
        attempts += manifest.attempts if manifest else 0
        if clip == POISON or not reference[clip]:
            continue
        undone += not place.has_run(job)
        different += _files(place, job) != reference[clip]
    return undone, different, attempts


def _asked(options: argparse.Namespace) -> list[str]:
    # Small shards, so that what was killed goes on inside the clip.
    settings = Path(tempfile.gettempdir()) / f"vseg-kills-{os.getpid()}.toml"
    settings.write_text("short_side = 96\nshard_frames = 8\npreview = false\n")
    workers = str(options.workers)
    return ["--point", "40,30", "--config", str(settings), "--workers", workers]


def _batch(words: "list[str] | tuple[str, ...]", scratch: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "vseg", "batch", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(scratch), "RAY_TMPDIR": "/tmp"},
    )


def _jobs(place: Place) -> list[tuple[str, str]]:
    return [(Path(p.clip).name, p.job.job_id) for p in read_plan(place) if p.job is not None]


def _manifests(place: Place) -> dict[str, bytes | None]:
    return {job: place.read(manifest_name(job)) for _, job in _jobs(place)}


def _files(place: Place, job_id: str) -> dict[str, bytes]:
    """What of a run must not depend on how often it was interrupted."""
    folder = place.take(job_id)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "run.json"
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--real", type=Path, help="a folder of clips")
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--s3", action="store_true", help="in a bucket of moto's server")
    parser.add_argument(
        "--between-s",
        type=float,
        nargs=2,
        default=(1.0, 3.0),
        help="seconds between two kills",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
