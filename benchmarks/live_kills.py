"""`vseg watch` on an RTSP server that is killed, stopped, and started again with another size
and rate, at random: does it go on, is every gap an event, and how soon is a frame back?

    python benchmarks/live_kills.py --faults 20 --seed 1

A fault is one of: killed and started again with another clip (`killed`), stopped and continued
(`stopped`), stopped, then killed and started again (`both`).  `back_s` is from the moment at
which the server takes connections again, or is continued, to the first line of `vseg watch`
behind the gap.  Every fault must have its two events in events.jsonl, and every `back_s` must be
within 3 s on an idle machine.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from queue import Empty, Queue

import numpy as np

from benchmarks.shared import Table, run
from tests.clips import Recipe, write_clip
from tests.rtsp_server import RtspServer

FAULTS = ("killed", "stopped", "both")
SIZES = ((240, 320), (180, 320), (240, 240), (360, 480))
RATES = (30, 15, 10)
CLIP_S = 60
# Far beyond what is allowed: a frame that is not back then does not come.
GIVE_UP_S = 90.0


@dataclass(frozen=True, slots=True)
class Row:
    """One fault.  events: lines that it added to events.jsonl; 2 are right."""

    fault: str
    then: str
    away_s: float
    back_s: float
    events: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of `vseg watch`, and when it came."""

    monotonic_s: float
    gap_s: float | None


Lines = Queue[Shown]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--silence", type=float, default=2.0, help="of vseg watch, seconds")
    parser.add_argument("--short-side", type=int, default=192)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = Table(Row)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in _faults(Path(folder), options):
            rows.append(row)
            table.add(row)
    table.write(options.json)
    back = np.array([row.back_s for row in rows])
    right = sum(row.events == 2 for row in rows)
    print(
        f"first frame after the return: median {np.median(back):.2f} s, slowest "
        f"{back.max():.2f} s; {(back <= 3.0).sum()} of {len(rows)} within 3 s; "
        f"{right} of {len(rows)} gaps have their two events"
    )


def _faults(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    chance = random.Random(options.seed)
    _write(folder, (240, 320), 30)
    events = folder / "events.jsonl"
    with RtspServer(folder) as server, _watching(server.address, events, options) as lines:
        lines.get(timeout=GIVE_UP_S)
        for _ in range(options.faults):
            # Longer than it takes to believe that a connection is a good one.
            _pass(lines, chance.uniform(3.0, 6.0))
            before = _count(events)
            fault = chance.choice(FAULTS)
            size = chance.choice(SIZES)
            rate = chance.choice(RATES)
            # A stop that is shorter than the silence is no gap.
            least_s = 0.5 if fault == "killed" else options.silence + 1.0
            away_s = chance.uniform(least_s, least_s + 5.0)
            change = partial(_write, folder, size, rate)
            returned_s = _inflict(server, fault, away_s, change)
            back_s = _behind_gap(lines) - returned_s
            then = "" if fault == "stopped" else f"{size[1]}x{size[0]} {rate}/s"
            yield Row(fault, then, away_s, back_s, _count(events) - before)


def _inflict(
    server: RtspServer, fault: str, away_s: float, change: Callable[[], None]
) -> float:
    """Inflict a fault and let the server return; when it did."""
    if fault != "killed":
        server.stop()
        time.sleep(away_s)
        if fault == "stopped":
            return server.go_on()
    server.kill()
    change()
    if fault == "killed":
        time.sleep(away_s)
    return server.start()


def _write(folder: Path, size: tuple[int, int], rate: int) -> None:
    """The clip that the server gives from now on."""
    height, width = size
    often = {"g": str(rate), "bf": "0", "preset": "ultrafast"}
    write_clip(
        folder / "clip.mp4",
        Recipe(CLIP_S * rate, height, width, rate=Fraction(rate), options=often),
    )


@contextmanager
def _watching(address: str, events: Path, options: argparse.Namespace) -> Iterator[Lines]:
    """`vseg watch` in a process of its own; its lines as they come."""
    command = [sys.executable, "-m", "vseg", "watch", "--source", f"cam={address}"]
    command += ["--box", "20,120,300,230", "--events", str(events)]
    command += ["--silence", str(options.silence), "--short-side", str(options.short_side)]
    lines: Lines = Queue()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        output = child.stdout

        def read() -> None:
            for line in output:
                lines.put(Shown(time.monotonic(), json.loads(line).get("gap_s")))

        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        try:
            yield lines
        finally:
            child.terminate()
            reading.join()


def _pass(lines: Lines, seconds: float) -> None:
    """Let lines pass for a while."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        try:
            lines.get(timeout=left_s)
        except Empty:
            return


def _behind_gap(lines: Lines) -> float:
    """When the first line behind the next gap came."""
    while True:
        shown = lines.get(timeout=GIVE_UP_S)
        if shown.gap_s is not None:
            return shown.monotonic_s


def _count(events: Path) -> int:
    return len(events.read_text().splitlines()) if events.exists() else 0


if __name__ == "__main__":
    run(main)
