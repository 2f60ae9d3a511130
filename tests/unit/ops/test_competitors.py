"""The strongest competitor: of all rows at once as of one row after another, ties included."""

import pytest
import torch

from vseg.ops.competitors import everyone, strongest_competitor


@pytest.mark.parametrize("count", [2, 3, 7])
def test_where_all_compete_the_two_largest_say_as_much_as_all_others(count: int) -> None:
    # Few different values, so that several rows share the largest.
    rows = torch.randint(-3, 4, (count, 5, 6), generator=torch.manual_seed(count)).float()
    competitors = everyone(count, rows.device)
    for row, strongest in enumerate(strongest_competitor(rows, competitors)):
        others = torch.cat([rows[:row], rows[row + 1 :]])
        assert torch.equal(strongest, others.amax(0).clamp_min(0))


def test_one_row_has_no_competitor() -> None:
    rows = torch.ones(1, 2, 2)
    assert not strongest_competitor(rows, everyone(1, rows.device)).any()
