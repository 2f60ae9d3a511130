"""How many threads this process may use: `VSEG_THREADS`, which `--threads` sets.

One limit for all that computes beside each other: torch, OpenCV and the decoders of video.
"""

import os

from vseg.errors import UsageError
from vseg.weights.heap import limit_arenas

THREADS_VARIABLE = "VSEG_THREADS"
MOST_THREADS = 1024
"""More than processors have; with many more the system starts none, and ends the process."""
LIBRARY_DEFAULTS = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "512",
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""What libraries read from the environment once, when they are loaded.

OpenMP: threads that wait for work sleep.  By default they spin, and every operator waits for
the thread that lost its core to another process: with one of two cores busy, nano tracked 2.2
frames/s spinning and 32 sleeping.

oneDNN: kernels that it keeps, one for every shape, 0.15 MB each; by default 1024.  `--auto`
has 643 shapes in 40 frames of 432 rows and uses 51149 kernels; 766 of them are compiled with
room for 512, at 0.2 ms, 2598 with 256, 6667 with 128, 23042 with 32.

onnxruntime: by default it makes an id of the machine when it is loaded, keeps it in the user's
cache and reports to its maker which program runs on what.  Ray reports too.
"""


def set_library_defaults() -> None:
    """Apply `LIBRARY_DEFAULTS`, unless the environment says otherwise; before torch is
    loaded.
    """
    for name, value in LIBRARY_DEFAULTS.items():
        os.environ.setdefault(name, value)


def spare_memory() -> None:
    """Have threads share heaps, and Arrow take memory as all else does, unless the environment
    says otherwise: its own allocator keeps 20 MiB for the few tables of a run.  For commands,
    before Arrow is loaded; a program that uses vseg may need it for more.
    """
    limit_arenas()
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def thread_limit() -> int | None:
    """The most threads that any library may use; None if each may choose.

    Raises UsageError for a value that is no number from 1 to `MOST_THREADS`.
    """
    text = os.environ.get(THREADS_VARIABLE, "")
    if not text:
        return None
    # The length first: Python refuses to read thousands of digits.
    number = int(text) if text.isdecimal() and len(text) <= len(str(MOST_THREADS)) else 0
    if not 1 <= number <= MOST_THREADS:
        raise UsageError(
            f"{THREADS_VARIABLE} = '{text}' is not a number of threads from 1 to "
            f"{MOST_THREADS}",
            hint=f"for example {THREADS_VARIABLE}=4",
        )
    return number


def usable_cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def limit_threads() -> None:
    """Apply the limit to torch and OpenCV."""
    limit = thread_limit()
    if limit is None:
        return
    # Whoever only decodes needs neither.
    import cv2
    import torch

    torch.set_num_threads(limit)
    cv2.setNumThreads(limit)
