"""nano's decoder: what memory or prompts say of an object and the frame in, its mask out.

Enters: values for every cell of stride 16, the encoded frame, what is known of the mask at
stride 4.  Leaves: mask logits, and what is believed of them.  Tracking and prompts have each a
decoder of this shape with weights of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vseg.models.nano.blocks import Residual, doubled, weighted_mean
from vseg.models.nano.windows import STEP, windows_around
from vseg.ops.few_batches import few_batches

VALUE = 64
BASE = 64
SKIPS = (16, 32)
EMBEDDING = 64
PROMPT_MAPS = 3
PRIORS = 3
PROMPT_PRIORS = 1 + PROMPT_MAPS
_MAYBE_LOGIT = -2.5
"""Coarse cells above this logit (a probability of 8 %) are refined; not tuned."""
_WINDOWS = 16
"""Windows refined together: more are no faster."""


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


@dataclass(frozen=True, slots=True)
class CoarseDecoded:
    """The coarse half of decoding: x and the mean of its cells before the gate, and the mask's
    logits at stride 16.
    """

    x: Float[Tensor, "N 64 h w"]
    mean: Float[Tensor, "N 64"]
    coarse: Float[Tensor, "N 1 h w"]


class Decoder(nn.Module):
    """Readout, frame and prior -> mask logits at stride 4, quality, presence and embedding.

    What depends on the frame alone is computed for one row and added to every object's.
    priors: channels of the prior.
    """

    def __init__(self, priors: int = PRIORS) -> None:
        super().__init__()
        c4, c8 = SKIPS
        self.from_readout = nn.Conv2d(VALUE, BASE, 1, bias=False)
        self.from_base = nn.Conv2d(BASE, BASE, 1, bias=False)
        self.from_prior = nn.Conv2d(priors, BASE, 4, stride=4, bias=False)
        self.norm = nn.BatchNorm2d(BASE)
        self.deep = nn.Sequential(Residual(BASE), Residual(BASE))
        self.gate = nn.Linear(BASE, BASE)
        self.coarse = nn.Conv2d(BASE, 1, 1)
        self.to8 = nn.Conv2d(BASE, c8, 1)
        self.prior8 = nn.Conv2d(priors, c8, 2, stride=2)
        self.enter8 = nn.ReLU(inplace=True)
        self.block8 = Residual(c8)
        self.to4 = nn.Conv2d(c8, c4, 1)
        self.prior4 = nn.Conv2d(priors, c4, 1)
        self.enter4 = nn.ReLU(inplace=True)
        self.block4 = Residual(c4)
        self.mask = nn.Conv2d(c4, 1, 3, padding=1)
        self.judge = nn.Sequential(nn.Linear(3 * BASE, 64), nn.ReLU(), nn.Linear(64, 2))
        self.identity = nn.Linear(BASE, EMBEDDING)

    def forward(
        self,
        readout: Float[Tensor, "N 64 h w"],
        frame: Encoded,
        prior: Float[Tensor, "N P h4 w4"],
        windowed: bool = False,
    ) -> DecodedMasks:
        """Masks of N objects.  frame: one row for each, or one that all share.

        windowed: refine a mask only where it may be; for inference, with one shared row.
        prior: the mask as it was on the frame before and as local matching moved it to this
        one, the same twice if it is of this very frame; in [-1, 1], 0 where unknown.  Third,
        where its competitors are, as moved: 0 to 1.  Of prompted objects: the mask as far as
        it is known, and the maps of the prompts.
        """
        found = self.decode_coarse(readout, frame.base, prior)
        if windowed:
            logits = refined_in_windows(self.refine, found, frame, prior)
        else:
            logits = self.refine(found.x, frame.skip8, frame.skip4, prior)
        inside = F.avg_pool2d(torch.sigmoid(logits.detach()), 4)
        x = found.x
        scores = self.judge(
            torch.cat([found.mean, x.amax(dim=(2, 3)), weighted_mean(x, inside)], dim=1)
        )
        identity = F.normalize(self.identity(weighted_mean(frame.base, inside)).float(), dim=1)
        return DecodedMasks(logits, found.coarse, scores[:, 0], scores[:, 1], identity)

    def decode_coarse(
        self,
        readout: Float[Tensor, "N 64 h w"],
        base: Float[Tensor, "#N 64 h w"],
        prior: Float[Tensor, "N P h4 w4"],
    ) -> CoarseDecoded:
        """What is decoded at stride 16."""
        x = self.from_readout(readout) + self.from_prior(prior) + self.from_base(base)
        x = self.deep(self.norm(x).relu_())
        mean = x.mean(dim=(2, 3))
        x = x * (2 * torch.sigmoid(self.gate(mean)))[..., None, None]
        return CoarseDecoded(x, mean, self.coarse(x))

    def refine(
        self,
        x: Float[Tensor, "N 64 h w"],
        skip8: Float[Tensor, "#N 32 h8 w8"],
        skip4: Float[Tensor, "#N 16 h4 w4"],
        prior: Float[Tensor, "N P h4 w4"],
    ) -> Float[Tensor, "N 1 h4 w4"]:
        """Through strides 8 and 4 to the mask."""
        y = self.enter8(doubled(self.to8(x)) + skip8 + self.prior8(prior))
        z = doubled(self.to4(self.block8(y))) + skip4 + self.prior4(prior)
        return torch.as_tensor(self.mask(self.block4(self.enter4(z))))


Refine = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""`Decoder.refine`, by whichever runtime."""


def refined_in_windows(
    refine: Refine,
    found: CoarseDecoded,
    frame: Encoded,
    prior: Float[Tensor, "N P h4 w4"],
    step: int = STEP,
) -> Float[Tensor, "N 1 h4 w4"]:
    """Logits refined only where an object may be; elsewhere the coarse ones stand.

    frame: one row, shared by all.  step: cells between window sizes.
    """
    x = found.x
    coarse = found.coarse
    maybe = (coarse > _MAYBE_LOGIT) | _was(prior)
    places = windows_around(maybe[:, 0].cpu().numpy(), step)
    logits = F.interpolate(coarse, scale_factor=4.0, mode="bilinear", align_corners=False)
    for size in sorted({(p.height, p.width) for p in places if p is not None}):
        rows = [(n, p) for n, p in enumerate(places) if p and (p.height, p.width) == size]
        for some in few_batches(rows, _WINDOWS):
            shared = some[:1] if size == x.shape[2:] else some
            refined = refine(
                torch.cat([x[n : n + 1, :, *p.slices(1)] for n, p in some]),
                torch.cat([frame.skip8[:, :, *p.slices(2)] for _, p in shared]),
                torch.cat([frame.skip4[:, :, *p.slices(4)] for _, p in shared]),
                torch.cat([prior[n : n + 1, :, *p.slices(4)] for n, p in some]),
            )
            for k, (n, p) in enumerate(some):
                logits[n : n + 1, :, *p.slices(4)] = refined[k : k + 1]
    return logits


def _was(prior: Float[Tensor, "N P h4 w4"]) -> Bool[Tensor, "N 1 h w"]:
    """The coarse cells that a mask of the frame before covers, as it was or moved."""
    n, _, h4, w4 = prior.shape
    most = torch.maximum(prior[:, 0], prior[:, 1])
    # A fifth of the time of pooling, which also finds where in a cell the largest is.
    rows = most.reshape(n, h4 // 4, 4, w4).amax(2)
    return rows.view(n, 1, h4 // 4, w4 // 4, 4).amax(4) > 0
