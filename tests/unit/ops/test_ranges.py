"""Ranges hold what a set holds, whatever order the numbers come in."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vseg.ops.ranges import Ranges, holds, joined


@given(st.lists(st.integers(1, 30)))
def test_ranges_are_a_set_and_apart(numbers: list[int]) -> None:
    ranges: Ranges = ()
    for number in numbers:
        ranges = joined(ranges, number)
    assert [n for n in range(32) if holds(ranges, n)] == sorted(set(numbers))
    assert all(end < first for (_, end), (first, _) in pairwise(ranges))


def test_numbers_in_turn_are_one_range() -> None:
    ranges: Ranges = ()
    for number in range(1, 1000):
        ranges = joined(ranges, number)
    assert ranges == ((1, 1000),)
