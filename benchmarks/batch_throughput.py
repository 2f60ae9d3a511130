"""Workers of one thread against one worker with all threads, on this machine.

    python benchmarks/batch_throughput.py

A batch of equal clips is done by each way in turn, round after round: one worker with one
thread, one with a thread for each core, and a worker of one thread for each core.  Frames are
counted from when the first clip began to when the last one ended, so that starting Python is no
part of it; loading the model is.  Processor seconds are those of the workers, whole.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.shared import Table
from vseg.batch.local_engine import cores
from vseg.batch.manifest import Manifest, read_manifest
from vseg.batch.place import FolderPlace
from vseg.batch.planning import read_plan
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.weights.threads import THREADS_VARIABLE


@dataclass(frozen=True, slots=True)
class ThroughputRow:
    """Medians over the rounds.  gain: frames/s against one worker with one thread; percent:
    of the number of threads.  between_ms: from the end of a clip to the beginning of the
    worker's next one.
    """

    workers: int
    threads: int
    frames_per_s: float
    gain: float
    percent: float
    cpu_ms_per_frame: float
    clips_per_hour: float
    between_ms: float


@dataclass(frozen=True, slots=True)
class _Round:
    frames_per_s: float
    cpu_ms_per_frame: float
    between_ms: float


def main() -> None:
    options = _options()
    all_cores = options.threads or cores()
    ways = [(1, 1), (1, all_cores), (all_cores, 1)]
    rounds: dict[tuple[int, int], list[_Round]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as scratch:
        clips = Path(scratch) / "clips"
        clips.mkdir()
        for number in range(options.clips):
            scene = SceneConfig(480, 854, options.frames, seed=number, num_objects=1)
            write_clip(SyntheticVideo(scene), clips / f"{number}.mp4")
        for number in range(options.rounds):
            for way in ways:
                out = Path(scratch) / f"{number}-{way[0]}-{way[1]}"
                rounds[way].append(_measured(clips, out, *way))
    rate = {way: median(one.frames_per_s for one in rounds[way]) for way in ways}
    table = Table(ThroughputRow)
    for workers, threads in ways:
        way = (workers, threads)
        gain = rate[way] / rate[1, 1]
        table.add(
            ThroughputRow(
                workers,
                threads,
                frames_per_s=rate[way],
                gain=gain,
                percent=100 * gain / (workers * threads),
                cpu_ms_per_frame=median(one.cpu_ms_per_frame for one in rounds[way]),
                clips_per_hour=3600 * rate[way] / options.frames,
                between_ms=median(one.between_ms for one in rounds[way]),
            )
        )
    table.write(options.json)


def _measured(clips: Path, out: Path, workers: int, threads: int) -> _Round:
    words = [str(clips), "-o", str(out), "--box", "300,150,560,330", "--workers", str(workers)]
    before = _children_s()
    subprocess.run(
        [sys.executable, "-m", "vseg", "batch", *words],
        env=os.environ | {THREADS_VARIABLE: str(workers * threads)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    spent_s = _children_s() - before
    place = FolderPlace(out)
    jobs = [planned.job for planned in read_plan(place) if planned.job is not None]
    ended = [m for job in jobs if (m := read_manifest(place, job.job_id)) is not None]
    frames = sum(one.frames for one in ended)
    begin = min(_began(one) for one in ended)
    span = max(one.ended for one in ended).timestamp() - begin
    return _Round(frames / span, 1000 * spent_s / frames, _between_ms(ended))


def _began(manifest: Manifest) -> float:
    return (manifest.ended - timedelta(seconds=manifest.seconds)).timestamp()


def _between_ms(ended: list[Manifest]) -> float:
    gaps = []
    for worker in {one.worker for one in ended}:
        own = sorted((one for one in ended if one.worker == worker), key=_began)
        gaps += [_began(b) - a.ended.timestamp() for a, b in pairwise(own)]
    return 1000 * median(gaps) if gaps else 0.0


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--threads", type=int, help="in all; a thread for each core if left out"
    )
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
