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
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.slot_model import MergedToken
from vseg.models.sam2.attention import attend, fused
from vseg.models.sam2.feed_forward import feed_forward
from vseg.models.sam2.padded_memory import PaddedMemory
from vseg.models.sam2.rope import Rotation, axial_rotation, unpair
from vseg.weights.state_dict import StateReader

_TOGETHER = 32
"""Objects attended in one batch on a GPU; on a CPU a batch brings nothing and costs memory."""


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """What a checkpoint's configuration says of its memory attention.

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

    ages: frames since each memory, 0 for a prompted one.  keys, cells: of each memory.
    tokens: the object pointers cut to the cells' width; positions: their own position codes.
    stand_ins: of memories made smaller, by their place among the others.
    """

    ages: tuple[int, ...]
    keys: tuple[Float[Tensor, "L _ D"], ...]
    cells: tuple[Float[Tensor, "_ C"], ...]
    tokens: Float[Tensor, "P C"]
    positions: Float[Tensor, "P C"]
    stand_ins: Mapping[int, MergedToken] = field(default_factory=dict)

    @property
    def layout(self) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """Objects of the same layout can share a batch."""
        return self.ages, tuple(len(cells) for cells in self.cells), len(self.tokens)

    @property
    def bias(self) -> Float[Tensor, " M"]:
        """What is added to the scores of every key: none to those of whole memories and of
        pointers.
        """
        parts = [
            self.stand_ins[k].bias if k in self.stand_ins else cells.new_zeros(len(cells))
            for k, cells in enumerate(self.cells)
        ]
        return torch.cat([*parts, self.tokens.new_zeros(len(self.tokens))])


@dataclass(frozen=True, slots=True)
class _Dense:
    weight: Float[Tensor, "O I"]
    bias: Float[Tensor, " O"]

    def __call__(self, rows: Tensor) -> Tensor:
        return F.linear(rows, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Float[Tensor, " D"]
    bias: Float[Tensor, " D"]

    def __call__(self, rows: Tensor) -> Tensor:
        return F.layer_norm(rows, self.weight.shape, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class _Layer:
    norm1: _Norm
    qkv: _Dense
    out1: _Dense
    norm2: _Norm
    query: _Dense
    key: _Dense
    out2: _Dense
    norm3: _Norm
    up: _Dense
    down: _Dense


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
        self._layers = tuple(_read_layer(reader, f"layers.{k}.") for k in range(plan.layers))
        self._final = _read_norm(reader, "layer_norm")
        reader.finish()
        width = self._layers[0].query.weight.shape[0]
        self._turn = axial_rotation(plan.frame_wh, width, plan.theta)
        self._turn_keys = axial_rotation(plan.memory_wh, width, plan.theta, plain=plan.plain)
        self._spatial = spatial.float()
        self._ages = torch.stack([self._age_table(layer, temporal) for layer in self._layers])

    def to(self, device: torch.device, dtype: torch.dtype) -> "MemoryAttention":
        """This very object, its weights moved; rotations stay in float32."""
        self._layers = tuple(_moved(layer, device, dtype) for layer in self._layers)
        self._final = _Norm(
            *(t.to(device, dtype) for t in (self._final.weight, self._final.bias))
        )
        for name in ("_turn", "_turn_keys"):
            turn = getattr(self, name)
            setattr(self, name, Rotation(turn.cos.to(device), turn.sin.to(device)))
        self._spatial, self._ages = (
            self._spatial.to(device, dtype),
            self._ages.to(device, dtype),
        )
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
        """The frame's features as each object sees them.  frame: features plus a tenth of
        their position.
        """
        first = self._layers[0]
        begun = self._attend_self(first, frame[None])
        query = self._queries(first, begun)
        rows: list[Tensor] = [frame] * len(recalled)
        for group in _groups(recalled, _TOGETHER if frame.is_cuda else 1):
            seen = self._read(begun, query, [recalled[row] for row in group])
            for row, features in zip(group, seen, strict=True):
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
        each = tokens.shape[1] // memory.pointer_ages.shape[1]
        missing = torch.cat(
            [
                (memory.ages < 0)[:, :, None].expand(-1, -1, memory.cells.shape[2]).flatten(1),
                (memory.pointer_ages < 0)[:, :, None].expand(-1, -1, each).flatten(1),
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
        values = torch.stack([torch.cat([*each.cells, each.tokens]) for each in recalled])
        keys = x.new_empty(*values.shape[:2], x.shape[2])
        whole = not any(each.stand_ins for each in recalled)
        bias = None if whole else torch.stack([each.bias for each in recalled])
        for level, layer in enumerate(self._layers):
            if level:
                x = self._attend_self(layer, x)
                query = self._queries(layer, x)
            for place, each in zip(keys, recalled, strict=True):
                self._assemble(level, each, place)
            x = x + layer.out2(attend(query, keys, values, bias))
            x = x + feed_forward(layer.norm3(x), layer.up, F.relu_, layer.down)
        return self._final(x)

    def _attend_self(self, layer: _Layer, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        query, key, value = layer.qkv(layer.norm1(x)).chunk(3, dim=-1)
        seen = attend(self._turn(query), self._turn(key), value)
        return x + layer.out1(seen)

    def _queries(self, layer: _Layer, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        return self._turn(layer.query(layer.norm2(x)))

    def _assemble(self, level: int, recalled: Recalled, place: Float[Tensor, "M D"]) -> None:
        """Fill `place` with one layer's keys of everything recalled, ages included."""
        start = 0
        for k, (age, keys) in enumerate(zip(recalled.ages, recalled.keys, strict=True)):
            added = self._ages[level][age - 1]
            stop = start + keys.shape[1]
            if k in recalled.stand_ins:  # as linear as the rest of a key
                added = added[recalled.stand_ins[k].places].mean(dim=1)
            torch.add(keys[level], added, out=place[start:stop])
            start = stop
        place[start:] = self._layers[level].key(recalled.tokens + recalled.positions)

    def _age_table(self, layer: _Layer, temporal: Tensor) -> Float[Tensor, "T N D"]:
        """What each age adds to the rotated keys: both projection and rotation are linear."""
        moved = F.linear(temporal.float(), layer.key.weight)
        every = moved[:, None].expand(-1, len(self._turn_keys.cos), -1)
        return self._turn_keys(every.contiguous())


def _groups(recalled: Sequence[Recalled], limit: int) -> Iterator[list[int]]:
    """Rows that may share a batch, at most `limit` in each."""
    by_layout: dict[object, list[int]] = {}
    for row, each in enumerate(recalled):
        by_layout.setdefault(each.layout, []).append(row)
    for rows in by_layout.values():
        yield from (rows[k : k + limit] for k in range(0, len(rows), limit))


def _read_layer(reader: StateReader, at: str) -> _Layer:
    """A layer by the names of the published module (EdgeTAM's differ in the feed-forward
    part).
    """
    own = f"{at}self_attn."
    cross = f"{at}cross_attn_image."
    parts = [_query(reader, own), _key(reader, own), _read_dense(reader, f"{own}v_proj")]
    qkv = _Dense(torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts]))
    value, out = (_read_dense(reader, f"{cross}{part}_proj") for part in "vo")
    edge = reader.has(f"{at}mlp.up_proj.weight")
    up, down = ("mlp.up_proj", "mlp.down_proj") if edge else ("linear1", "linear2")
    return _Layer(
        norm1=_read_norm(reader, f"{at}layer_norm1"),
        qkv=qkv,
        out1=_read_dense(reader, f"{own}o_proj"),
        norm2=_read_norm(reader, f"{at}layer_norm2"),
        query=_query(reader, cross),
        key=_key(reader, cross),
        out2=_Dense(out.weight @ value.weight, out.weight @ value.bias + out.bias),
        norm3=_read_norm(reader, f"{at}layer_norm3"),
        up=_read_dense(reader, at + up),
        down=_read_dense(reader, at + down),
    )


def _query(reader: StateReader, at: str) -> _Dense:
    """The query projection, with the scale of the scores in it."""
    query = _read_dense(reader, f"{at}q_proj")
    scale = len(query.bias) ** -0.5
    return _Dense(unpair(query.weight) * scale, unpair(query.bias) * scale)


def _key(reader: StateReader, at: str) -> _Dense:
    key = _read_dense(reader, f"{at}k_proj")
    return _Dense(unpair(key.weight), unpair(key.bias))


def _read_dense(reader: StateReader, name: str) -> _Dense:
    return _Dense(reader.take(f"{name}.weight"), reader.take(f"{name}.bias"))


def _read_norm(reader: StateReader, name: str) -> _Norm:
    return _Norm(reader.take(f"{name}.weight"), reader.take(f"{name}.bias"))


def _moved(layer: _Layer, device: torch.device, dtype: torch.dtype) -> _Layer:
    parts = {name: getattr(layer, name) for name in _Layer.__slots__}
    return replace(
        layer,
        **{
            name: type(part)(part.weight.to(device, dtype), part.bias.to(device, dtype))
            for name, part in parts.items()
        },
    )
