"""RepViT-M1 (arXiv:2307.09283), EdgeTAM's image encoder, as it is after re-parameterisation.

Enters: pixels.  Leaves: maps of strides 4, 8, 16 and 32 with 48, 96, 192 and 384 channels.
The checkpoint holds the training form, three branches and a batch norm each; it is folded
while it is read, so that a block is one depthwise convolution and two 1 x 1 ones.  Names are
those of timm's `repvit_m1`.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vseg.weights.state_dict import StateReader, below

_WIDTHS = (48, 96, 192, 384)
_DEPTHS = (2, 2, 14, 2)
_EPS = 1e-5
_NAMES = "timm_model."


class RepVit(nn.Module):
    """The encoder with a checkpoint's weights.  Raises WeightsMismatch if one is missing or
    left over.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        reader = StateReader(below(state, _NAMES) or state)
        half = _WIDTHS[0] // 2
        self.stem = nn.Sequential(
            _conv(reader, "stem.conv1", (3, half), stride=2),
            nn.GELU(),
            _conv(reader, "stem.conv2", (half, _WIDTHS[0]), stride=2),
        )
        self.stages = nn.ModuleList()
        before = _WIDTHS[0]
        for level, (width, depth) in enumerate(zip(_WIDTHS, _DEPTHS, strict=True)):
            at = f"stages_{level}."
            parts: list[nn.Module] = []
            if level:
                parts.append(
                    _Block(reader, f"{at}downsample.pre_block.", before, squeeze=False)
                )
                parts.append(_Shrink(reader, f"{at}downsample.", before, width))
            parts += [
                _Block(reader, f"{at}blocks.{k}.", width, squeeze=k % 2 == 0)
                for k in range(depth)
            ]
            self.stages.append(nn.Sequential(*parts))
            before = width
        reader.finish()

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """The four maps, finest first."""
        maps = []
        x = self.stem(pixels)
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class _Mlp(nn.Module):
    """Two 1 x 1 convolutions around a GELU, added to what came in."""

    def __init__(self, reader: StateReader, at: str, width: int) -> None:
        super().__init__()
        self.up = _conv(reader, f"{at}conv1", (width, 2 * width), size=1)
        self.down = _conv(reader, f"{at}conv2", (2 * width, width), size=1)

    def forward(self, x: Tensor) -> Tensor:
        grown: Tensor = self.down(F.gelu(self.up(x)))
        return x + grown


class _Squeeze(nn.Module):
    """Squeeze and excitation (arXiv:1709.01507): channels weighed by what the whole image
    holds.
    """

    def __init__(self, reader: StateReader, at: str, width: int) -> None:
        super().__init__()
        few = -(-width // 32) * 8  # a quarter, rounded to a multiple of 8
        self.first = _pointwise(reader, f"{at}fc1", width, few)
        self.second = _pointwise(reader, f"{at}fc2", few, width)

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.second(F.relu(self.first(x.mean((2, 3), keepdim=True))))
        return x * weight.sigmoid()


class _Block(nn.Module):
    """Tokens mixed by a depthwise convolution, then channels."""

    def __init__(self, reader: StateReader, at: str, width: int, *, squeeze: bool) -> None:
        super().__init__()
        self.mix = _mixer(reader, f"{at}token_mixer.", width)
        self.squeeze = _Squeeze(reader, f"{at}se.", width) if squeeze else nn.Identity()
        self.mlp = _Mlp(reader, f"{at}channel_mixer.", width)

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(self.squeeze(self.mix(x)))  # type: ignore[no-any-return]


class _Shrink(nn.Module):
    """Half the size, more channels."""

    def __init__(self, reader: StateReader, at: str, width: int, wider: int) -> None:
        super().__init__()
        self.shrink = _conv(
            reader, f"{at}spatial_downsample", (width, width), stride=2, groups=width
        )
        self.widen = _conv(reader, f"{at}channel_downsample", (width, wider), size=1)
        self.mlp = _Mlp(reader, f"{at}ffn.", wider)

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(self.widen(self.shrink(x)))  # type: ignore[no-any-return]


def _conv(
    reader: StateReader,
    name: str,
    channels: tuple[int, int],
    *,
    size: int = 3,
    stride: int = 1,
    groups: int = 1,
) -> nn.Conv2d:
    """A convolution from and to so many channels, with its batch norm folded in."""
    inside, outside = channels
    conv = nn.Conv2d(inside, outside, size, stride, size // 2, groups=groups)
    weight, bias = _folded(reader, name, (outside, inside // groups, size, size))
    return _filled(conv, weight, bias)


def _mixer(reader: StateReader, at: str, width: int) -> nn.Conv2d:
    """A 3 x 3 and a 1 x 1 depthwise convolution and the identity, as one 3 x 3."""
    weight, bias = _folded(reader, f"{at}conv", (width, 1, 3, 3))
    point, shift = _folded(reader, f"{at}conv1", (width, 1, 1, 1))
    weight[:, :, 1:2, 1:2] += point + 1
    return _filled(nn.Conv2d(width, width, 3, 1, 1, groups=width), weight, bias + shift)


def _folded(
    reader: StateReader, name: str, shape: tuple[int, int, int, int]
) -> tuple[Float[Tensor, "O I s s"], Float[Tensor, " O"]]:
    """Weight and bias of a convolution followed by the batch norm of the same name."""
    weight = reader.take(f"{name}.c.weight", *shape)
    gain, shift, mean, var = (
        reader.take(f"{name}.bn.{part}", shape[0])
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    reader.take(f"{name}.bn.num_batches_tracked")
    scale = gain / (var + _EPS).sqrt()
    return weight * scale[:, None, None, None], shift - mean * scale


def _pointwise(reader: StateReader, name: str, inside: int, outside: int) -> nn.Conv2d:
    weight = reader.take(f"{name}.weight", outside, inside, 1, 1)
    return _filled(nn.Conv2d(inside, outside, 1), weight, reader.take(f"{name}.bias", outside))


@torch.no_grad()
def _filled(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    conv.weight.copy_(weight)
    assert conv.bias is not None
    conv.bias.copy_(bias)
    return conv
