"""A model of the SAM 2 family whose stages are compiled, each for a few sizes of its inputs.

Enters and leaves: what `vseg.models.sam2.model.Sam` takes and gives.  Objects are padded to 1,
2, 4, 8, 16 or 32 rows and their memories to what they hold when full, so that from the first
frame on nothing changes size; a row of padding is a copy of another and is cut off.  Prompts
are decoded uncompiled: every point is attended to by every other, so points that pad would
change the mask.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vseg.interfaces.slot_model import Slot, SlotMemory
from vseg.models.sam2.memory import MemoryInput
from vseg.models.sam2.model import Sam, SamParts
from vseg.models.sam2.padded_memory import PaddedMemory, padded, sized, span_of
from vseg.models.sam2.vision import Maps
from vseg.tensors import Decoded, Features, Hypotheses
from vseg.types import Box, Frame, Mask
from vseg.weights.device import uploaded

_SIZES = 64
"""Sizes a stage may be compiled for.  torch gives up after 8, of which models of one kind
share.
"""

Tensors = tuple[Tensor, ...]


class Compiled:
    """A stage, compiled when it first meets a size of its inputs, on CUDA into a graph that is
    replayed.
    """

    def __init__(
        self, stage: Callable[..., Tensors], device: torch.device, backend: str
    ) -> None:
        self._graphs = device.type == "cuda" and backend == "inductor"
        mode = {"mode": "reduce-overhead"} if self._graphs else {}
        self._run = torch.compile(
            stage, fullgraph=True, dynamic=False, backend=backend, **mode
        )  # type: ignore[call-overload]

    def __call__(self, *tensors: Tensor) -> Tensors:
        """What the stage gives; the tensors are the caller's to keep."""
        if self._graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with torch.compiler.config.patch(recompile_limit=_SIZES):  # type: ignore[attr-defined]
            made: Tensors = self._run(*tensors)
        # The next replay of a graph writes over what this one gave.
        return tuple(tensor.clone() for tensor in made) if self._graphs else made


class CompiledSam(Sam):
    """Implements `vseg.interfaces.slot_model.SlotModel`."""

    def __init__(
        self,
        parts: SamParts,
        *,
        device: torch.device,
        dtype: torch.dtype,
        backend: str = "inductor",
    ) -> None:
        super().__init__(parts, device=device, dtype=dtype)
        self._encode_maps = Compiled(super()._maps, device, backend)
        self._condition = Compiled(self._conditioned, device, backend)
        self._decode = Compiled(self._decoded, device, backend)
        self._encode_memory = Compiled(self._memory_encoded, device, backend)

    def warm_up(self, objects: Sequence[int], *, batch: int = 1, prompted: int = 1) -> None:
        """Compile every stage for one object, for these numbers of them, and for `batch`
        frames together.

        prompted: how many prompted frames an object remembers at most.
        """
        blank = Frame(0, None, 0.0, np.zeros((16, 16, 3), np.uint8))
        with torch.inference_mode():
            for count in sorted({_batch(n) for n in range(1, batch + 1)}, reverse=True):
                features = self.encode([blank] * count)[0]
            decoded = self.decode_prompts(features, [[Box(2, 2, 9, 9)]])
            slot = self.encode_memory(features, decoded, [True], {})[0]
            for fixed in sorted({sized(n) for n in range(1, prompted + 1)}):
                memory = SlotMemory(((0, slot),) * fixed, ((1, slot.pointer),))
                for rows in sorted({sized(n) for n in (1, *objects)}):
                    conditioned = self.condition(features, [memory] * rows)
                    decoded = self.decode(features, conditioned)
                    self.encode_memory(features, decoded, [False] * rows, {})

    @torch.inference_mode()
    def condition(
        self, features: Features, memories: Sequence[SlotMemory]
    ) -> Float[Tensor, "O C h w"]:
        """The frame's features after every object's attention to its memory."""
        span = span_of(memories, self.recent_slots, self.recent_pointers)
        memory = padded(memories, span, sized(len(memories)))
        tensors = (
            memory.keys,
            memory.cells,
            memory.ages,
            memory.pointers,
            memory.pointer_ages,
        )
        return self._condition(features.levels[2], *tensors)[0][: len(memories)]

    @torch.inference_mode()
    def decode(self, features: Features, conditioned: Float[Tensor, "O C h w"]) -> Decoded:
        """Masks of objects without prompts on this frame, all in one batch."""
        fine, middle, _ = features.levels
        count = len(conditioned)
        made = self._decode(fine, middle, _rows(conditioned, sized(count)))
        logits, quality, presence, pointers, *others = (tensor[:count] for tensor in made)
        proposed = Hypotheses(*others) if others else None
        return Decoded(logits, quality, presence, pointers, proposed)

    @torch.inference_mode()
    def encode_memory(
        self,
        features: Features,
        decoded: Decoded,
        prompted: Sequence[bool],
        given: Mapping[int, Mask],
    ) -> list[Slot]:
        """A slot for every row of `decoded`; masks the user gave are encoded at their own
        size, uncompiled.
        """
        if given:
            return super().encode_memory(features, decoded, prompted, given)
        count = len(prompted)
        rows = sized(len(prompted))
        certain = uploaded(torch.tensor([*prompted, *[False] * (rows - count)]), self.device)
        logits = _rows(decoded.logits, rows)
        presence = _rows(decoded.presence, rows)
        pointers = _rows(decoded.embedding, rows)
        made = self._encode_memory(features.levels[2], logits, certain, presence, pointers)
        cells = made[:rows]
        keys = made[rows:]
        return [
            Slot(*row)
            for row in zip(cells[:count], keys[:count], decoded.embedding, strict=True)
        ]

    def _maps(self, pixels: UInt8[Tensor, "B 3 s s"]) -> Maps:
        count = len(pixels)
        fine, middle, coarse = self._encode_maps(_rows(pixels, _batch(count)))
        return fine[:count], middle[:count], coarse[:count]

    def _conditioned(self, coarse: Tensor, *memory: Tensor) -> Tensors:
        return (self._memory.read_together(coarse, PaddedMemory(*memory)),)

    def _decoded(self, fine: Tensor, middle: Tensor, conditioned: Tensor) -> Tensors:
        made = self._decoder((fine, middle), conditioned, self._decoder.no_prompt)
        chosen = (made.logits, made.quality, made.presence, made.embedding)
        others = made.alternatives
        return (
            chosen
            if others is None
            else (*chosen, others.logits, others.quality, others.embedding)
        )

    def _memory_encoded(
        self,
        coarse: Tensor,
        logits: Float[Tensor, "O h4 w4"],
        certain: Bool[Tensor, " O"],
        presence: Float[Tensor, " O"],
        pointers: Tensor,
    ) -> Tensors:
        size = (self._side, self._side)
        masks = F.interpolate(
            logits[:, None].float(), size, mode="bilinear", align_corners=False
        )
        slots = self._memory.write(
            coarse, MemoryInput(masks, certain, presence > 0.5, pointers)
        )
        return (*(slot.cells for slot in slots), *(slot.keys for slot in slots))


def _batch(count: int) -> int:
    """Frames that are encoded in place of `count`: alone, or with enough others to fill a
    GPU.
    """
    return 1 if count == 1 else max(4, sized(count))


def _rows(tensor: Tensor, count: int) -> Tensor:
    """`count` rows: the tensor's own, then the first one again; dense, for one memory
    layout.
    """
    spare = tensor[:1].expand(count - len(tensor), *tensor.shape[1:])
    return torch.cat([tensor, spare]).contiguous()
