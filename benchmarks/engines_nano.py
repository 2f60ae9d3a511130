"""nano beside the engines of `engines.py`: the same objects on the same images."""

from collections.abc import Iterator

from torch import Tensor

from benchmarks.engines_clock import StageClock
from benchmarks.engines_contenders import SessionEngine, Setting
from vseg.models.nano.load import load_nano
from vseg.session.memory.object_banks import ObjectBanks

_FULL = 12
"""Frames after which nano's memory is full: two strides and a prompted frame."""


class NanoEngine(SessionEngine):
    """With nano as it is by default on this machine: its short side, number format and runtime.

    runtime: its name.
    """

    def __init__(self, setting: Setting, clock: StageClock) -> None:
        model = load_nano(device=str(clock.device))
        self.runtime = model.runtime
        super().__init__(model, setting.objects, clock)
        while self._next < _FULL:
            self._tracked()
        self._time_stages()

    def state(self) -> Iterator[Tensor]:
        """Every tensor of the memory."""
        bank = self._session.bank
        assert isinstance(bank, ObjectBanks)
        yield from bank.pack()[0].values()
