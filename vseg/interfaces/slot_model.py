"""Memory in slots: what a model of the SAM 2 family is to the session, and what it remembers.

encode (per frame, for all objects) -> condition (attend to an object's slots) -> decode, or
decode_prompts where the user prompted -> encode_memory (one slot per object).  Nano's memory
is read by one affinity for all objects (`vseg.interfaces.affinity_model`); here every object
has its own slots, ordered by their age in frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from vseg.interfaces.promptable_model import PromptableModel
from vseg.tensors import Decoded, Features
from vseg.types import Mask


@dataclass(frozen=True, slots=True)
class MergedToken:
    """What the tokens of a merged slot stand for.

    places: the G tokens of the whole slot that one of them is the mean of.  bias: added to its
    scores, the log of how many tokens it stands for.
    """

    places: Int[Tensor, "N G"]
    bias: Float[Tensor, " N"]


@dataclass(frozen=True, slots=True)
class Slot:
    """What is remembered of one object on one frame.

    cells: what was where, C channels for N tokens.  keys: made of the cells once, for
    every layer that reads them.  pointer: the object as a whole.  merged: of a slot whose
    tokens were merged; None of a whole one.
    """

    cells: Float[Tensor, "N C"]
    keys: Float[Tensor, "L N D"]
    pointer: Float[Tensor, " P"]
    merged: MergedToken | None = None


@dataclass(frozen=True, slots=True)
class SlotShape:
    """The size of a model's slots.

    tokens: N of a slot, of which the last rows x columns (`grid`) lie on the frame, row by
    row.  channels, layers, width: C, L and D.  pointer: P.  itemsize: bytes of one number.
    """

    tokens: int
    grid: tuple[int, int]
    channels: int
    layers: int
    width: int
    pointer: int
    itemsize: int

    @property
    def pointer_bytes(self) -> int:
        """Of the pointer alone."""
        return self.pointer * self.itemsize

    @property
    def bytes(self) -> int:
        """Of a whole slot."""
        token = self.channels + self.layers * self.width
        return self.tokens * token * self.itemsize + self.pointer_bytes


@dataclass(frozen=True, slots=True)
class SlotMemory:
    """What one object may read on a frame.

    slots: with their ages in frames; first prompted ones, of age 0, then the oldest.
    pointers: with their ages, of more frames than have slots.
    """

    slots: tuple[tuple[int, Slot], ...]
    pointers: tuple[tuple[int, Float[Tensor, " P"]], ...]


@runtime_checkable
class SlotModel(PromptableModel, Protocol):
    """A network whose memory is one slot per object and frame.

    recent_slots, recent_pointers: how many frames back its memory reaches, in cells and in
    pointers.  slot_shape: the size of what it remembers of an object on a frame.
    """

    recent_slots: int
    recent_pointers: int
    slot_shape: SlotShape

    def condition(
        self, features: Features, memories: Sequence[SlotMemory]
    ) -> Float[Tensor, "O C h w"]:
        """The frame's features, by object, after attention to its memory."""
        ...

    def decode(self, features: Features, conditioned: Float[Tensor, "O C h w"]) -> Decoded:
        """Masks of objects without prompts on this frame; `embedding` holds their pointers."""
        ...

    def encode_memory(
        self,
        features: Features,
        decoded: Decoded,
        prompted: Sequence[bool],
        given: Mapping[int, Mask],
    ) -> list[Slot]:
        """A slot per row of `decoded`; prompted rows are remembered as certain.

        given: rows whose mask is the user's own, at video size.
        """
        ...

    def keys(self, cells: Float[Tensor, "N C"]) -> Float[Tensor, "L N D"]:
        """The keys that `encode_memory` made of a slot's cells."""
        ...
