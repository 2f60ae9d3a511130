"""One small object decoded in its crop."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from vseg.session.crops.view import CropView
from vseg.tensors import PRESENT, Decoded, Features


@dataclass(frozen=True, slots=True)
class CropRow:
    """features: of the crop.  decoded: one row, on the crop's cells.  reliable: whether it may
    be remembered.
    """

    view: CropView
    features: Features
    decoded: Decoded
    reliable: bool = True

    @property
    def logits(self) -> Float[Tensor, "h4 w4"]:
        """Of the object, on the crop's cells."""
        return self.decoded.logits[0]

    @property
    def visible(self) -> bool:
        """Whether there is a mask, and the model believes it."""
        present = bool(self.decoded.presence[0] > PRESENT)
        return present and bool((self.decoded.logits > 0).any())

    def with_logits(self, logits: Float[Tensor, "h4 w4"], *, reliable: bool) -> "CropRow":
        """The same with another mask."""
        decoded = replace(self.decoded, logits=logits[None])
        return replace(self, decoded=decoded, reliable=reliable)
