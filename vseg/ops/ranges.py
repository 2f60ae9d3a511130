"""A set of whole numbers as ranges: numbers that were given out in turn are one range, however
many.

Enters and leaves: half-open ranges (first, last + 1), ascending and apart from each other.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

Ranges = tuple[tuple[int, int], ...]


def holds(ranges: Sequence[tuple[int, int]], number: int) -> bool:
    """Whether the number is in one of the ranges."""
    after = bisect_right(ranges, number, key=itemgetter(0))
    return after > 0 and number < ranges[after - 1][1]


def joined(ranges: Sequence[tuple[int, int]], number: int) -> Ranges:
    """The ranges with the number; those that it touches become one."""
    if holds(ranges, number):
        return tuple(ranges)
    touched = [each for each in ranges if number in (each[0] - 1, each[1])]
    first = min((a for a, _ in touched), default=number)
    end = max((b for _, b in touched), default=number + 1)
    apart = [each for each in ranges if each not in touched]
    return tuple(sorted([*apart, (min(first, number), max(end, number + 1))]))
