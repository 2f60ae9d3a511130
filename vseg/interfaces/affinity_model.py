"""Memory read by one affinity for all objects: what nano is to a session.

encode (per frame, for all objects) -> condition (read the memory, per object), warp_prior (the
last masks) -> decode -> encode_memory.  Models of the SAM 2 family remember in slots instead
(`vseg.interfaces.slot_model`).
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.promptable_model import PromptableModel
from vseg.tensors import Decoded, Features, LookAlikes, Memory
from vseg.types import Frame


@runtime_checkable
class AffinityModel(PromptableModel, Protocol):
    """A network whose memory is a value for every cell of the remembered frames."""

    def map_hw(self, video_hw: tuple[int, int]) -> tuple[int, int]:
        """Cells of the mask logits of a frame of this height and width, encoded or not."""
        ...

    def encode_crops(self, frames: Sequence[Frame], side: int) -> list[Features]:
        """Features of crops, the shorter side of each scaled to `side` pixels and none
        compared with whole frames; their own sizes may differ, but not their shapes.
        """
        ...

    def condition(
        self, features: Features, memory: Memory, look_alikes: LookAlikes | None = None
    ) -> Float[Tensor, "O V h w"]:
        """The values read from `memory` for every cell, for each of its objects.

        look_alikes: where one of them is expected, what is remembered of the others is not
        read.
        """
        ...

    def warp_prior(
        self,
        features: Features,
        local_key: Float[Tensor, "L h8 w8"] | None,
        logits: Float[Tensor, "O h4 w4"],
        competitors: Bool[Tensor, "O O"] | None = None,
    ) -> Float[Tensor, "O P h4 w4"]:
        """What `decode` takes as prior, from the masks of the frame whose `local_key` is
        given.

        local_key: None if the masks are of this very frame.  logits: 0 where unknown.
        competitors: objects that share no pixel; None if every object is decoded as if it were
        alone.
        """
        ...

    def decode(
        self,
        features: Features,
        readout: Float[Tensor, "O V h w"],
        prior: Float[Tensor, "O P h4 w4"],
    ) -> Decoded:
        """Masks of O objects.  readout: from `condition`.  prior: from `warp_prior`."""
        ...

    def encode_memory(
        self, features: Features, logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O V h w"]:
        """Values to remember of O objects with these masks."""
        ...
