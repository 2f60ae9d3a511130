"""Rows come in batches of few sizes, all of them and in order."""

import pytest

from vseg.ops.few_batches import few_batches


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 13, 16, 40, 64, 131])
def test_all_rows_come_in_their_order(count: int) -> None:
    batches = list(few_batches(range(count), 16))
    assert [row for batch in batches for row in batch] == list(range(count))


def test_sizes_are_few() -> None:
    sizes = {len(batch) for count in range(300) for batch in few_batches(range(count), 64)}
    assert sizes == {1, 2, 3, 4, 8, 16, 32, 64}


def test_what_is_tracked_is_one_batch() -> None:
    assert all(len(list(few_batches(range(count), 16))) == 1 for count in (1, 2, 3, 4))
