"""Processor and wall seconds of a frame by stage, for `engines.py`.

Enters: engines whose methods are wrapped once.  Leaves: seconds per frame and stage.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

STAGES = ("encoder", "attention", "decoder", "memory", "post")


@dataclass(slots=True)
class StageClock:
    """Seconds spent, (processor, wall) by stage; a stage called inside another counts to the
    outer one.

    split: whether stages are timed.  On a GPU that waits before and after every stage, so
    whole frames are timed without.
    """

    device: torch.device
    split: bool = True
    spent: dict[str, tuple[float, float]] = field(default_factory=dict)
    _inside: bool = False

    def wrap(self, owner: Any, stage: str, *methods: str) -> None:
        """Time every call of these methods of one object as part of the stage."""
        for name in methods:
            setattr(owner, name, self._timed(stage, getattr(owner, name)))

    def measure(self, stage: str, action: Callable[[], Any]) -> Any:
        """The action's result; its time is added to the stage."""
        if self._inside or not self.split:
            return action()
        self._inside = True
        before = self.now()
        try:
            return action()
        finally:
            self._inside = False
            self._add(stage, before)

    def frame(self, action: Callable[[], Any]) -> dict[str, tuple[float, float]]:
        """Seconds of one frame: `total`, and the stages where they are split."""
        self.spent = {}
        before = self.now()
        action()
        self._add("total", before)
        return self.spent

    def now(self) -> tuple[float, float]:
        """(processor, wall) seconds once the device has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.process_time(), time.perf_counter()

    def _add(self, stage: str, before: tuple[float, float]) -> None:
        now = self.now()
        so_far = self.spent.get(stage, (0.0, 0.0))
        self.spent[stage] = (
            so_far[0] + now[0] - before[0],
            so_far[1] + now[1] - before[1],
        )

    def _timed(self, stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:
            return self.measure(stage, lambda: method(*args, **kwargs))

        return timed
