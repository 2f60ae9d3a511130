"""A batch whose workers and driver are killed again and again: is anything lost or done twice?

    python benchmarks/batch_kills.py --clips 40 --kills 12
    python benchmarks/batch_kills.py --clips 40 --kills 12 --engine ray --s3

Synthetic clips are tracked once undisturbed, in a folder.  Then the same batch is killed at
random moments, a worker or the driver by SIGKILL, and started again until it is done.  Compared
are the bytes of all masks and prompts.  With --s3 clips and results lie in a bucket of moto's
server, which must be installed with s3fs (pip install s3fs 'moto[server]'); with --engine ray,
Ray.  A clip that is none is among them, and must stop nothing.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import Table
from vseg.batch.manifest import read_manifest
from vseg.batch.overview import overview
from vseg.batch.place import Place, open_place
from vseg.batch.planning import read_plan
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

WORKER_WORDS = (b"vseg.batch.worker_main", b"ray::ClipActor")


@dataclass(frozen=True, slots=True)
class KillRow:
    """One engine.  starts: of the driver, until nothing was left.  attempts: of all jobs.
    different: jobs whose files are not those of the undisturbed batch; undone: without a run.
    """

    engine: str
    clips: int
    killed_workers: int
    killed_drivers: int
    starts: int
    attempts: int
    undone: int
    different: int
    seconds: float


def main() -> None:
    options = _options()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch, _server(options.s3) as environment:
        os.environ.update(environment)
        folder = Path(scratch)
        clips = _clips(folder / "clips", options.clips)
        asked = ["--point", "40,30", "--short-side", "96", "--workers", str(options.workers)]
        _batch([str(clips), "-o", str(folder / "calm"), *asked]).wait()
        out, source = str(folder / "out"), str(clips)
        if options.s3:
            out, source = _to_bucket(clips)
        words = [source, "-o", out, *asked, "--engine", options.engine]
        row = _disturbed(words, folder / "calm", out, draw, options)
    table = Table(KillRow)
    table.add(row)
    table.write(options.json)


def _clips(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        scene = SceneConfig(64, 96, 20 + 7 * (number % 9), seed=number, num_objects=2)
        write_clip(SyntheticVideo(scene), folder / f"{number:03d}.mp4")
    (folder / "none.mp4").write_bytes(b"nonsense")
    return folder


def _batch(words: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "vseg", "batch", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _disturbed(
    words: list[str], calm: Path, out: str, draw: random.Random, options: argparse.Namespace
) -> KillRow:
    began = time.monotonic()
    killed = {"worker": 0, "driver": 0}
    starts = 0
    while True:
        starts += 1
        driver = _batch(words)
        while driver.poll() is None:
            time.sleep(draw.uniform(*options.between_s))
            if sum(killed.values()) >= options.kills:
                driver.wait()
            elif draw.random() < 0.3:
                driver.kill()
                killed["driver"] += 1
            elif workers := _workers(driver.pid):
                os.kill(draw.choice(workers), signal.SIGKILL)
                killed["worker"] += 1
        if driver.returncode >= 0:
            break
    place = open_place(out)
    return KillRow(
        engine=options.engine,
        clips=options.clips,
        killed_workers=killed["worker"],
        killed_drivers=killed["driver"],
        starts=starts,
        **_compared(place, open_place(str(calm))),
        seconds=round(time.monotonic() - began, 1),
    )


def _compared(place: Place, calm: Place) -> dict[str, int]:
    reference = {Path(clip).name: _files(calm, job) for clip, job in _jobs(calm)}
    undone = different = attempts = 0
    for clip, job in _jobs(place):
        manifest = read_manifest(place, job)
        attempts += manifest.attempts if manifest else 0
        expected = reference[Path(clip).name]
        undone += bool(expected) and not place.has_run(job)
        different += _files(place, job) != expected
    for failed in overview(place).problems:
        print(failed, file=sys.stderr)
    return {"attempts": attempts, "undone": undone, "different": different}


def _jobs(place: Place) -> list[tuple[str, str]]:
    return [(p.clip, p.job.job_id) for p in read_plan(place) if p.job is not None]


def _files(place: Place, job_id: str) -> dict[str, bytes]:
    """What of a run must not depend on how often it was interrupted."""
    folder = place.take(job_id)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "run.json"
    }


def _workers(driver: int) -> list[int]:
    """Process ids of the workers of a driver."""
    parents: dict[int, int] = {}
    commands: dict[int, bytes] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in brackets, may hold blanks: what follows it is counted.
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            commands[int(entry.name)] = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(entry.name)] = int(parent)

    def below(pid: int) -> bool:
        return pid == driver or (pid in parents and below(parents[pid]))

    named = (p for p, words in commands.items() if any(w in words for w in WORKER_WORDS))
    return [pid for pid in named if below(pid)]


def _to_bucket(clips: Path) -> tuple[str, str]:
    """Where results and clips are."""
    import fsspec

    store = fsspec.filesystem("s3")
    for bucket in ("clips-in", "runs-out"):
        store.mkdir(bucket)
    for clip in sorted(clips.iterdir()):
        store.put_file(str(clip), f"clips-in/{clip.name}")
    return "s3://runs-out/batch", "s3://clips-in/*.mp4"


@contextmanager
def _server(wanted: bool) -> Iterator[dict[str, str]]:
    """The variables that lead to a bucket on this machine."""
    if not wanted:
        yield {}
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
    finally:
        server.kill()
        server.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--s3", action="store_true", help="in a bucket of moto's server")
    parser.add_argument(
        "--between-s",
        type=float,
        nargs=2,
        default=(2.0, 8.0),
        help="seconds between two kills",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
