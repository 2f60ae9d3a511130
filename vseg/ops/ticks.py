"""Round numbers to mark an axis with."""

import math

_MARKS = 8


def round_ticks(first: int, end: int) -> list[int]:
    """About eight round numbers in [first, end): 1, 2 or 5 times a power of ten apart."""
    rough = max(1, end - first) / _MARKS
    scale = 10 ** math.floor(math.log10(rough))
    step = next(int(k * scale) for k in (1, 2, 5, 10) if k * scale >= rough) or 1
    return list(range(-(-first // step) * step, end, step))
