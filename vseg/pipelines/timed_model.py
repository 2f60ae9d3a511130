"""A model that passes every call on to another one, and keeps the time of each stage."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import ParamSpec, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.promptable_model import (
    Encode,
    EncodeCoarse,
    ObjectPrompts,
    PromptableModel,
    Recall,
)
from vseg.tensors import Decoded, Features, LookAlikes, Memory
from vseg.types import Frame, Mask

Inputs = ParamSpec("Inputs")
Output = TypeVar("Output")


STAGES = ("encode", "memory", "decode mask")
_WARM_FRAMES = 30
"""Calls of `encode` left out: by then the memory is full and the caches are warm."""
_BLOCK = 10
"""Calls in a block: two strides of nano's memory, so that every block writes as often."""


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """The frames encoded together: how many, when that began by the wall clock and by the
    processor's, and the seconds of all of them by stage.
    """

    began: float
    began_cpu: float
    count: int
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))


@dataclass(frozen=True, slots=True)
class SteadyTimes:
    """Per frame: medians over blocks of ten rows, long enough to hold what is not done on
    every one.

    cpu_s: of all threads of the process, those that read and write too.
    """

    frame_s: float
    cpu_s: float
    stages_s: dict[str, float]


def _per_frame(seconds: Sequence[float], frames: Sequence[int]) -> float:
    return median(s / n for s, n in zip(seconds, frames, strict=True))


class Timed:
    """What timed models share; frames: the times of each call of `encode` and what followed
    it.
    """

    def __init__(self, model: PromptableModel) -> None:
        self._promptable = model
        self.embeds_identity = model.embeds_identity
        self.name = model.name
        self.weights_sha256 = model.weights_sha256
        self.device = model.device
        self.dtype = model.dtype
        self.runtime = model.runtime
        self.frames: list[FrameTimes] = []
        self._ended = 0.0
        self._ended_cpu = 0.0

    def steady(self) -> SteadyTimes:
        """Times once the memory is full: without the first 30 rows, or without half of a short
        run.
        """
        rows = self.frames[min(_WARM_FRAMES, len(self.frames) // 2) :]
        ends = [*(row.began for row in rows[1:]), self._ended]
        ends_cpu = [*(row.began_cpu for row in rows[1:]), self._ended_cpu]
        size = max(1, min(_BLOCK, len(rows) - 1))
        blocks = [range(k, k + size) for k in range(0, max(1, len(rows) - size), size)]
        counts = [sum(rows[k].count for k in block) for block in blocks]
        spans = [ends[block[-1]] - rows[block[0]].began for block in blocks]
        cpu = [ends_cpu[block[-1]] - rows[block[0]].began_cpu for block in blocks]
        spent = {
            n: [sum(rows[k].seconds[n] for k in block) for block in blocks] for n in STAGES
        }
        return SteadyTimes(
            _per_frame(spans, counts),
            _per_frame(cpu, counts),
            {n: _per_frame(s, counts) for n, s in spent.items()},
        )

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """Timed as `encode`; a new row of frames begins."""
        return self._encode(self._promptable.encode, frames)

    @property
    def background_encode(self) -> Encode | None:
        """As `encode`: its time passes while other stages take theirs."""
        encode = self._promptable.background_encode
        return encode and partial(self._encode, encode)

    def _encode(self, encode: Encode, frames: Sequence[Frame]) -> list[Features]:
        self._begin_row(len(frames))
        return self._timed("encode", encode, frames)

    @property
    def encode_coarse(self) -> EncodeCoarse | None:
        """Timed as `encode`, in the row of the frame that was encoded last."""
        encode_coarse = self._promptable.encode_coarse
        if encode_coarse is None:
            return None
        return lambda frame: self._timed("encode", encode_coarse, frame)

    def decode_prompts(
        self,
        features: Features,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None = None,
        conditioned: Float[Tensor, "O C h w"] | None = None,
    ) -> Decoded:
        """Timed as `decode mask`."""
        decode = self._promptable.decode_prompts
        return self._timed("decode mask", decode, features, objects, priors, conditioned)

    def encode_mask_prompts(self, features: Features, masks: Sequence[Mask]) -> Decoded:
        """Timed as `decode mask`."""
        return self._timed(
            "decode mask", self._promptable.encode_mask_prompts, features, masks
        )

    def memorise(self, features: Features, mask: Mask) -> Recall:
        """Timed as `memory`; what it gives is not timed."""
        return self._timed("memory", self._promptable.memorise, features, mask)

    def _begin_row(self, count: int) -> None:
        self.frames.append(FrameTimes(time.perf_counter(), time.process_time(), count))

    def _timed(
        self,
        stage: str,
        run: Callable[Inputs, Output],
        *values: Inputs.args,
        **named: Inputs.kwargs,
    ) -> Output:
        """The output, once the device has really finished it."""
        began = time.perf_counter()
        output = run(*values, **named)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self._ended = time.perf_counter()
        self._ended_cpu = time.process_time()
        self.frames[-1].seconds[stage] += self._ended - began
        return output


class TimedModel(Timed):
    """Implements `vseg.interfaces.affinity_model.AffinityModel`."""

    def __init__(self, model: AffinityModel) -> None:
        super().__init__(model)
        self._model = model

    def map_hw(self, video_hw: tuple[int, int]) -> tuple[int, int]:
        """Not timed."""
        return self._model.map_hw(video_hw)

    def encode_crops(self, frames: Sequence[Frame], side: int) -> list[Features]:
        """Timed as `encode`, in the row of the frame that was encoded last."""
        if not self.frames:
            self._begin_row(1)
        return self._timed("encode", self._model.encode_crops, frames, side)

    def condition(
        self, features: Features, memory: Memory, look_alikes: LookAlikes | None = None
    ) -> Float[Tensor, "O V h w"]:
        """Timed as `memory`."""
        return self._timed("memory", self._model.condition, features, memory, look_alikes)

    def warp_prior(
        self,
        features: Features,
        local_key: Float[Tensor, "L h8 w8"] | None,
        logits: Float[Tensor, "O h4 w4"],
        competitors: Bool[Tensor, "O O"] | None = None,
    ) -> Float[Tensor, "O P h4 w4"]:
        """Timed as `memory`."""
        return self._timed(
            "memory", self._model.warp_prior, features, local_key, logits, competitors
        )

    def decode(
        self,
        features: Features,
        readout: Float[Tensor, "O V h w"],
        prior: Float[Tensor, "O P h4 w4"],
    ) -> Decoded:
        """Timed as `decode mask`."""
        return self._timed("decode mask", self._model.decode, features, readout, prior)

    def encode_memory(
        self, features: Features, logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O V h w"]:
        """Timed as `memory`."""
        return self._timed("memory", self._model.encode_memory, features, logits)
