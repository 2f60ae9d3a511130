"""One optimisation loop for every stage: batches made ahead, AdamW, cosine rate, resume.

Enters: a Stage (network, batches, loss).  Leaves: a checkpoint that any interrupted run
continues from with the same batches, and a log of one JSON line per report.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from vseg.errors import ModelError, WeightsMismatch, WeightsMissing
from vseg.io.files import atomic_write_bytes
from vseg.ops.denormals import denormals_flushed
from vseg.training.config import Optimisation
from vseg.weights.device import open_device, open_dtype

# The rate ends at this share of its peak.
_LAST_RATE = 0.01
# Batches made while a step runs: one is ready when needed, even where one takes long.
_BATCHES_AHEAD = 3


@runtime_checkable
class Stage(Protocol):
    """A network with its batches and its loss.

    `batch` must depend on `rng` and progress only, so that a resumed run trains on the same
    data.
    """

    network: nn.Module

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameter groups for AdamW, each with its own `lr`."""
        ...

    def batch(self, rng: np.random.Generator, progress: float) -> Any: ...

    def loss(self, batch: Any, device: torch.device) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its detached parts by the names that they are reported under."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """Progress of a training run, averaged since the previous report."""

    step: int
    steps: int
    steps_per_s: float
    means: dict[str, float]


@denormals_flushed()
def train(
    stage: Stage,
    options: Optimisation,
    checkpoint: Path,
    on_report: Callable[[Report], None],
) -> None:
    """Optimise `stage` to its last step, resuming `checkpoint` if it exists.

    The checkpoint is replaced whole every `save_every_s` seconds, at Ctrl-C, and at the end.
    """
    device = open_device(options.device)
    reduced = open_dtype(options.dtype, device, cpu_bfloat16=True) == torch.bfloat16
    stage.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        stage.groups(options.rate),
        weight_decay=options.weight_decay,
        fused=device.type == "cuda",
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, options))
    step = _restore(checkpoint, stage.network, optimiser, schedule)
    stage.network.train()
    clock = _Means(checkpoint.with_suffix(".jsonl"), options, step, on_report)
    saved = time.monotonic()
    try:
        for batch in _batches(stage, options, step):
            with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
                loss, parts = stage.loss(batch, device)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(stage.network.parameters(), options.clip_norm)
            optimiser.step()
            schedule.step()
            step += 1
            clock.add(step, loss.detach(), parts)
            if time.monotonic() - saved > options.save_every_s:
                _save(checkpoint, stage.network, optimiser, schedule, step)
                saved = time.monotonic()
    finally:
        _save(checkpoint, stage.network, optimiser, schedule, step)


def _rate(step: int, options: Optimisation) -> float:
    """The learning rate as a share of its peak: a linear warm-up, then a cosine."""
    warm = min(1.0, (step + 1) / max(1, options.warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / options.steps)))
    return warm * (_LAST_RATE + (1 - _LAST_RATE) * cosine)


class _Batches(Dataset[Any]):
    """Batch k is drawn from a generator seeded by (seed, k)."""

    def __init__(self, stage: Stage, options: Optimisation) -> None:
        self._stage = stage
        self._options = options

    def __getitem__(self, step: int) -> Any:
        rng = np.random.default_rng((self._options.seed, step))
        return self._stage.batch(rng, step / self._options.steps)


def _batches(stage: Stage, options: Optimisation, first: int) -> Iterator[Any]:
    """Batches from step `first` on."""
    batches = _Batches(stage, options)
    if options.processes:
        # One thread each, and set before the fork: in a child OpenCV would wait for threads
        # that only the parent has.
        cv2.setNumThreads(1)
        loader = DataLoader(
            batches,
            batch_size=None,
            sampler=range(first, options.steps),
            num_workers=options.workers,
            pin_memory=options.device.startswith("cuda"),
        )
        try:
            yield from loader
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):
                raise
            raise ModelError(
                f"a process that makes batches has ended: {error}",
                hint="free memory, or lower workers in the recipe; the same command goes on",
            ) from error
        return
    count = max(_BATCHES_AHEAD, options.workers)
    with ThreadPoolExecutor(options.workers) as pool:
        soon = range(first, min(first + count, options.steps))
        ahead = [pool.submit(batches.__getitem__, step) for step in soon]
        for step in range(first, options.steps):
            batch = ahead.pop(0).result()
            if step + count < options.steps:
                ahead.append(pool.submit(batches.__getitem__, step + count))
            yield batch


def _save(path: Path, network: nn.Module, optimiser: Any, schedule: Any, step: int) -> None:
    # In memory first: torch has an error of its own for a full disk, which names neither.
    content = BytesIO()
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "step": step,
    }
    torch.save(state, content)
    atomic_write_bytes(path, content.getvalue())


def _restore(path: Path, network: nn.Module, optimiser: Any, schedule: Any) -> int:
    if not path.exists():
        return 0
    state = load_checkpoint(path)
    try:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
    except (LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise WeightsMismatch(
            f"{path} is a checkpoint of another network: {error}", hint="give another --out"
        ) from error
    return int(state["step"])


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state that `train` saved: network, optimiser, schedule, step.  Raises
    WeightsMissing, WeightsMismatch.
    """
    if not path.is_file():
        raise WeightsMissing(f"no checkpoint at {path}", hint="give an existing file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        raise WeightsMismatch(
            f"{path} is not a readable checkpoint: {error}",
            hint="delete it to start the stage anew",
        ) from error
    if not isinstance(state, dict) or not {"network", "step"} <= state.keys():
        raise WeightsMismatch(
            f"{path} is no checkpoint of `vseg train`",
            hint="give one, or weights of nano (.safetensors)",
        )
    return state


_DAMAGE = (
    RuntimeError,
    ValueError,
    EOFError,
    UnpicklingError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What torch raises of files that it cannot read."""


def is_complete(checkpoint: Path, steps: int) -> bool:
    """Whether a stage's checkpoint is there and at its last step."""
    return checkpoint.exists() and int(load_checkpoint(checkpoint)["step"]) >= steps


class _Means:
    """Averages the losses that the stage reports, and logs them every `report_every` steps."""

    def __init__(
        self, log: Path, options: Optimisation, step: int, on_report: Callable[[Report], None]
    ) -> None:
        self._log = log
        self._options = options
        self._on_report = on_report
        self._first = step
        self._since = time.monotonic()
        # Summed on the device: reading a number there would wait for the step.
        self._sums: dict[str, Tensor] = {}

    def add(self, step: int, loss: Tensor, parts: dict[str, Tensor]) -> None:
        for name, value in {"loss": loss, **parts}.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        count = step - self._first
        if count < self._options.report_every and step < self._options.steps:
            return
        means = {name: float(value) / count for name, value in self._sums.items()}
        now = time.monotonic()
        report = Report(step, self._options.steps, count / (now - self._since), means)
        self._first = step
        self._since = now
        self._sums = {}
        with self._log.open("a", encoding="utf-8") as log:
            line = {"step": step, "steps_per_s": report.steps_per_s, **means}
            log.write(json.dumps({k: round(v, 5) for k, v in line.items()}) + "\n")
        self._on_report(report)
