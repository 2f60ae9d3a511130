"""Tracking beside other processes: what a frame costs, by how threads wait for each other.

    python benchmarks/neighbours.py --frames 40
    python benchmarks/neighbours.py --busy 2 --policies shipped spinning --dtype float32

The same clip is tracked by `vseg bench` beside 0, 1 and 2 processes that keep a core busy each,
policies in turn; medians over the rounds.  `shipped` is what the commands set before torch is
loaded (vseg/weights/threads.py), `spinning` is OpenMP's own default, `single` one thread.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.shared import Table, run

# 300 000 turns are libgomp's default where OMP_WAIT_POLICY is unset.
POLICIES = {
    "shipped": {},
    "spinning": {"GOMP_SPINCOUNT": "300000"},
    "single": {"VSEG_THREADS": "1"},
}
_SET_BY_US = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "GOMP_SPINCOUNT", "VSEG_THREADS")


@dataclass(frozen=True, slots=True)
class NeighbourRow:
    """busy: processes that keep a core busy each.  cpu_ms: of the processor for a frame, once
    the memory is full, of all threads.
    """

    busy: int
    policy: str
    runtime: str
    cpu_ms: float
    frames_per_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--policies", nargs="+", choices=POLICIES, default=["shipped", "spinning", "single"]
    )
    parser.add_argument("--runtime", choices=("torch", "onnx"), default="torch")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    words = ["--frames", str(options.frames), "--objects", str(options.objects)]
    words += ["--runtime", options.runtime, "--dtype", options.dtype]
    table = Table(NeighbourRow)
    for busy in options.busy:
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in options.policies}
        with busy_processes(busy):
            for _ in range(options.rounds):
                for name in options.policies:
                    rounds[name].append(_benched(words, POLICIES[name]))
        for name, figures in rounds.items():
            cpu_ms = median(each["processor ms"] for each in figures)
            speed = median(each["frames/s"] for each in figures)
            table.add(NeighbourRow(busy, name, options.runtime, cpu_ms, speed))
    table.write(options.json)


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many processes that do nothing but count."""
    loop = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(loop) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _benched(words: list[str], policy: dict[str, str]) -> dict[str, float]:
    env = {k: v for k, v in os.environ.items() if k not in _SET_BY_US} | policy
    command = [sys.executable, "-m", "vseg", "bench", "--json", *words]
    ended = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures


if __name__ == "__main__":
    run(main)
