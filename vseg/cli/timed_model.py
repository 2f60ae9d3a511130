"""A model that is any other model, and keeps the time each of its stages takes."""

import time
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.model import Model
from vseg.tensors import Decoded, Features, Memory
from vseg.types import Frame, Mask, Prompt

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class TimedModel:
    """Implements `vseg.model.Model`; seconds: by stage, summed over all calls."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name, self.weights_sha256 = model.name, model.weights_sha256
        self.device, self.dtype = model.device, model.dtype
        self.seconds = {"encode": 0.0, "memory": 0.0, "decode mask": 0.0}

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """Timed as `encode`."""
        return self._timed("encode", self._model.encode, frames)

    def condition(self, features: Features, memory: Memory) -> Float[Tensor, "O V h w"]:
        """Timed as `memory`."""
        return self._timed("memory", self._model.condition, features, memory)

    def sketch(self, frame: Frame, prompts: Sequence[Prompt]) -> Float[Tensor, "h w"]:
        """Timed as `decode mask`."""
        return self._timed("decode mask", self._model.sketch, frame, prompts)

    def interpret(
        self, features: Features, prompts: Sequence[Prompt], prior: Float[Tensor, "h4 w4"] | None
    ) -> Float[Tensor, "V h w"]:
        """Timed as `decode mask`."""
        return self._timed("decode mask", self._model.interpret, features, prompts, prior)

    def given(self, features: Features, mask: Mask) -> Float[Tensor, "h4 w4"]:
        """Timed as `decode mask`."""
        return self._timed("decode mask", self._model.given, features, mask)

    def carry(
        self,
        features: Features,
        near: Float[Tensor, "L h8 w8"] | None,
        logits: Float[Tensor, "O h4 w4"],
    ) -> Float[Tensor, "O P h4 w4"]:
        """Timed as `memory`."""
        return self._timed("memory", self._model.carry, features, near, logits)

    def decode(
        self,
        features: Features,
        readout: Float[Tensor, "O V h w"],
        prior: Float[Tensor, "O P h4 w4"],
    ) -> Decoded:
        """Timed as `decode mask`."""
        return self._timed("decode mask", self._model.decode, features, readout, prior)

    def remember(
        self, features: Features, logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O V h w"]:
        """Timed as `memory`."""
        return self._timed("memory", self._model.remember, features, logits)

    def _timed(
        self,
        stage: str,
        run: Callable[Given, Answer],
        *values: Given.args,
        **named: Given.kwargs,
    ) -> Answer:
        """The answer, once the device has really finished it."""
        began = time.perf_counter()
        answer = run(*values, **named)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[stage] += time.perf_counter() - began
        return answer
