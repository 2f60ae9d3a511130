"""Rows in batches of few sizes.

oneDNN compiles a kernel for every shape, batch size included, and keeps the last 1024: of
numbers that change with every frame, that is up to a millisecond for each new one and hundreds
of MB after some hours.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row")

_EXACT = 4
"""So many rows are one batch whatever their number: objects that are tracked are rarely more
of one size, and a second batch costs as much as a row.
"""


def few_batches(rows: Sequence[Row], most: int) -> Iterator[Sequence[Row]]:
    """All rows in their order, in batches of 1 to 4 or of a larger power of two.

    most: rows of a batch, itself a power of two.
    """
    start = 0
    while start < len(rows):
        left = len(rows) - start
        size = min(most, left if left <= _EXACT else 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size
