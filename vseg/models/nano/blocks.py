"""Convolution blocks of nano.  Batch norms are separate while training and folded into the
weights after.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvNorm(nn.Sequential):
    """A bias-free convolution and its batch norm; `kernel` x `kernel`, same padding."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(c_out),
        )


class Residual(nn.Module):
    """x + F(x) with two 3x3 convolutions, ReLU after the sum (He et al. 2016, basic block)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        change: Tensor = self.second(self.first(x).relu_())
        return (x + change).relu_()


def fold_batch_norms(module: nn.Module) -> None:
    """Fold every ConvNorm's batch norm into its convolution, in place.  The module must be in
    eval mode.
    """
    for child in module.modules():
        if isinstance(child, ConvNorm) and isinstance(child[1], nn.BatchNorm2d):
            convolution = child[0]
            assert isinstance(convolution, nn.Conv2d)
            child[0] = fuse_conv_bn_eval(convolution, child[1])
            child[1] = nn.Identity()


def doubled(x: Float[Tensor, "N C h w"]) -> Float[Tensor, "N C h2 w2"]:
    """Twice as many cells along both axes, bilinear."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def weighted_mean(
    x: Float[Tensor, "#N C h w"], weight: Float[Tensor, "N 1 h w"]
) -> Float[Tensor, "N C"]:
    """The weighted mean over cells; x may be one row that all objects share."""
    return (x * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3)).clamp_min(1e-2)


def signed(logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Probabilities in [-1, 1]: 0 where nothing is known."""
    return 2 * torch.sigmoid(logits) - 1
