"""Images -> three feature maps, for every encoder of the SAM 2 family.

Enters: RGB frames of any size.  Leaves: maps of strides 4, 8 and 16 (the first two already
projected as the mask decoder wants them).  The encoders are the transformers library's, or
`vseg.models.sam2.repvit`; its neck's position codes, 84 MiB that depend on nothing, are not
computed here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from vseg.errors import WeightsMismatch
from vseg.weights.device import uploaded

_CPU = torch.device("cpu")
Maps = tuple[
    Float[Tensor, "B C0 h4 w4"], Float[Tensor, "B C1 h8 w8"], Float[Tensor, "B C h w"]
]


@dataclass(frozen=True, slots=True)
class Normal:
    """Mean and deviation of the images an encoder was trained on, per channel, in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def on(self, device: torch.device) -> "Normalise":
        """The same on a device: uploaded once, for all frames."""
        mean, std = (torch.tensor(v).view(3, 1, 1) * 255 for v in (self.mean, self.std))
        return Normalise(mean.to(device), std.to(device))

    def __call__(self, pixels: UInt8[Tensor, "B 3 s s"], dtype: torch.dtype) -> Tensor:
        """The images as the encoder wants them."""
        return self.on(pixels.device)(pixels, dtype)


@dataclass(frozen=True, slots=True)
class Normalise:
    """Mean and deviation in levels of 0 to 255, on one device."""

    mean: Float[Tensor, "3 1 1"]
    std: Float[Tensor, "3 1 1"]

    def __call__(self, pixels: UInt8[Tensor, "B 3 s s"], dtype: torch.dtype) -> Tensor:
        """The images as the encoder wants them."""
        rows = pixels.to(torch.float32, memory_format=torch.channels_last)
        return rows.sub_(self.mean).div_(self.std).to(dtype)


IMAGENET = Normal((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Normal((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def square(
    images: Sequence[UInt8[np.ndarray, "H W 3"]],
    side: int,
    device: torch.device = _CPU,
) -> UInt8[Tensor, "B 3 s s"]:
    """The images at side x side pixels, whatever their shape; shrunk without aliasing.

    A GPU is given the bytes as they are, and shrinks them itself.
    """
    pixels = [uploaded(torch.from_numpy(np.ascontiguousarray(i)), device) for i in images]
    planes = [p.permute(2, 0, 1)[None] for p in pixels]
    return torch.cat([shrunk(p, side, whole=device.type == "cpu") for p in planes])


def shrunk(
    pixels: UInt8[Tensor, "1 3 H W"], side: int, *, whole: bool
) -> UInt8[Tensor, "1 3 s s"]:
    """One image at side x side pixels.

    whole: in whole numbers, which is faster on a CPU; CUDA has no such kernel.  The two agree
    to a level.
    """
    resized = pixels if whole else pixels.float()
    size = (side, side)
    made = F.interpolate(resized, size, mode="bilinear", align_corners=False, antialias=True)
    return made if whole else made.round_().clamp_(0, 255).to(torch.uint8)


class PyramidEncoder(nn.Module):
    """A backbone of four strides and SAM 2's neck, with the decoder's two projections joined
    to it.

    backbone: pixels -> maps of strides 4, 8, 16 and 32.  The neck's 1 x 1 convolutions of the
    two finest maps feed nothing but another 1 x 1 convolution: the two are one.
    """

    def __init__(
        self, backbone: Callable[[Tensor], Sequence[Tensor]], neck: Any, decoder: Any
    ) -> None:
        super().__init__()
        if list(neck.fpn_top_down_levels) != [2, 3] or len(neck.convs) != 4:
            raise WeightsMismatch(
                f"a neck that joins levels {list(neck.fpn_top_down_levels)} of "
                f"{len(neck.convs)} is not of the SAM 2 family"
            )
        self.backbone = backbone
        self.coarsest = neck.convs[0]
        self.coarse = neck.convs[1]
        self.finer = _joined(neck.convs[2], decoder.conv_s1)
        self.finest = _joined(neck.convs[3], decoder.conv_s0)

    def forward(self, pixels: Float[Tensor, "B 3 s s"]) -> Maps:
        """Maps of strides 4, 8 and 16."""
        four, eight, sixteen, last = self.backbone(pixels)
        above = F.interpolate(self.coarsest(last), scale_factor=2.0, mode="nearest")
        return self.finest(four), self.finer(eight), self.coarse(sixteen) + above


class PlainEncoder(nn.Module):
    """SAM 3's plain vision transformer with its own neck; the neck's coarsest map is not
    used.
    """

    def __init__(self, vision: Any, decoder: Any) -> None:
        super().__init__()
        self.vision = vision
        self.conv_s0 = decoder.conv_s0
        self.conv_s1 = decoder.conv_s1

    def forward(self, pixels: Float[Tensor, "B 3 s s"]) -> Maps:
        """Maps of strides 3.5, 7 and 14."""
        four, eight, sixteen = self.vision(pixels).fpn_hidden_states[:3]
        return self.conv_s0(four), self.conv_s1(eight), sixteen


@torch.no_grad()
def _joined(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """One 1 x 1 convolution that does what the two do after each other."""
    if first.kernel_size != (1, 1) or second.kernel_size != (1, 1):
        raise WeightsMismatch("the neck's convolutions are not 1 x 1: not of the SAM 2 family")
    if first.bias is None or second.bias is None:
        raise WeightsMismatch("the neck's convolutions have no bias: not of the SAM 2 family")
    inner = first.weight[:, :, 0, 0]
    outer = second.weight[:, :, 0, 0]
    both = nn.Conv2d(first.in_channels, second.out_channels, 1)
    both.weight.copy_((outer @ inner)[:, :, None, None])
    both.bias.copy_(outer @ first.bias + second.bias)  # type: ignore[union-attr]
    return both
