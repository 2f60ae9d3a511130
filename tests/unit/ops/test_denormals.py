import pytest
import torch

from vseg.ops.denormals import denormals_flushed

SMALL = torch.tensor(1e-40)


@pytest.mark.parametrize("flushed", [False, True])
def test_numbers_are_treated_afterwards_as_before(flushed: bool) -> None:
    torch.set_flush_denormal(flushed)
    try:
        with denormals_flushed():
            assert float(SMALL * 1) == 0
        assert (float(SMALL * 1) == 0) is flushed
    finally:
        torch.set_flush_denormal(False)
