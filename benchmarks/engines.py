"""vseg, the transformers library and the published SAM 2 predictor on the same objects and
images, and nano beside them.

    python benchmarks/engines.py --models edgetam sam2.1-tiny --objects 1 2 5 10 --threads 2

Random weights of true size, memory full; the engines take turns frame by frame and a row shows
medians over `--rounds` frames.  Trust processor time (`cpu`) where other work shares the
machine.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.engines_clock import STAGES, StageClock
from benchmarks.engines_contenders import (
    Contender,
    Library,
    Official,
    Ours,
    Setting,
    official_is_there,
    state_bytes,
)
from benchmarks.engines_nano import NanoEngine
from benchmarks.engines_networks import NETWORKS, network
from benchmarks.shared import Table, run
from vseg.errors import ModelError
from vseg.weights.device import open_device

ENGINES = ("vseg", "transformers", "official", "nano")
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_CAPTION = """\
ms per frame, medians; rest: time outside all stages.  state, grows: KiB kept of the video with a full
memory, and added per further frame.  peak: MiB of a process that runs this row alone{where}.
nano is the same in the rows of every model: its size, number format and runtime by default here.
transformers gets frames already resized; its EdgeTAM has our folded RepViT in place of timm's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One engine with one model and so many objects, by one clock."""

    model: str
    engine: str
    clock: str
    objects: int
    total: float
    encoder: float
    attention: float
    decoder: float
    memory: float
    post: float
    rest: float
    state: float
    grows: float
    peak: float | None


def main() -> None:
    """Print the table, or with --alone the peak memory of one row."""
    options = _options().parse_args()
    device = open_device(options.device)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    if options.alone:
        for _ in _rows(options, options.models[0], options.objects[0]):
            pass
        print(_peak_mib(device))
        return
    print(_CAPTION.format(where=" (GPU memory)" if device.type == "cuda" else ""))
    table = Table(Row)
    for model in options.models:
        for objects in options.objects:
            for row in _rows(options, model, objects):
                table.add(row)
    table.write(options.json)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", choices=NETWORKS, default=["edgetam", "sam2.1-tiny"]
    )
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=_importable())
    parser.add_argument("--objects", nargs="+", type=int, default=[1, 2, 5, 10])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=1024, help="pixels of the square input")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=tuple(_DTYPES), default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser


def _importable() -> list[str]:
    return [name for name in ENGINES if name != "official" or official_is_there()]


def _rows(options: argparse.Namespace, model: str, objects: int) -> Iterator[Row]:
    """Two rows per engine that runs the model, with so many objects."""
    device = open_device(options.device)
    setting = Setting(objects, _DTYPES[options.dtype], 2 * options.rounds)
    net = network(model, options.side)
    running = {
        name: _Running.of(name, model, net, setting, StageClock(device))
        for name in options.engines
        if name != "official" or model != "edgetam"
    }
    for _ in range(options.rounds):
        for engine in running.values():
            engine.track()
    for name, engine in running.items():
        peak = None if options.alone else _peak_alone(name, model, objects)
        for k, clock in enumerate(("cpu", "wall")):
            stages = engine.medians(k)
            rest = stages["total"] - sum(stages[stage] for stage in STAGES)
            yield Row(
                model,
                engine.label,
                clock,
                objects,
                **stages,
                rest=rest,
                state=engine.kept / 1024,
                grows=engine.growth() / 1024,
                peak=peak,
            )


@dataclass(slots=True)
class _Running:
    """An engine with its clock and its measurements so far.  label: its name in the table.
    kept: bytes before the first frame.
    """

    label: str
    contender: Contender
    clock: StageClock
    kept: int
    frames: list[dict[str, tuple[float, float]]]
    steps: int = 0

    @staticmethod
    def of(
        engine: str, model: str, net: Any, setting: Setting, clock: StageClock
    ) -> "_Running":
        contender: Contender
        label = engine
        if engine == "official":
            contender = Official(model, setting, clock)
        elif engine == "nano":
            contender = NanoEngine(setting, clock)
            label = f"nano, {contender.runtime}"
        else:
            contender = (Ours if engine == "vseg" else Library)(net, setting, clock)
        return _Running(label, contender, clock, state_bytes(contender), [])

    @torch.inference_mode()
    def track(self) -> None:
        """One frame; on a GPU a first one in whole, so that waiting between stages does not
        count.
        """
        whole = {}
        if self.clock.device.type == "cuda":
            self.clock.split = False
            whole = self.clock.frame(self.contender.step)
            self.clock.split = True
            self.steps += 1
        self.frames.append(self.clock.frame(self.contender.step) | whole)
        self.steps += 1

    def medians(self, clock: int) -> dict[str, float]:
        """ms per frame, in total and by stage."""
        return {
            stage: 1000
            * float(np.median([f.get(stage, (0.0, 0.0))[clock] for f in self.frames]))
            for stage in ("total", *STAGES)
        }

    def growth(self) -> float:
        """Bytes that a frame added, on average, to what is kept."""
        return (state_bytes(self.contender) - self.kept) / self.steps


def _peak_alone(engine: str, model: str, objects: int) -> float:
    """Peak MiB of a process that runs one row: this command, for that row alone."""
    row = ("--engines", engine, "--models", model, "--objects", str(objects), "--alone")
    done = subprocess.run(
        [sys.executable, __file__, *sys.argv[1:], *row],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ModelError(
            f"{engine} with {objects} objects failed on its own: {done.stderr[-500:]}"
        )
    return float(done.stdout.splitlines()[-1])


def _peak_mib(device: torch.device) -> float:
    """The most memory this process has held so far, of the GPU where it runs there."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    peak = next(line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    run(main)
