"""Clicks: prompt encoder and prompted decoder learn what a user means, click by click.

Enters: sequences of two images with masks.  An object is prompted and decoded, then corrected
by up to `corrections` clicks, each mask the prior of the next, as a session does it; the first
and the last masks are learned from (Sofiiuk et al. 2021 learn from the last of such rounds).
By chance the objects are remembered from the first image and corrected on the second.  All
that tracks is frozen, so that masks that are given are tracked as before.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from vseg.models.nano.network import NanoNet
from vseg.models.nano.object_decoder import DecodedMasks
from vseg.ops.competitors import everyone
from vseg.training.data.sequences import SequenceOptions, Sequences
from vseg.training.nano.corrections import corrected, prior_of
from vseg.training.nano.losses import iou, mask_loss
from vseg.training.nano.prompted_sequences import draw_prompted
from vseg.training.normalise import normalise

# Weights of the losses beside that of the last mask, and chances; round values, not tuned.
_FIRST_WEIGHT = 0.5
_COARSE_WEIGHT = 0.2
_SCORE_WEIGHT = 0.1
_PROMPT_RATE = 0.5
_P_CORRECTION = 0.85  # else a round decodes again with the mask before


@dataclass(frozen=True, slots=True)
class ClickBatch:
    """images: pairs of B images.  Object n of N is in the pair `owner[n]`.

    maps: its first prompt as a map.  tracked: it is remembered from the first image and
    corrected on the second.  rounds: decodings after the first.
    """

    images: UInt8[Tensor, "B 2 3 S S"]
    masks: Bool[Tensor, "N 2 S S"]
    owner: Int[Tensor, " N"]
    maps: Float[Tensor, "N 3 h4 w4"]
    tracked: bool
    rounds: int
    seed: int

    def pin_memory(self) -> "ClickBatch":
        """The same in pinned memory, which is copied to a GPU while it works."""
        return replace(
            self,
            images=self.images.pin_memory(),
            masks=self.masks.pin_memory(),
            maps=self.maps.pin_memory(),
        )


@dataclass(frozen=True, slots=True)
class ClickOptions:
    """shapes: (pairs per step, how they are drawn), one of which is taken at each step.  The
    others as in `ClickStageConfig`.
    """

    shapes: tuple[tuple[int, SequenceOptions], ...]
    p_click: float
    corrections: int
    p_tracked: float
    hard_share: float
    spill_weight: float


class ClickStage:
    """The decoder of prompted objects on pairs of images."""

    def __init__(self, network: NanoNet, sequences: Sequences, options: ClickOptions) -> None:
        self.network: nn.Module = network
        self._net = network
        self._sequences = sequences
        self._options = options
        network.requires_grad_(False)
        network.prompted.requires_grad_(True)
        network.prompt.requires_grad_(True)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """The weights of that decoder, and at half the rate those of the prompt encoder."""
        net = self._net
        return [
            {"params": list(net.prompted.parameters()), "lr": rate},
            {"params": list(net.prompt.parameters()), "lr": _PROMPT_RATE * rate},
        ]

    def batch(self, rng: np.random.Generator, progress: float) -> ClickBatch:
        """Pairs of one of the shapes, with a first prompt for every object."""
        options = self._options
        drawn = draw_prompted(self._sequences, options.shapes, options.p_click, rng)
        return ClickBatch(
            drawn.images,
            drawn.masks,
            drawn.owner,
            drawn.maps,
            bool(rng.random() < options.p_tracked),
            int(rng.integers(1, options.corrections + 1)),
            int(rng.integers(2**31)),
        )

    def loss(
        self, batch: ClickBatch, device: torch.device
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch and its parts, with the IoU of the first and the last mask."""
        # The norms keep their statistics, so that the decoder trains as it will run.
        self._net.eval()
        rows = _Rows(self._net, batch, device)
        rng = np.random.default_rng(batch.seed)
        parts: dict[str, Tensor] = {}
        maps = batch.maps.to(device, non_blocking=True)
        prior = torch.zeros_like(maps[:, :1])
        if batch.tracked:
            maps = torch.zeros_like(maps)
            prior = rows.followed()
            maps = corrected(maps, prior, rows.truth, rng, 1.0)
        first = rows.decode(maps, prior)
        self._add(parts, "first", first, rows, _FIRST_WEIGHT)
        masks = first
        for left in range(batch.rounds, 0, -1):
            maps = corrected(maps, masks.logits, rows.truth, rng, _P_CORRECTION)
            with torch.set_grad_enabled(left == 1):
                masks = rows.decode(maps, prior_of(masks.logits))
        self._add(parts, "last", masks, rows, 1.0)
        shown = {k: v.detach() for k, v in parts.items()}
        loss = sum(v for k, v in parts.items() if not k.endswith("_iou"))
        return torch.as_tensor(loss), shown

    def _add(
        self,
        parts: dict[str, Tensor],
        name: str,
        masks: DecodedMasks,
        rows: "_Rows",
        weight: float,
    ) -> None:
        truth = rows.truth
        logits = F.interpolate(
            masks.logits.float(), scale_factor=4.0, mode="bilinear", align_corners=False
        )[:, 0]
        spill = 1 + (self._options.spill_weight - 1) * rows.others
        bce = F.binary_cross_entropy_with_logits
        quality = iou(logits, truth)
        share = F.avg_pool2d(truth[:, None], 16)
        of_masks = mask_loss(logits, truth, self._options.hard_share, spill).mean()
        coarse = bce(masks.coarse.float(), share)
        scored = bce(masks.quality.float(), quality)
        parts[name] = weight * (of_masks + _COARSE_WEIGHT * coarse + _SCORE_WEIGHT * scored)
        parts[f"{name}_iou"] = quality.mean()


class _Rows:
    """The objects of a batch on the image on which they are prompted.

    truth, others: their pixels, and those of the other objects of the same image.
    """

    def __init__(self, net: NanoNet, batch: ClickBatch, device: torch.device) -> None:
        self._net = net
        self._owner = batch.owner.to(device)
        self._masks = batch.masks.to(device, non_blocking=True).float()
        images = batch.images.to(device, non_blocking=True)
        images = normalise(images.transpose(0, 1).flatten(0, 1))
        pairs = len(batch.images)
        with torch.no_grad():
            encoded = net.encode(images if batch.tracked else images[:pairs])
        self._before = encoded.rows(self._owner)
        self._frame = self._before
        if batch.tracked:
            self._frame = encoded.rows(self._owner + pairs)
        self._conditioned: Tensor | None = None
        self.truth: Float[Tensor, "N S S"] = self._masks[:, 1 if batch.tracked else 0]
        together = (self._owner[:, None] == self._owner[None]) & everyone(
            len(self._owner), device
        )
        covered = together.float() @ self.truth.flatten(1)
        self.others: Float[Tensor, "N S S"] = covered.clamp_max(1).view_as(self.truth)

    @torch.no_grad()
    def followed(self) -> Float[Tensor, "N 1 h4 w4"]:
        """The masks on the second image by the memory of the first, which the prompts
        correct; in [-1, 1].
        """
        known = 2 * F.interpolate(self._masks[:, :1], scale_factor=0.25, mode="area") - 1
        values = self._net.value(self._before.base, known).flatten(2)
        key = self._frame.key.flatten(2).transpose(1, 2)
        affinity = self._net.temperature * key @ self._before.key.flatten(2)
        read = values @ affinity.softmax(dim=-1).transpose(1, 2).to(values.dtype)
        self._conditioned = read.view(*read.shape[:2], *self._frame.key.shape[2:])
        nothing = torch.zeros_like(known).repeat(1, 3, 1, 1)
        return prior_of(self._net.decoder(self._conditioned, self._frame, nothing).logits)

    def decode(
        self, maps: Float[Tensor, "N 3 h4 w4"], prior: Float[Tensor, "N 1 h4 w4"]
    ) -> DecodedMasks:
        """The masks by their prompts, what is known of them, and memory."""
        return self._net.decode_prompts(self._frame, maps, prior, self._conditioned)
