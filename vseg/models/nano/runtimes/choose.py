"""Which runtime computes nano on this machine: as asked for, or the faster one by a self-test.

Enters: a network, a device, and the names of a runtime and a number format.  Leaves: a
runtime.  The self-test takes two seconds, and its result is kept in the user's cache for as
long as nothing changes that it depends on.  The weights are not among that: those of every
nano have the same shapes.
"""

import json
import os
from importlib.metadata import version

import torch

from vseg import __version__
from vseg.errors import UsageError
from vseg.io.user_cache import KeptValues
from vseg.models.nano.network import NanoNet
from vseg.models.nano.runtimes.int8_scales import Int8Scales, ScalesFile
from vseg.models.nano.runtimes.runtime import Runtime
from vseg.models.nano.runtimes.self_test import SelfTest, tested_apart
from vseg.models.nano.runtimes.torch_runtime import TorchRuntime
from vseg.ops.torch_threads import usual_torch_threads
from vseg.weights.device import instruction_set, open_dtype

RUNTIME_VARIABLE = "VSEG_RUNTIME"
"""What "auto" stands for, instead of the self-test's choice."""
RUNTIMES = ("torch", "onnx", "onnx-int8")


def open_runtime(
    net: NanoNet, device: torch.device, dtype: str, name: str, scales: ScalesFile
) -> Runtime:
    """The runtime called so, or with "auto" the faster one; it takes `net` over.

    scales: for onnx-int8.  Raises UsageError for what a runtime cannot do; WeightsMissing,
    WeightsMismatch for the scales.
    """
    name = _named(name)
    if name == "auto":
        name = _fastest(device, dtype, scales)
    elif name != "torch":
        _check_onnx(name, device, dtype)
    if name == "torch":
        return TorchRuntime(net, device, open_dtype(dtype, device, cpu_bfloat16=True))
    return _onnx(net, device, scales.load() if name == "onnx-int8" else None)


def _fastest(device: torch.device, dtype: str, scales: ScalesFile) -> str:
    """What "auto" stands for: torch where it is asked for bfloat16 and off the CPU, else the
    fastest by the self-test.  Identities and masks are those of bfloat16 with 8-bit integers
    too; they may be where no number format is asked for and there are scales of these weights.
    """
    if device.type != "cpu" or open_dtype(dtype, device) is torch.bfloat16:
        return "torch"
    measured = self_test()
    if measured is None:
        return "torch"
    auto = dtype == "auto"
    return measured.fastest(bfloat16=auto, integers=auto and scales.fits())


def self_test() -> SelfTest | None:
    """The kept result of the self-test on this machine, or a new one, which is kept; None
    where it cannot be made.  Of processes that test at once, the first one decides for all.
    """
    key = json.dumps(
        {
            "vseg": __version__,
            "torch": torch.__version__,
            "onnxruntime": version("onnxruntime"),
            "instruction set": instruction_set(),
            "threads": usual_torch_threads(),
        }
    )
    kept = _KEPT.get(key)
    if kept is not None:
        return kept
    measured = tested_apart()
    return None if measured is None else _KEPT.keep(key, measured)


def chosen_in_words() -> str:
    """What "auto" stands for on this machine, and why."""
    name = _named("auto")
    if name != "auto":
        return f"{name}: {RUNTIME_VARIABLE} says so"
    measured = self_test()
    if measured is None:
        return "torch: the self-test, in a process of its own, did not start or gave no result"
    return measured.in_words()


def _named(name: str) -> str:
    """A runtime's name, or "auto" where neither caller nor environment names one."""
    asked = os.environ.get(RUNTIME_VARIABLE, "") or "auto" if name == "auto" else name
    if asked not in ("auto", *RUNTIMES):
        raise UsageError(f"unknown runtime {asked!r}", hint=f"use auto, {', '.join(RUNTIMES)}")
    return asked


def _check_onnx(name: str, device: torch.device, dtype: str) -> None:
    """Raise UsageError unless onnxruntime can do what is asked for."""
    if device.type != "cpu":
        raise UsageError(
            f"the runtime {name} does not run on {device}", hint="use --runtime torch there"
        )
    if dtype == "bfloat16":
        raise UsageError(
            f"the runtime {name} takes no bfloat16", hint="drop --dtype, or --runtime"
        )


def _onnx(net: NanoNet, device: torch.device, scales: Int8Scales | None = None) -> Runtime:
    # It takes a tenth of a second to load, and 30 MiB.
    from vseg.models.nano.runtimes.onnx_runtime import OnnxRuntime

    return OnnxRuntime(TorchRuntime(net, device, torch.float32), scales)


_KEPT = KeptValues("runtime.json", SelfTest)
