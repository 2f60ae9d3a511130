"""The device and the number format that a name stands for, and the upload of values.

A device that is not there is an error, never another device.
"""

import torch
from torch import Tensor

from vseg.errors import DeviceMissing, UsageError


def open_device(name: str) -> torch.device:
    """The device called cpu, cuda or cuda:N.  Raises UsageError, DeviceMissing."""
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError, ValueError) as error:
        raise UsageError(
            f"{name!r} is not a device", hint="use cpu, cuda or cuda:N"
        ) from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device {name!r} is not supported", hint="use cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceMissing("no CUDA device on this machine", hint="use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceMissing(
            f"there are only {torch.cuda.device_count()} CUDA devices, not {name}",
            hint="use --device cuda",
        )
    return device


def open_dtype(name: str, device: torch.device, *, cpu_bfloat16: bool = False) -> torch.dtype:
    """The number format called float32 or bfloat16, or the device's own with "auto".

    "auto" is bfloat16 on CUDA, and on a CPU that multiplies it natively if the model's masks
    were compared in bfloat16 there (`cpu_bfloat16`); float32 otherwise.  Raises UsageError.
    """
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name == "auto":
        # Without native products bfloat16 is emulated, and slower than float32.
        on_cpu = cpu_bfloat16 and torch.cpu._is_avx512_bf16_supported()
        return torch.bfloat16 if device.type == "cuda" or on_cpu else torch.float32
    if not isinstance(name, str) or name not in known:
        raise UsageError(f"unknown dtype {name!r}", hint=f"use auto, {', '.join(known)}")
    return known[name]


def instruction_set() -> str:
    """The vector instructions that torch uses on this processor, as in `AVX2` or `AVX512 with
    bf16`: what a speed on a CPU depends on most.
    """
    name = torch.backends.cpu.get_cpu_capability()
    native = torch.cpu._is_avx512_bf16_supported()
    return f"{name} with bf16" if native and name == "AVX512" else name


def uploaded(values: Tensor, device: torch.device) -> Tensor:
    """The values on the device, without waiting until they are there.

    A copy from ordinary memory to a GPU halts the processor until it is done.  From pinned
    memory it does not: torch keeps a few pinned blocks and uses one again once the GPU has
    read it.
    """
    if device.type == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)
