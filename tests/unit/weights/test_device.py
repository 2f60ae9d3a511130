"""What names of devices and of number formats stand for."""

import pytest
import torch

from vseg.errors import UsageError
from vseg.weights.device import open_device, open_dtype

CPU = torch.device("cpu")
CUDA = torch.device("cuda")


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_bfloat16_where_it_is_fast_and_was_compared(
    monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    fast = torch.bfloat16 if native else torch.float32
    assert open_dtype("auto", CPU) == torch.float32
    assert open_dtype("auto", CPU, cpu_bfloat16=True) == fast
    assert open_dtype("auto", CUDA) == torch.bfloat16


def test_a_named_format_is_taken_on_every_device() -> None:
    for device in (CPU, CUDA):
        assert open_dtype("float32", device, cpu_bfloat16=True) == torch.float32
        assert open_dtype("bfloat16", device) == torch.bfloat16


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UsageError, match=r"'float16' \(use auto, float32, bfloat16\)"):
        open_dtype("float16", CPU)


def test_a_device_is_cpu_or_cuda() -> None:
    for name in ("toaster", "mps"):
        with pytest.raises(UsageError, match="use cpu, cuda or cuda:N"):
            open_device(name)
