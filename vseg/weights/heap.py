"""Memory that many threads of one process use in turns.

glibc gives each thread a heap of its own, up to eight for every core, and what was freed in
one is of no use to another.  A service has some tens of threads: after a while each heap is as
large as the largest burst that passed through it.  Two are enough here, since large arrays
come from the system anyway: eight sessions propagated in turns kept 403 MiB, not 483.

What is freed in a heap stays with the process unless it lies at the heap's end: with sessions
that come and go, the holes between what is still in use grow for hours.  So now and then they
are given back; and by a command once the model is loaded, and once all is tracked.
"""

import ctypes
import sys

_M_ARENA_MAX = -8  # malloc.h of glibc
_ARENAS = 2  # see above


def limit_arenas() -> bool:
    """Have the threads of this process share two heaps; False where its C library has none to
    share.  To be called before the threads are started.
    """
    if not sys.platform.startswith("linux"):
        return False
    limit = getattr(ctypes.CDLL(None), "mallopt", None)
    return limit is not None and bool(limit(_M_ARENA_MAX, _ARENAS))


def trim_heaps() -> bool:
    """Give the free pages of all heaps back to the system; False where the C library cannot.
    Takes some milliseconds, in which no other thread gets memory.
    """
    trim = None
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True
