"""Tensors that cross the engine's stage boundaries: encode -> condition -> decode -> remember.

They live on the model's device and are opaque to the session except for their object rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Features:
    """One encoded frame.  levels: (C_k, H/s_k, W/s_k), finest first; key: (C, h, w) for memory reading."""

    frame_index: int
    video_hw: tuple[int, int]
    model_hw: tuple[int, int]
    levels: tuple[Float[Tensor, "..."], ...]
    key: Float[Tensor, "..."]


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of one object on one frame, drawn as maps by the model (its own channel layout)."""

    maps: Float[Tensor, "C h w"]
    replaces: bool


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder says of O objects on one frame.

    logits: (O, h, w), positive is object.  quality: predicted IoU.  presence: logit of "is visible".
    embedding: unit vectors that name the identity.
    """

    object_ids: tuple[int, ...]
    logits: Float[Tensor, "O h w"]
    quality: Float[Tensor, " O"]
    presence: Float[Tensor, " O"]
    embedding: Float[Tensor, "O C"]


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """What is remembered of one frame: a key for every cell, and per object a value for every cell."""

    frame_index: int
    key: Float[Tensor, "..."]
    values: Mapping[int, Float[Tensor, "..."]]
