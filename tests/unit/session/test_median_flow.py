"""How most of some cells moved."""

import numpy as np
import pytest

from vseg.session.identity.optical_flow import median_flow


@pytest.mark.parametrize("count", [1, 2, 3, 30, 31])
def test_it_is_the_median_of_both_directions(count: int) -> None:
    rng = np.random.default_rng(count)
    flow = rng.normal(size=(12, 16, 2)).astype(np.float32)
    cells = np.zeros((12, 16), dtype=bool)
    cells.flat[rng.choice(cells.size, count, replace=False)] = True

    moved = median_flow(flow, cells)

    assert moved.dtype == np.float32
    np.testing.assert_array_equal(moved, np.median(flow[cells], axis=0))
