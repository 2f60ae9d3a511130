"""Threads that torch may use for a while.

torch keeps a count for every thread that has computed, and one for those that begin: who
sets its own sets the other too.  A thread that begins while another has lowered its count
would keep the lower one, and leave it to those after it.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_lowered: list[int] = []
"""Of each thread that has lowered its count now, the count before; of the whole process, as
torch's own is."""


@contextmanager
def fewer_torch_threads(count: int) -> Iterator[None]:
    """For this thread alone, afterwards as before: `usual_torch_threads` stays as it is."""
    before = torch.get_num_threads()
    with _lock:
        _lowered.append(before)
        torch.set_num_threads(count)
    try:
        yield
    finally:
        with _lock:
            _lowered.remove(before)
            torch.set_num_threads(before)


def usual_torch_threads() -> int:
    """What a thread that begins has while none has lowered its count."""
    with _lock:
        if _lowered:
            return _lowered[0]
        with ThreadPoolExecutor(1) as begun:
            return begun.submit(torch.get_num_threads).result()
