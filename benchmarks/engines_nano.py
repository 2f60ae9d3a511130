"""nano beside the engines of `engines.py`: the same objects on the same images."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.engines_clock import StageClock
from benchmarks.engines_contenders import Setting, box_of, images
from vseg.models.nano.load import load_nano
from vseg.session.memory.object_banks import ObjectBanks
from vseg.session.session import Session
from vseg.types import Box, Frame

_FULL = 12
"""Frames after which nano's memory is full: two strides and a prompted frame."""


class NanoEngine:
    """A session of vseg with nano, at the short side it has by default."""

    def __init__(self, setting: Setting, clock: StageClock) -> None:
        dtype = str(setting.dtype).removeprefix("torch.")
        model = load_nano(device=str(clock.device), dtype=dtype)
        self._session = Session(model)
        self._images = images(4)
        self._next = 0
        self._clock = clock
        for obj in range(1, setting.objects + 1):
            self._session.prompt(obj, self._frame(), [Box(*box_of(obj))])
        for t in range(1, _FULL):
            self._next = t
            self._session.step(self._frame())
        self._next = _FULL
        for stage, method in (
            ("encoder", "encode"),
            ("attention", "condition"),
            ("decoder", "decode"),
            ("memory", "encode_memory"),
        ):
            clock.wrap(model, stage, method)

    def step(self) -> None:
        """Track all objects on the next frame, down to masks at video size."""
        with torch.inference_mode():
            masks = self._session.step(self._frame())
        self._clock.measure("post", lambda: masks.masks)
        self._next += 1

    def state(self) -> Iterator[Tensor]:
        """Every tensor of the memory."""
        bank = self._session.bank
        assert isinstance(bank, ObjectBanks)
        yield from bank.pack()[0].values()

    def _frame(self) -> Frame:
        t = self._next
        return Frame(t, None, t / 25, self._images[t % len(self._images)])
