"""A folder -> a model of the SAM 2 family on a device, after checking that it can run there."""

from pathlib import Path

import torch

from vseg.errors import ModelError, UsageError
from vseg.nets.compiled_sam import CompiledSam
from vseg.nets.device import open_device
from vseg.nets.sam import Sam
from vseg.nets.sam_files import read_parts, weight_files

_ROOM = 3
"""A model needs about this many times its weights while it is loaded and run, and the frames' features."""
_FEATURES = 1 << 30


def load_sam(
    folder: Path,
    name: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    compiled: bool = False,
) -> Sam:
    """The model saved in a folder by the transformers library, called `name`.

    dtype: "float32", "bfloat16" or "auto": float32 on a CPU, where bfloat16 is faster but was never
    compared on real footage, and bfloat16 on CUDA, as the published predictor runs.  compiled: with stages
    that are compiled when first used.
    Raises DeviceMissing, WeightsMissing, WeightsMismatch, UsageError, and ModelError for lack of memory.
    """
    place = open_device(device)
    numbers = _dtype(dtype, place)
    size = sum(path.stat().st_size for path in weight_files(folder))
    _check_room(name, _ROOM * size + _FEATURES, place)
    kind = CompiledSam if compiled else Sam
    return kind(read_parts(folder, name), device=place, dtype=numbers)


def _dtype(name: str, device: torch.device) -> torch.dtype:
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in known:
        raise UsageError(f"unknown dtype {name!r}", hint=f"use auto, {', '.join(known)}")
    return known[name]


def _check_room(name: str, needed: int, device: torch.device) -> None:
    """Raise ModelError if the device has less free memory than the model will need."""
    free = _free_bytes(device)
    if free is not None and free < needed:
        raise ModelError(
            f"{name} needs about {needed >> 20} MiB, but {device} has {free >> 20} MiB free",
            hint="take a smaller model (edgetam, sam2.1-tiny, nano) or free memory; what a video's "
            "objects need beside it is bounded by --memory-budget MIB",
        )


def _free_bytes(device: torch.device) -> int | None:
    """Memory that can be had now; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
