"""Memory attention of the SAM 2 family (arXiv:2408.00714), rewritten without changing what it
computes.

Enters: a frame's features and, for each object, the memories it may read.  Leaves: features
conditioned on them.  What differs from the published module, exact up to rounding:
- keys are rotated when a memory is written; its age, a linear term, is added from a table when
  it is read;
- values keep their 64 channels: softmax(QK')(M W + b) = (softmax(QK')M)W + b, and W joins the
  projection;
- the first self-attention does not depend on an object, so all objects share it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.slot_model import MergedToken
from vseg.models.sam2.attention import attend, fused
from vseg.models.sam2.attention_weights import (
    AttentionLayer,
    Norm,
    moved,
    read_layer,
    read_norm,
)
from vseg.models.sam2.feed_forward import feed_forward
from vseg.models.sam2.padded_memory import PaddedMemory
from vseg.models.sam2.rope import Rotation, axial_rotation
from vseg.weights.state_dict import StateReader

_TOGETHER = 32
"""Objects attended in one batch on a GPU; on a CPU a batch brings nothing and costs memory."""


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """The sizes of a checkpoint's memory attention.

    frame_wh: columns and rows of a frame's cells.  memory_wh: of the cells of a memory that
    have a position; `plain` tokens come before them.  theta: base of the rotary frequencies.
    """

    layers: int
    frame_wh: tuple[int, int]
    memory_wh: tuple[int, int]
    plain: int
    theta: float


@dataclass(frozen=True, slots=True)
class Recalled:
    """What one object may read on a frame.

    ages: frames since every memory, 0 for a prompted one.  keys, cells: of the memories.
    tokens: the object pointers cut to the cells' width; positions: their own position codes.
    merged: of memories made smaller, by their place among the others.
    """

    ages: tuple[int, ...]
    keys: tuple[Float[Tensor, "L _ D"], ...]
    cells: tuple[Float[Tensor, "_ C"], ...]
    tokens: Float[Tensor, "P C"]
    positions: Float[Tensor, "P C"]
    merged: Mapping[int, MergedToken] = field(default_factory=dict)

    @property
    def layout(self) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """Objects of the same layout can share a batch."""
        return self.ages, tuple(len(cells) for cells in self.cells), len(self.tokens)

    @property
    def bias(self) -> Float[Tensor, " M"]:
        """Added to the scores of every key: nothing to those of whole memories and of
        pointers.
        """
        parts = [
            self.merged[k].bias if k in self.merged else cells.new_zeros(len(cells))
            for k, cells in enumerate(self.cells)
        ]
        return torch.cat([*parts, self.tokens.new_zeros(len(self.tokens))])


class MemoryAttention:
    """The module's weights, ready to be used; keeps nothing of any video.

    spatial: position code of a memory's tokens.  temporal: a memory's age code; its last row
    is for prompted frames, row t - 1 for those t frames away.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        plan: AttentionPlan,
        *,
        spatial: Float[Tensor, "N C"],
        temporal: Float[Tensor, "T C"],
    ) -> None:
        reader = StateReader(state)
        self._layers = tuple(read_layer(reader, f"layers.{k}.") for k in range(plan.layers))
        self._final = read_norm(reader, "layer_norm")
        reader.finish()
        width = self._layers[0].query.weight.shape[0]
        self._turn = axial_rotation(plan.frame_wh, width, plan.theta)
        self._turn_keys = axial_rotation(plan.memory_wh, width, plan.theta, plain=plan.plain)
        self._spatial = spatial.float()
        self._ages = torch.stack([self._age_table(layer, temporal) for layer in self._layers])

    def to(self, device: torch.device, dtype: torch.dtype) -> "MemoryAttention":
        """This very object, its weights moved; rotations stay in float32."""
        self._layers = tuple(moved(layer, device, dtype) for layer in self._layers)
        self._final = Norm(
            *(t.to(device, dtype) for t in (self._final.weight, self._final.bias))
        )
        for name in ("_turn", "_turn_keys"):
            turn = getattr(self, name)
            setattr(self, name, Rotation(turn.cos.to(device), turn.sin.to(device)))
        self._spatial = self._spatial.to(device, dtype)
        self._ages = self._ages.to(device, dtype)
        return self

    def keys(self, cells: Float[Tensor, "O N C"]) -> Float[Tensor, "O L N D"]:
        """Rotated keys of every layer for new memories: all of a key but its age."""
        placed = cells + self._spatial
        return torch.stack(
            [self._turn_keys(layer.key(placed)) for layer in self._layers], dim=1
        )

    def __call__(
        self, frame: Float[Tensor, "N D"], recalled: Sequence[Recalled]
    ) -> Float[Tensor, "O N D"]:
        """The frame's features after every object's attention to its memory.  frame: features
        plus a tenth of their position.
        """
        first = self._layers[0]
        begun = self._attend_self(first, frame[None])
        query = self._queries(first, begun)
        rows: list[Tensor] = [frame] * len(recalled)
        for group in _groups(recalled, _TOGETHER if frame.is_cuda else 1):
            attended = self._read(begun, query, [recalled[row] for row in group])
            for row, features in zip(group, attended, strict=True):
                rows[row] = features
        return torch.stack(rows)

    def together(
        self,
        frame: Float[Tensor, "N D"],
        memory: PaddedMemory,
        tokens: Float[Tensor, "O P C"],
        positions: Float[Tensor, "O P C"],
    ) -> Float[Tensor, "O N D"]:
        """The same for all objects in one batch, without a loop over them or their memories.

        tokens, positions: of the pointers of `memory`, as in `Recalled`.
        """
        per_pointer = tokens.shape[1] // memory.pointer_ages.shape[1]
        missing = torch.cat(
            [
                (memory.ages < 0)[:, :, None].expand(-1, -1, memory.cells.shape[2]).flatten(1),
                (memory.pointer_ages < 0)[:, :, None].expand(-1, -1, per_pointer).flatten(1),
            ],
            dim=1,
        )
        bias = torch.zeros_like(missing, dtype=frame.dtype).masked_fill(missing, float("-inf"))
        values = torch.cat([memory.cells.flatten(1, 2), tokens], dim=1)
        x = frame[None]
        for level, layer in enumerate(self._layers):
            x = self._attend_self(layer, x)
            query = self._queries(layer, x).expand(len(values), -1, -1)
            aged = memory.keys[:, :, level] + self._ages[level][memory.ages.clamp(min=0) - 1]
            keys = torch.cat([aged.flatten(1, 2), layer.key(tokens + positions)], dim=1)
            x = x + layer.out2(fused(query, keys, values, bias))
            x = x + feed_forward(layer.norm3(x), layer.up, F.relu_, layer.down)
        return self._final(x)

    def _read(
        self, x: Float[Tensor, "1 N D"], query: Tensor, recalled: Sequence[Recalled]
    ) -> Float[Tensor, "O N D"]:
        values = torch.stack([torch.cat([*r.cells, r.tokens]) for r in recalled])
        keys = x.new_empty(*values.shape[:2], x.shape[2])
        whole = not any(r.merged for r in recalled)
        bias = None if whole else torch.stack([r.bias for r in recalled])
        for level, layer in enumerate(self._layers):
            if level:
                x = self._attend_self(layer, x)
                query = self._queries(layer, x)
            for place, memories in zip(keys, recalled, strict=True):
                self._assemble(level, memories, place)
            x = x + layer.out2(attend(query, keys, values, bias))
            x = x + feed_forward(layer.norm3(x), layer.up, F.relu_, layer.down)
        return self._final(x)

    def _attend_self(
        self, layer: AttentionLayer, x: Float[Tensor, "B N D"]
    ) -> Float[Tensor, "B N D"]:
        query, key, value = layer.qkv(layer.norm1(x)).chunk(3, dim=-1)
        return x + layer.out1(attend(self._turn(query), self._turn(key), value))

    def _queries(
        self, layer: AttentionLayer, x: Float[Tensor, "B N D"]
    ) -> Float[Tensor, "B N D"]:
        return self._turn(layer.query(layer.norm2(x)))

    def _assemble(self, level: int, recalled: Recalled, place: Float[Tensor, "M D"]) -> None:
        """Fill `place` with one layer's keys of everything recalled, ages included."""
        start = 0
        for k, (age, keys) in enumerate(zip(recalled.ages, recalled.keys, strict=True)):
            added = self._ages[level][age - 1]
            stop = start + keys.shape[1]
            if k in recalled.merged:  # as linear as the rest of a key
                added = added[recalled.merged[k].places].mean(dim=1)
            torch.add(keys[level], added, out=place[start:stop])
            start = stop
        place[start:] = self._layers[level].key(recalled.tokens + recalled.positions)

    def _age_table(self, layer: AttentionLayer, temporal: Tensor) -> Float[Tensor, "T N D"]:
        """What an age adds to the rotated keys: both projection and rotation are linear."""
        projected = F.linear(temporal.float(), layer.key.weight)
        every = projected[:, None].expand(-1, len(self._turn_keys.cos), -1)
        return self._turn_keys(every.contiguous())


def _groups(recalled: Sequence[Recalled], limit: int) -> Iterator[list[int]]:
    """Rows that may share a batch, at most `limit` per batch."""
    by_layout: dict[object, list[int]] = {}
    for row, memories in enumerate(recalled):
        by_layout.setdefault(memories.layout, []).append(row)
    for rows in by_layout.values():
        yield from (rows[k : k + limit] for k in range(0, len(rows), limit))
