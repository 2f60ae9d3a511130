"""Whether a model fits into a device's memory, asked before it is loaded."""

from collections.abc import Sequence
from pathlib import Path

import torch

from vseg.errors import ModelError

_ROOM = 3
"""A model needs about this many times its weights while it is loaded and run, and the frames'
features.
"""
_FEATURES = 1 << 30
# Where control groups of version 2 and 1 tell a limit and what is used of it.
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
    needed = _ROOM * sum(path.stat().st_size for path in weights) + _FEATURES
    free = free_bytes(device)
    if free is not None and free < needed:
        raise ModelError(
            f"{name} needs about {needed >> 20} MiB, but {device} has {free >> 20} MiB free",
            hint=hint,
        )


def free_bytes(device: torch.device) -> int | None:
    """Memory that can be had now, within the container's limit; None where the system does not
    say.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    return min([*found, *(left for group in _GROUPS for left in _left(group))], default=None)


def _left(group: Path) -> list[int]:
    """What a control group may still use: its limit less what is in use and cannot be
    dropped.
    """
    for limit, used in _LIMITS:
        try:
            bound = int((group / limit).read_text("ascii"))
            taken = int((group / used).read_text("ascii"))
            stat = (group / "memory.stat").read_text("ascii").splitlines()
        # No such group, or no limit: "max".
        except (OSError, ValueError):
            continue
        idle = [int(line.split()[1]) for line in stat if "inactive_file " in line]
        return [bound - taken + max(idle, default=0)]
    return []
