"""Which runtime computes nano on this machine: as asked for, or the faster one by a self-test.

Enters: a network, a device, and the names of a runtime and a number format.  Leaves: a
runtime.  The self-test takes about a second, and its result is kept in the user's cache for as
long as nothing changes that it depends on.  The weights are not among that: those of every
nano have the same shapes.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from vseg import __version__
from vseg.errors import ExtraMissing, OutputError, UsageError
from vseg.io.files import atomic_write_text
from vseg.io.user_cache import user_cache
from vseg.models.nano.network import NanoNet
from vseg.models.nano.object_decoder import PRIORS, VALUE
from vseg.models.nano.runtimes.runtime import Runtime
from vseg.models.nano.runtimes.torch_runtime import TorchRuntime
from vseg.ops.denormals import denormals_flushed
from vseg.weights.device import instruction_set, open_dtype

RUNTIME_VARIABLE = "VSEG_RUNTIME"
"""What "auto" stands for, instead of the self-test's choice."""
RUNTIMES = ("torch", "onnx")
_CLEARLY = 0.9
"""onnxruntime is chosen below this share of torch's time: by less, chance would choose, and
two machines that are alike would differ.  A round value."""
_TEST_HW = (384, 688)
"""A frame of 480p at the default short side."""
_REMEMBERED = 4
_ROUNDS = 4
_SECONDS = 1.5
"""After this no further round begins."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Processor milliseconds for a frame with one object, and the number format of torch."""

    torch_ms: float
    onnx_ms: float
    dtype: str

    @property
    def faster(self) -> str:
        """The runtime that "auto" takes."""
        return "onnx" if self.onnx_ms < _CLEARLY * self.torch_ms else "torch"

    def in_words(self) -> str:
        """For people."""
        return (
            f"{self.faster}: a frame takes {self.torch_ms:.0f} ms in torch ({self.dtype}), "
            f"{self.onnx_ms:.0f} ms in onnxruntime (float32)"
        )


def open_runtime(net: NanoNet, device: torch.device, dtype: str, name: str) -> Runtime:
    """The runtime called torch or onnx, or with "auto" the faster one; it takes `net` over.

    Raises UsageError for what a runtime cannot do, and without onnxruntime where that is asked
    for.
    """
    name = _named(name)
    if name == "onnx":
        _check_onnx(device, dtype)
        return _onnx(net, device)
    number_format = open_dtype(dtype, device, cpu_bfloat16=True)
    undecided = name == "auto" and device.type == "cpu" and dtype != "bfloat16"
    if undecided and _onnxruntime() and self_test(net, number_format).faster == "onnx":
        return _onnx(net, device)
    return TorchRuntime(net, device, number_format)


def self_test(net: NanoNet, dtype: torch.dtype) -> SelfTest:
    """The kept result of the self-test on this machine, or a new one, which is kept.

    dtype: of torch.  Of processes that test at once, the first one decides for all.
    """
    key = json.dumps(
        {
            "vseg": __version__,
            "torch": torch.__version__,
            "onnxruntime": _onnxruntime(),
            "instruction set": instruction_set(),
            "threads": torch.get_num_threads(),
            "dtype": str(dtype).removeprefix("torch."),
        }
    )
    if key not in _kept():
        result = asdict(_tested(net, dtype))
        # A folder that cannot be written costs the next process a second, nothing more.
        with suppress(OutputError):
            atomic_write_text(_file(), json.dumps({key: result} | _kept(), indent=1))
        return SelfTest(**_kept().get(key, result))
    return SelfTest(**_kept()[key])


def chosen_in_words(net: NanoNet) -> str:
    """What "auto" stands for on this machine, and why."""
    name = _named("auto")
    if name != "auto":
        return f"{name}: {RUNTIME_VARIABLE} says so"
    if not _onnxruntime():
        return "torch: onnxruntime is not installed (pip install 'vseg[onnx]')"
    return self_test(
        net, open_dtype("auto", torch.device("cpu"), cpu_bfloat16=True)
    ).in_words()


def _named(name: str) -> str:
    """A runtime's name, or "auto" where neither caller nor environment names one."""
    asked = os.environ.get(RUNTIME_VARIABLE, "") or "auto" if name == "auto" else name
    if asked not in ("auto", *RUNTIMES):
        raise UsageError(f"unknown runtime {asked!r}", hint=f"use auto, {', '.join(RUNTIMES)}")
    return asked


def _check_onnx(device: torch.device, dtype: str) -> None:
    """Raise UsageError unless onnxruntime is there and can do what is asked for."""
    if device.type != "cpu":
        raise UsageError(
            f"the runtime onnx does not run on {device}", hint="use --runtime torch there"
        )
    if dtype == "bfloat16":
        raise UsageError(
            "the runtime onnx computes in float32", hint="drop --dtype, or --runtime"
        )
    if not _onnxruntime():
        raise ExtraMissing(
            "the runtime onnx needs onnxruntime", hint="pip install 'vseg[onnx]'"
        )


def _onnxruntime() -> str:
    """The version that is installed; empty if none is."""
    try:
        return version("onnxruntime")
    except PackageNotFoundError:
        return ""


def _onnx(net: NanoNet, device: torch.device) -> Runtime:
    # An optional package, which takes a tenth of a second to load.
    from vseg.models.nano.runtimes.onnx_runtime import OnnxRuntime

    return OnnxRuntime(TorchRuntime(net, device, torch.float32))


def _tested(net: NanoNet, dtype: torch.dtype) -> SelfTest:
    """The least processor time of either runtime, in turns: beside other processes chance
    would choose by the wall clock.
    """
    device = torch.device("cpu")
    runs = [_a_frame(TorchRuntime(deepcopy(net), device, dtype))]
    runs.append(_a_frame(_onnx(deepcopy(net), device)))
    least = [float("inf")] * len(runs)
    began = time.perf_counter()
    with denormals_flushed(), torch.inference_mode():
        for run in runs:
            run()
        for _ in range(_ROUNDS):
            for k, run in enumerate(runs):
                started = time.process_time()
                run()
                least[k] = min(least[k], time.process_time() - started)
            if time.perf_counter() - began > _SECONDS:
                break
    in_torch, in_onnx = (round(1000 * seconds, 1) for seconds in least)
    return SelfTest(in_torch, in_onnx, str(dtype).removeprefix("torch."))


def _a_frame(runtime: Runtime) -> Callable[[], None]:
    """What encodes a frame, reads a memory of a few and decodes one object."""
    noise = torch.Generator().manual_seed(0)
    height, width = _TEST_HW
    h, w = height // 16, width // 16

    def some(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=noise).to(runtime.dtype)

    rows = torch.randint(0, 256, (1, height, width, 3), generator=noise, dtype=torch.uint8)
    values = some(1, VALUE, _REMEMBERED * h * w)
    readout = some(1, VALUE, h, w)
    prior = some(1, PRIORS, 4 * h, 4 * w)

    def run() -> None:
        frame = runtime.encode(rows.permute(0, 3, 1, 2)).frames
        key = frame.key[0].flatten(1)
        runtime.read(key, key.repeat(1, _REMEMBERED), values)
        runtime.decode(readout, frame, prior)
        runtime.remember(frame.base, prior[:, :1])

    return run


def _file() -> Path:
    return user_cache("runtime.json")


def _kept() -> dict[str, dict[str, Any]]:
    """All kept results; none where the file is missing or damaged: it can be made anew."""
    try:
        kept = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    sound = isinstance(kept, dict) and all(_is_result(value) for value in kept.values())
    return kept if sound else {}


def _is_result(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != set(SelfTest.__dataclass_fields__):
        return False
    times = (value["torch_ms"], value["onnx_ms"])
    return all(isinstance(each, float) for each in times)
