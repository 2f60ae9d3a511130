"""How long a command takes to begin, and what a process of one frame holds.

    python benchmarks/start_up.py --rounds 5
    python benchmarks/start_up.py --rounds 5 --against OTHER_CHECKOUT

Commands are started in turn, those of both checkouts one after the other; the medians over all
rounds but the first are printed: like an installed vseg, they find its modules compiled.  The
first mask is there when the shard that holds it has its name.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.shared import Table, run
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip


@dataclass(frozen=True, slots=True)
class StartRow:
    """Milliseconds of wall clock, and of the processor for `vseg track` of one frame.

    help_ms: `vseg --help`; first_mask_ms, whole_ms: `vseg track` until its first mask and to
    its end.
    """

    checkout: str
    help_ms: float
    first_mask_ms: float
    whole_ms: float
    cpu_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="another checkout of vseg")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    here = Path(__file__).parents[1]
    checkouts = [here] if options.against is None else [options.against.absolute(), here]
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(SyntheticVideo(SceneConfig(480, 854, 8, seed=1)), clip)
        rounds: dict[Path, list[StartRow]] = {checkout: [] for checkout in checkouts}
        for number in range(options.rounds + 1):
            for checkout in checkouts:
                out = Path(folder) / f"{number}-{len(rounds[checkout])}-{checkout.name}"
                rounds[checkout].append(_started(checkout, clip, out))
    table = Table(StartRow)
    for checkout, rows in rounds.items():
        columns = ("help_ms", "first_mask_ms", "whole_ms", "cpu_ms")
        medians = [median(getattr(row, name) for row in rows[1:]) for name in columns]
        table.add(StartRow(str(checkout), *map(round, medians)))
    table.write(options.json)


def _started(checkout: Path, clip: Path, out: Path) -> StartRow:
    command = [sys.executable, "-m", "vseg"]
    env = os.environ | {"PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'trackers'}"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    # Modules in the current folder come before those of PYTHONPATH.
    place = out.parent
    null = subprocess.DEVNULL
    began = _now_ms()
    subprocess.run([*command, "--help"], env=env, cwd=place, check=True, stdout=null)
    help_ms = _now_ms() - began
    words = ["track", clip, "-o", out, "--box", "300,150,500,350", "--range", "0:1"]
    track = [*command, *map(str, words)]
    before = _children_cpu_ms()
    began = _now_ms()
    process = subprocess.Popen(track, env=env, cwd=place, stdout=null, stderr=null)
    shard = out / "masks" / "shard-000000.parquet"
    while not shard.exists() and process.poll() is None:
        time.sleep(0.002)
    first_mask_ms = _now_ms() - began
    process.wait()
    whole_ms = _now_ms() - began
    cpu_ms = _children_cpu_ms() - before
    return StartRow(checkout.name, help_ms, first_mask_ms, whole_ms, cpu_ms)


def _now_ms() -> float:
    return time.perf_counter() * 1e3


def _children_cpu_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e3


if __name__ == "__main__":
    run(main)
