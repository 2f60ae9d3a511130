"""What a model is to the session: weights behind four stages, and no state of any video.

encode (per frame, for all objects) -> condition (read the memory, per object), carry (the last
masks) -> decode -> remember.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.tensors import Decoded, Features, Memory
from vseg.types import Frame, Mask, VisualPrompt


@runtime_checkable
class AffinityModel(Protocol):
    """One network with its weights; may be shared by sessions and threads."""

    name: str
    weights_sha256: str
    device: torch.device
    dtype: torch.dtype

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """Features of each frame; does not depend on prompts or memory."""
        ...

    def condition(self, features: Features, memory: Memory) -> Float[Tensor, "O V h w"]:
        """What the memory says of every cell, for each object of `memory`."""
        ...

    def coarse_mask(
        self, frame: Frame, prompts: Sequence[VisualPrompt]
    ) -> Float[Tensor, "h w"]:
        """Logits of one object from its prompts alone, at a coarse scale where a whole object
        is near.
        """
        ...

    def coarse_masks(self, frame: Frame, objects: Sequence[Sequence[VisualPrompt]]) -> Decoded:
        """Sketches of several objects, each from its own prompts, at that coarse scale."""
        ...

    def encode_prompts(
        self,
        features: Features,
        prompts: Sequence[VisualPrompt],
        prior: Float[Tensor, "h4 w4"] | None,
    ) -> Float[Tensor, "V h w"]:
        """What one object's prompts say of every cell, in the memory's own terms: the two add
        up.

        prior: logits of what is known of the mask on this frame.
        """
        ...

    def given(self, features: Features, mask: Mask) -> Float[Tensor, "h4 w4"]:
        """Logits that stand for a mask the user gave."""
        ...

    def warp_prior(
        self,
        features: Features,
        near: Float[Tensor, "L h8 w8"] | None,
        logits: Float[Tensor, "O h4 w4"],
        competitors: Bool[Tensor, "O O"] | None = None,
    ) -> Float[Tensor, "O P h4 w4"]:
        """What `decode` takes as prior, from the masks of the frame whose `near` is given.

        near: None if the masks are of this very frame.  logits: 0 where unknown.  rivals:
        objects that share no pixel; None if every object is drawn as if it were alone.
        """
        ...

    def decode(
        self,
        features: Features,
        readout: Float[Tensor, "O V h w"],
        prior: Float[Tensor, "O P h4 w4"],
    ) -> Decoded:
        """Masks of O objects.  prior: from `warp_prior`."""
        ...

    def remember(
        self, features: Features, logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O V h w"]:
        """Values to remember of O objects with these masks."""
        ...
