"""Whether a model fits into a device's memory, checked before it is loaded."""

from collections.abc import Sequence
from pathlib import Path

import torch

from vseg.errors import ModelError

# A model needs about this many times its weights while it is loaded and run, and as much again
# as this for the features of frames.  Round values; not tuned.
_WEIGHTS_FACTOR = 3
_FEATURE_BYTES = 1 << 30
# The files in which control groups of version 2 and 1 hold a limit and what is used of it.
_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_GROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory"))


def check_free_memory(
    name: str, weights: Sequence[Path], device: torch.device, *, hint: str
) -> None:
    """Raise ModelError, with `hint`, if the device has less free memory than the model will
    need.
    """
    needed = _WEIGHTS_FACTOR * sum(path.stat().st_size for path in weights) + _FEATURE_BYTES
    free = free_bytes(device)
    if free is not None and free < needed:
        raise ModelError(
            f"{name} needs about {needed >> 20} MiB, but {device} has {free >> 20} MiB free",
            hint=hint,
        )


def free_bytes(device: torch.device) -> int | None:
    """Memory that is free now, within the container's limit; None where the system does not
    report it.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    # In KiB.
    free = [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    # In a container the machine's free memory is not what may be used.
    for group in _GROUPS:
        free += _free_in_group(group)
    return min(free, default=None)


def _free_in_group(group: Path) -> list[int]:
    """What a control group may still use: its limit less what is in use and cannot be
    dropped.
    """
    for limit_name, used_name in _LIMITS:
        try:
            total = int((group / limit_name).read_text("ascii"))
            used = int((group / used_name).read_text("ascii"))
            stat = (group / "memory.stat").read_text("ascii").splitlines()
        # No such group, or no limit: "max".
        except (OSError, ValueError):
            continue
        # Pages of files that were not used lately are dropped when memory is needed.
        idle = [int(line.split()[1]) for line in stat if "inactive_file " in line]
        return [total - used + max(idle, default=0)]
    return []
