"""Loading what a command works with: torch alone makes 300 000 objects that stay."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Imports that load torch, without the collector of reference cycles: it would look at all
    that they make again and again, for a twelfth of the time to the first mask.  Nor does it
    look at that later.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
