"""The weights of one layer of memory attention, read from a checkpoint and rearranged once.

Enters: a network's state by the names of the published module.  Leaves: layers whose query
projections hold the scale of the scores and whose value and output projections are one
product.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.models.sam2.rope import unpair
from vseg.weights.state_dict import StateReader


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear map of rows."""

    weight: Float[Tensor, "O I"]
    bias: Float[Tensor, " O"]

    def __call__(self, rows: Tensor) -> Tensor:
        return F.linear(rows, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer norm of rows."""

    weight: Float[Tensor, " D"]
    bias: Float[Tensor, " D"]

    def __call__(self, rows: Tensor) -> Tensor:
        return F.layer_norm(rows, self.weight.shape, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """Self-attention, attention to the memory, and feed-forward, each behind its norm.

    qkv: the self-attention's three projections side by side.  out2: the value projection of
    the memory joined to the output projection.
    """

    norm1: Norm
    qkv: Dense
    out1: Dense
    norm2: Norm
    query: Dense
    key: Dense
    out2: Dense
    norm3: Norm
    up: Dense
    down: Dense


def read_layer(reader: StateReader, at: str) -> AttentionLayer:
    """A layer by the names of the published module (EdgeTAM's differ in the feed-forward
    part).
    """
    own = f"{at}self_attn."
    cross = f"{at}cross_attn_image."
    parts = [_query(reader, own), _key(reader, own), _read_dense(reader, f"{own}v_proj")]
    qkv = Dense(torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts]))
    value, out = (_read_dense(reader, f"{cross}{part}_proj") for part in "vo")
    edge = reader.has(f"{at}mlp.up_proj.weight")
    up, down = ("mlp.up_proj", "mlp.down_proj") if edge else ("linear1", "linear2")
    return AttentionLayer(
        norm1=read_norm(reader, f"{at}layer_norm1"),
        qkv=qkv,
        out1=_read_dense(reader, f"{own}o_proj"),
        norm2=read_norm(reader, f"{at}layer_norm2"),
        query=_query(reader, cross),
        key=_key(reader, cross),
        out2=Dense(out.weight @ value.weight, out.weight @ value.bias + out.bias),
        norm3=read_norm(reader, f"{at}layer_norm3"),
        up=_read_dense(reader, at + up),
        down=_read_dense(reader, at + down),
    )


def _query(reader: StateReader, at: str) -> Dense:
    """The query projection, with the scale of the scores in it."""
    query = _read_dense(reader, f"{at}q_proj")
    scale = len(query.bias) ** -0.5
    return Dense(unpair(query.weight) * scale, unpair(query.bias) * scale)


def _key(reader: StateReader, at: str) -> Dense:
    key = _read_dense(reader, f"{at}k_proj")
    return Dense(unpair(key.weight), unpair(key.bias))


def _read_dense(reader: StateReader, name: str) -> Dense:
    return Dense(reader.take(f"{name}.weight"), reader.take(f"{name}.bias"))


def read_norm(reader: StateReader, name: str) -> Norm:
    """A norm by its name."""
    return Norm(reader.take(f"{name}.weight"), reader.take(f"{name}.bias"))


def moved(layer: AttentionLayer, device: torch.device, dtype: torch.dtype) -> AttentionLayer:
    """The same layer on a device, in a dtype."""
    parts = {name: getattr(layer, name) for name in AttentionLayer.__slots__}
    return replace(
        layer,
        **{
            name: type(part)(part.weight.to(device, dtype), part.bias.to(device, dtype))
            for name, part in parts.items()
        },
    )
