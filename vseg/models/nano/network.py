"""nano's weights: encoder, keys, prompt encoder, value encoder, decoder.  No per-video state.

The shape follows space-time memory networks (Oh et al. 2019; STCN, Cheng et al. 2021): one
affinity between the cells of this frame and the cells of remembered frames, shared by all
objects, reads every object's values; a decoder with skip connections gives the mask.  What
differs: cosine keys with a learned temperature, a prompt is read through the frame's affinity
to itself (so that a click spreads to what looks the same), and the previous mask is a prior at
every scale.

Axis letters: B frames, N object rows, K value channels, (h, w) cells of stride 16.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vseg.models.nano.blocks import ConvNorm, Residual
from vseg.models.nano.encoder import WIDTHS, Encoder
from vseg.models.nano.local_matching import LocalMatching
from vseg.models.nano.object_decoder import (
    BASE,
    PROMPT_MAPS,
    PROMPT_PRIORS,
    SKIPS,
    VALUE,
    DecodedMasks,
    Decoder,
    Encoded,
)

KEY = 64
NEAR_KEY = 32
_MAX_TEMPERATURE = 40.0
"""Bounds the exponent of the affinity, so that exp neither under- nor overflows."""


class PromptEncoder(nn.Module):
    """Prompt maps and a mask prior -> values as the memory would give them of this object."""

    def __init__(self) -> None:
        super().__init__()
        c_in = BASE + 16 * PROMPT_MAPS + 2 + 16
        self.enter = ConvNorm(c_in, VALUE)
        self.blocks = nn.Sequential(Residual(VALUE), Residual(VALUE))
        self.leave = nn.Conv2d(2 * VALUE, VALUE, 1)
        self.log_temperature = nn.Parameter(torch.tensor(2.3))

    def forward(
        self,
        frame: Encoded,
        maps: Float[Tensor, "N 3 h4 w4"],
        prior: Float[Tensor, "N 1 h4 w4"],
    ) -> Float[Tensor, "N 64 h w"]:
        """Values of N objects.  frame: one row for each.  prior: in [-1, 1], 0 where
        unknown.
        """
        similarity = self._similarity(frame.key, maps)
        cells = [
            frame.base,
            F.pixel_unshuffle(maps, 4),
            similarity,
            F.pixel_unshuffle(prior, 4),
        ]
        value = self.blocks(self.enter(torch.cat(cells, dim=1)).relu_())
        key = frame.key.flatten(2)
        affinity = (self.log_temperature.exp() * key.transpose(1, 2) @ key).softmax(dim=-1)
        spread = (value.flatten(2) @ affinity.transpose(1, 2).to(value.dtype)).view_as(value)
        return torch.as_tensor(self.leave(torch.cat([value, spread], dim=1)))

    @staticmethod
    def _similarity(
        key: Float[Tensor, "N 64 h w"], maps: Float[Tensor, "N 3 h4 w4"]
    ) -> Float[Tensor, "N 2 h w"]:
        """Cosine of every cell to the mean key under the positive and under the negative
        marks.
        """
        marks = F.avg_pool2d(maps[:, :2], 4).clamp_min(0)
        total = marks.sum(dim=(2, 3))
        means = torch.einsum("nchw,nmhw->nmc", key, marks) / total.clamp_min(1e-3)[..., None]
        cosine = torch.einsum("nmc,nchw->nmhw", means, key)
        return cosine * (total > 1e-3).to(cosine.dtype)[..., None, None]


class ValueEncoder(nn.Module):
    """A frame and one object's mask -> the value that is remembered in every cell."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = ConvNorm(BASE + 16, VALUE)
        self.block = Residual(VALUE)

    def forward(
        self, base: Float[Tensor, "N 64 h w"], mask: Float[Tensor, "N 1 h4 w4"]
    ) -> Float[Tensor, "N 64 h w"]:
        """Values of N objects.  mask: in [-1, 1]."""
        cells = torch.cat([base, F.pixel_unshuffle(mask, 4)], dim=1)
        return torch.as_tensor(self.block(self.enter(cells).relu_()))


class NanoNet(nn.Module):
    """All of nano's weights (2.4 M parameters)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.key = nn.Conv2d(WIDTHS[2], KEY, 3, padding=1)
        self.base = ConvNorm(WIDTHS[2], BASE)
        self.skip8 = ConvNorm(WIDTHS[1], SKIPS[1])
        self.skip4 = ConvNorm(WIDTHS[0], SKIPS[0])
        # "near" in the weights file: the key for matching with the frame before.
        self.near = nn.Conv2d(WIDTHS[1], NEAR_KEY, 1)
        self.local = LocalMatching()
        self.log_temperature = nn.Parameter(torch.tensor(2.7))
        self.prompt = PromptEncoder()
        self.value = ValueEncoder()
        self.decoder = Decoder()
        # Prompted objects have a decoder of their own: it sees their marks at every scale,
        # and what it learns of them leaves tracking as it is.
        self.prompted = Decoder(PROMPT_PRIORS)

    @property
    def temperature(self) -> Float[Tensor, ""]:
        """The factor on cosines before the softmax; bounded, so that exp never under- or
        overflows.
        """
        return self.log_temperature.exp().clamp_max(_MAX_TEMPERATURE)

    def encode(self, image: Float[Tensor, "B 3 H W"]) -> Encoded:
        """What the other stages read of an image normalised by encoder.MEAN and STD; H and W
        multiples of 16.
        """
        return self.project(*self.encoder(image))

    def project(
        self,
        f4: Float[Tensor, "B C4 h4 w4"],
        f8: Float[Tensor, "B C8 h8 w8"],
        f16: Float[Tensor, "B C16 h w"],
    ) -> Encoded:
        """Keys and decoder features from the image encoder's maps."""
        base = self.base(f16).relu_()
        key = F.normalize(self.key(f16), dim=1)
        local_key = F.normalize(self.near(f8), dim=1)
        return Encoded(key, local_key, base, self.skip8(f8), self.skip4(f4))

    def decode_prompts(
        self,
        frame: Encoded,
        maps: Float[Tensor, "N 3 h4 w4"],
        prior: Float[Tensor, "N 1 h4 w4"],
        conditioned: Float[Tensor, "N 64 h w"] | None = None,
        windowed: bool = False,
    ) -> DecodedMasks:
        """Masks of N prompted objects of one frame, or of a frame for each.

        prior: the masks as far as they are known, in [-1, 1].  conditioned: what the memory
        says of them.
        """
        rows = frame.rows(torch.zeros(len(maps), dtype=torch.int64, device=maps.device))
        values = self.prompt(rows if len(frame.key) == 1 else frame, maps, prior)
        if conditioned is not None:
            values = values + conditioned
        known = torch.cat([prior, maps], dim=1)
        return self.prompted(values, frame, known, windowed)  # type: ignore[no-any-return]
