"""Processor time of nano in every runtime on a processor, measured in a process of its own:
`python -m vseg.models.nano.runtimes.self_test THREADS` prints it as JSON.

The runtimes, copies of the network and their buffers take 250 MiB, which the process that
tracks would never give back, and all but one are not used after.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field

from vseg.models.nano.network import NanoNet
from vseg.models.nano.object_decoder import PRIORS, VALUE
from vseg.models.nano.runtimes.int8_scales import (
    Int8Scales,
    integer_layers,
    is_signed,
    sources,
)
from vseg.models.nano.runtimes.runtime import Runtime
from vseg.models.nano.runtimes.torch_runtime import TorchRuntime
from vseg.ops.denormals import denormals_flushed
from vseg.ops.torch_threads import usual_torch_threads
from vseg.tensors import MemoryPart
from vseg.weights.device import open_dtype

_CLEARLY = 0.9
"""onnxruntime is chosen below this share of torch's time, and 8-bit integers below this share
of that of the better one: by less, chance would choose, and two machines that are alike would
differ.  A round value."""
_TEST_HW = (384, 688)
"""A frame of 480p at the default short side."""
_REMEMBERED = 4
_ROUNDS = 4
_SECONDS = 5.0
"""After this no further round begins.  On a busy machine one round or two would leave the
choice to chance."""
_LONGEST_S = 60.0
"""For the whole process, which takes two seconds on an idle machine.  A round value."""


_Ms = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Processor milliseconds for a frame with one object, in float32.

    int8_ms: of onnxruntime with convolutions of 8-bit integers.  bfloat16_ms: of torch, None
    where the processor does not multiply it natively.
    """

    torch_ms: _Ms
    onnx_ms: _Ms
    int8_ms: _Ms
    bfloat16_ms: _Ms | None

    def fastest(self, *, bfloat16: bool, integers: bool) -> str:
        """The runtime that "auto" takes.  bfloat16: whether torch may compute in it, where the
        processor does.  integers: whether 8-bit ones may be.
        """
        in_torch = self._in_torch() if bfloat16 else self.torch_ms
        if integers and self.int8_ms < _CLEARLY * min(in_torch, self.onnx_ms):
            return "onnx-int8"
        return "onnx" if self.onnx_ms < _CLEARLY * in_torch else "torch"

    def in_words(self) -> str:
        """For people; of the shipped weights."""
        rounded = " (bfloat16)" if self.bfloat16_ms else ""
        return (
            f"{self.fastest(bfloat16=True, integers=True)}: a frame takes "
            f"{self._in_torch():.0f} ms in torch{rounded}, {self.onnx_ms:.0f} ms in "
            f"onnxruntime, {self.int8_ms:.0f} ms with 8-bit integers"
        )

    def _in_torch(self) -> float:
        return self.torch_ms if self.bfloat16_ms is None else self.bfloat16_ms


def tested_apart() -> SelfTest | None:
    """A new result; None where no process can be started that gives one."""
    threads = str(usual_torch_threads())
    # The other process must import what this one does, from the same places.
    places = os.pathsep.join(place or str(Path.cwd()) for place in sys.path)
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        ended = subprocess.run(
            [sys.executable, "-P", "-m", __name__, threads],
            env=os.environ | {"PYTHONPATH": places},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_LONGEST_S,
        )
        return SelfTest(**json.loads(ended.stdout))
    return None


def tested() -> SelfTest:
    """The least processor time of every runtime, in turns: beside other processes chance
    would choose by the wall clock.
    """
    # Who imports this module to read a kept result does not need it.
    from vseg.models.nano.runtimes.onnx_runtime import OnnxRuntime

    device = torch.device("cpu")
    # Random weights: those of every nano have the same shapes, and take the same time.
    net = NanoNet()
    native = open_dtype("auto", device, cpu_bfloat16=True)
    formats = [torch.float32] if native is torch.float32 else [torch.float32, native]
    runs = [_a_frame(TorchRuntime(deepcopy(net), device, dtype)) for dtype in formats]
    # Ranges that no weights have: they take the same time.
    ranges = {name: (-8.0 if is_signed(name) else 0.0, 8.0) for name in sources(net)}
    scales = Int8Scales(ranges, integer_layers(net))
    for each in (None, scales):
        beside = TorchRuntime(deepcopy(net), device, torch.float32)
        runs.append(_a_frame(OnnxRuntime(beside, each)))
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
    in_torch, *in_bfloat16, in_onnx, integers = (round(1000 * s, 1) for s in least)
    native_ms = in_bfloat16[0] if in_bfloat16 else None
    return SelfTest(in_torch, in_onnx, integers, native_ms)


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
        remembered = key.repeat(1, _REMEMBERED)
        runtime.read(key, remembered, MemoryPart(remembered, values, (0,)))
        runtime.decode(readout, frame, prior)
        runtime.remember(frame.base, prior[:, :1])

    return run


def main(threads: str) -> None:
    """Print a new result."""
    torch.set_num_threads(int(threads))
    print(json.dumps(asdict(tested())))


if __name__ == "__main__":
    main(*sys.argv[1:])
