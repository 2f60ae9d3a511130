"""The collector of reference cycles rests while torch is loaded, and only then."""

import gc
import sys

import pytest

from vseg.cli.loading import loading


def test_the_collector_rests_while_torch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    with loading():
        assert gc.isenabled()
    frozen = gc.get_freeze_count()
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(ImportError), loading():
        assert not gc.isenabled()
        monkeypatch.setitem(sys.modules, "torch", torch)
        raise ImportError
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
