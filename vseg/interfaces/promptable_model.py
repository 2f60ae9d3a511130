"""What every kind of model can do with one image: what `vseg.session.image_predictor` needs.

An image is encoded once; prompts are decoded on its features, for several objects in one
batch; what a mask shows can be memorised and found again on another image.  How a model
remembers a video is where the kinds differ (`affinity_model`, `slot_model`).
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.errors import UsageError
from vseg.tensors import Decoded, Features
from vseg.types import Frame, Mask, VisualPrompt

ObjectPrompts = Sequence[VisualPrompt]
"""All prompts of one object on one image."""
EncodeCoarse = Callable[[Frame], Features]
"""Features of a frame at a coarse scale."""
Encode = Callable[[Sequence[Frame]], list[Features]]
"""Features of each frame."""
Recall = Callable[[Features], Decoded]
"""The mask of one memorised object on another image, from its memory alone."""


@runtime_checkable
class PromptableModel(Protocol):
    """One network with its weights; may be shared by sessions and threads.

    runtime: what computes it, as run.json names it.  embeds_identity: whether the embeddings
    of one object are alike on different images, so that objects can be told apart by them.
    """

    name: str
    weights_sha256: str
    device: torch.device
    dtype: torch.dtype
    runtime: str
    embeds_identity: bool

    @property
    def encode_coarse(self) -> EncodeCoarse | None:
        """For the first of the two passes in which the model decodes prompts: points alone do
        not say how large an object is, so their first mask is decoded at a coarse scale and
        fed back as the prior of the second pass.  None of a model that decodes in one pass.
        """
        ...

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """Features of each frame; does not depend on prompts or memory."""
        ...

    @property
    def background_encode(self) -> Encode | None:
        """As `encode`, to the bit, for a thread beside the one that tracks: with half of the
        threads.  None where a frame is better encoded before it is tracked, by all of them.
        """
        ...

    def decode_prompts(
        self,
        features: Features,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None = None,
        conditioned: Float[Tensor, "O C h w"] | None = None,
    ) -> Decoded:
        """Masks of several objects by their prompts, in one pass and one batch.

        priors: logits of the masks as far as they are known, 0 where nothing is; a mask among
        an object's prompts takes its prior's place.  conditioned: from `condition`; left out
        of objects of which nothing is remembered.
        """
        ...

    def encode_mask_prompts(self, features: Features, masks: Sequence[Mask]) -> Decoded:
        """Masks that the user gave, as they stand, with the embeddings that go with them."""
        ...

    def memorise(self, features: Features, mask: Mask) -> Recall:
        """What decodes the same object on any other image."""
        ...


def check_loaded(model: object) -> None:
    """Raise UsageError for what is no model, such as the name of one."""
    if not isinstance(model, PromptableModel):
        raise UsageError(
            f"model is {type(model).__name__}, not what vseg.load_model gives",
            hint='load it: model = vseg.load_model("nano")',
        )
