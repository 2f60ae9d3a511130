"""nano's weights: encoder, keys, prompt encoder, value encoder, decoder.  No per-video state.

The shape follows space-time memory networks (Oh et al. 2019; STCN, Cheng et al. 2021): one
affinity between the cells of this frame and the cells of remembered frames, shared by all
objects, reads every object's values; a decoder with skip connections gives the mask.  What
differs: cosine keys with a learned temperature, a prompt is read through the frame's affinity
to itself (so that a click spreads to what looks the same), and the previous mask is a prior at
every scale.

Axis letters: B frames, N object rows, K value channels, (h, w) cells of stride 16.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vseg.models.nano.blocks import ConvNorm, Residual, doubled, weighted_mean
from vseg.models.nano.encoder import WIDTHS, Encoder
from vseg.models.nano.local_matching import LocalMatching
from vseg.models.nano.windows import windows_around
from vseg.ops.competitors import strongest_competitor

KEY = 64
NEAR_KEY = 32
VALUE = 64
BASE = 64
SKIPS = (16, 32)
EMBEDDING = 64
PROMPT_MAPS = 3
PRIORS = 3
_MAX_TEMPERATURE = 40.0
"""Bounds the exponent of the affinity, so that exp neither under- nor overflows."""
_MAYBE_LOGIT = -2.5
"""Coarse cells above this logit (a probability of 8 %) are refined; not tuned."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What is computed once per frame and shared by all objects.

    key, local_key: of unit length in every cell; for matching with remembered frames and with
    the one before.
    """

    key: Float[Tensor, "B 64 h w"]
    local_key: Float[Tensor, "B 32 h8 w8"]
    base: Float[Tensor, "B 64 h w"]
    skip8: Float[Tensor, "B 32 h8 w8"]
    skip4: Float[Tensor, "B 16 h4 w4"]

    def rows(self, index: Int[Tensor, " N"]) -> "Encoded":
        """The frames named by `index`, one for each object row."""
        return Encoded(
            self.key[index],
            self.local_key[index],
            self.base[index],
            self.skip8[index],
            self.skip4[index],
        )


@dataclass(frozen=True, slots=True)
class DecodedMasks:
    """Decoded masks: logits at stride 4 and 16, predicted IoU and presence as logits,
    identity embedding.
    """

    logits: Float[Tensor, "N 1 h4 w4"]
    coarse: Float[Tensor, "N 1 h w"]
    quality: Float[Tensor, " N"]
    presence: Float[Tensor, " N"]
    embedding: Float[Tensor, "N 64"]


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


class Decoder(nn.Module):
    """Readout, frame and prior -> mask logits at stride 4, quality, presence and embedding.

    What depends on the frame alone is computed for one row and added to every object's.
    """

    def __init__(self) -> None:
        super().__init__()
        c4, c8 = SKIPS
        self.from_readout = nn.Conv2d(VALUE, BASE, 1, bias=False)
        self.from_base = nn.Conv2d(BASE, BASE, 1, bias=False)
        self.from_prior = nn.Conv2d(PRIORS, BASE, 4, stride=4, bias=False)
        self.norm = nn.BatchNorm2d(BASE)
        self.deep = nn.Sequential(Residual(BASE), Residual(BASE))
        self.gate = nn.Linear(BASE, BASE)
        self.coarse = nn.Conv2d(BASE, 1, 1)
        self.to8 = nn.Conv2d(BASE, c8, 1)
        self.prior8 = nn.Conv2d(PRIORS, c8, 2, stride=2)
        self.block8 = Residual(c8)
        self.to4 = nn.Conv2d(c8, c4, 1)
        self.prior4 = nn.Conv2d(PRIORS, c4, 1)
        self.block4 = Residual(c4)
        self.mask = nn.Conv2d(c4, 1, 3, padding=1)
        self.judge = nn.Sequential(nn.Linear(3 * BASE, 64), nn.ReLU(), nn.Linear(64, 2))
        self.identity = nn.Linear(BASE, EMBEDDING)

    def forward(
        self,
        readout: Float[Tensor, "N 64 h w"],
        frame: Encoded,
        prior: Float[Tensor, "N 3 h4 w4"],
        windowed: bool = False,
    ) -> DecodedMasks:
        """Masks of N objects.  frame: one row for each, or one that all share.

        windowed: refine a mask only where it may be; for inference, with one shared row.
        prior: the mask as it was on the frame before and as local matching moved it to this
        one, the same twice if it is of this very frame; in [-1, 1], 0 where unknown.  Third,
        where its competitors are, as moved: 0 to 1.
        """
        x = self.from_readout(readout) + self.from_prior(prior) + self.from_base(frame.base)
        x = self.deep(self.norm(x).relu_())
        mean = x.mean(dim=(2, 3))
        x = x * (2 * torch.sigmoid(self.gate(mean)))[..., None, None]
        coarse = self.coarse(x)
        if windowed:
            logits = self._in_windows(x, coarse, frame, prior)
        else:
            logits = self._refine(x, frame.skip8, frame.skip4, prior)
        inside = F.avg_pool2d(torch.sigmoid(logits.detach()), 4)
        scores = self.judge(
            torch.cat([mean, x.amax(dim=(2, 3)), weighted_mean(x, inside)], dim=1)
        )
        identity = F.normalize(self.identity(weighted_mean(frame.base, inside)).float(), dim=1)
        return DecodedMasks(logits, coarse, scores[:, 0], scores[:, 1], identity)

    def _refine(
        self,
        x: Float[Tensor, "N 64 h w"],
        skip8: Float[Tensor, "#N 32 h8 w8"],
        skip4: Float[Tensor, "#N 16 h4 w4"],
        prior: Float[Tensor, "N 3 h4 w4"],
    ) -> Float[Tensor, "N 1 h4 w4"]:
        """Through strides 8 and 4 to the mask."""
        y = self.block8((doubled(self.to8(x)) + skip8 + self.prior8(prior)).relu_())
        z = doubled(self.to4(y)) + skip4 + self.prior4(prior)
        return torch.as_tensor(self.mask(self.block4(z.relu_())))

    def _in_windows(
        self,
        x: Float[Tensor, "N 64 h w"],
        coarse: Float[Tensor, "N 1 h w"],
        frame: Encoded,
        prior: Float[Tensor, "N 3 h4 w4"],
    ) -> Float[Tensor, "N 1 h4 w4"]:
        """The same only where an object may be; elsewhere the coarse logits stand.

        frame: one row, shared by all.
        """
        was = F.max_pool2d(prior[:, :2].amax(dim=1, keepdim=True), 4) > 0
        maybe = (coarse > _MAYBE_LOGIT) | was
        places = windows_around(maybe[:, 0].cpu().numpy())
        logits = F.interpolate(coarse, scale_factor=4.0, mode="bilinear", align_corners=False)
        for size in sorted({(p.height, p.width) for p in places if p is not None}):
            rows = [(n, p) for n, p in enumerate(places) if p and (p.height, p.width) == size]
            shared = rows[:1] if size == x.shape[2:] else rows
            refined = self._refine(
                torch.cat([x[n : n + 1, :, *p.slices(1)] for n, p in rows]),
                torch.cat([frame.skip8[:, :, *p.slices(2)] for _, p in shared]),
                torch.cat([frame.skip4[:, :, *p.slices(4)] for _, p in shared]),
                torch.cat([prior[n : n + 1, :, *p.slices(4)] for n, p in rows]),
            )
            for k, (n, p) in enumerate(rows):
                logits[n : n + 1, :, *p.slices(4)] = refined[k : k + 1]
        return logits


class NanoNet(nn.Module):
    """All of nano's weights (2.2 M parameters)."""

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

    def warp_prior(
        self,
        frame: Encoded,
        before: Float[Tensor, "B 32 h8 w8"],
        masks: Float[Tensor, "N 1 h4 w4"],
        competitors: Bool[Tensor, "N N"],
        owner: Int[Tensor, " N"] | None = None,
    ) -> Float[Tensor, "N 3 h4 w4"]:
        """The decoder's prior from the masks (in [-1, 1], 0 unknown) of the frame whose
        `local_key` is given.

        competitors: which rows are objects of one frame that share no pixel.
        """
        moved = self.local(frame.local_key, before, F.avg_pool2d(masks, 2)[:, 0], owner)
        others = strongest_competitor(moved.clamp_min(0), competitors)
        return torch.cat([masks, doubled(torch.stack([moved, others], dim=1))], dim=1)
