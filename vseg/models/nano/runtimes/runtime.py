"""What computes nano's stages: torch, or onnxruntime on processors where that is faster.

A runtime holds weights, ready for one device, and nothing about any video.  All take and give
torch tensors of its `dtype`; what is small or done once for each prompt is torch in both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vseg.models.nano.object_decoder import DecodedMasks, Encoded
from vseg.tensors import MemoryPart


@dataclass(frozen=True, slots=True)
class EncodedImages:
    """Images as the other stages read them, and the image encoder's own maps of strides 8 and
    16.
    """

    frames: Encoded
    f8: Float[Tensor, "B C8 h8 w8"]
    f16: Float[Tensor, "B C16 h w"]


EncodeImages = Callable[[UInt8[Tensor, "B 3 H W"]], EncodedImages]


@runtime_checkable
class Runtime(Protocol):
    """The stages of a tracked frame, and the decoding of prompts.

    temperature: the factor on cosines in the affinity.  encoder_sha256: what the word head
    knows the image encoder by.  background_encode: as
    `vseg.interfaces.promptable_model.PromptableModel.background_encode`.
    """

    name: str
    device: torch.device
    dtype: torch.dtype
    temperature: float
    encoder_sha256: str

    @property
    def background_encode(self) -> EncodeImages | None: ...

    def encode(self, images: UInt8[Tensor, "B 3 H W"]) -> EncodedImages:
        """Scaled images, whose sides are multiples of 16; colours are normalised here."""
        ...

    def read(
        self,
        query: Float[Tensor, "C Q"],
        key: Float[Tensor, "C M"],
        part: MemoryPart,
    ) -> tuple[Float[Tensor, "N V Q"], Float[Tensor, " Q"]]:
        """The values of a part's objects, summed over its cells by exp(query x key), and the
        sum of these weights.

        key: that of the part, with as many channels more as the query has.
        """
        ...

    def warp_prior(
        self,
        frame: Encoded,
        before: Float[Tensor, "1 32 h8 w8"],
        masks: Float[Tensor, "N 1 h4 w4"],
        competitors: Bool[Tensor, "N N"],
    ) -> Float[Tensor, "N 3 h4 w4"]:
        """As `LocalMatching.warp_prior`, of one frame."""
        ...

    def decode(
        self,
        readout: Float[Tensor, "N 64 h w"],
        frame: Encoded,
        prior: Float[Tensor, "N 3 h4 w4"],
    ) -> DecodedMasks:
        """As `Decoder.forward`, of one frame; on a processor, in windows."""
        ...

    def remember(
        self, base: Float[Tensor, "1 64 h w"], masks: Float[Tensor, "N 1 h4 w4"]
    ) -> Float[Tensor, "N 64 h w"]:
        """Values to remember of masks in [-1, 1]."""
        ...

    def decode_prompts(
        self,
        frame: Encoded,
        maps: Float[Tensor, "N 3 h4 w4"],
        prior: Float[Tensor, "N 1 h4 w4"],
        conditioned: Float[Tensor, "N 64 h w"] | None,
    ) -> DecodedMasks:
        """As `NanoNet.decode_prompts`, of one frame."""
        ...
