"""Propagation: prompt the first image, follow the object through the others with its own masks
fed back.

Enters: sequences with masks.  The prompted image is decoded twice, the second time with the
first result as prior and, by chance, a correcting click; later images read the memory of all
before them.  As in a session, what is prompted has a decoder of its own.
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
from vseg.ops.competitors import everyone, strongest_competitor
from vseg.training.data.sequences import SequenceOptions, Sequences
from vseg.training.nano.corrections import corrected, prior_of
from vseg.training.nano.losses import identity_loss, iou, mask_loss
from vseg.training.nano.prompted_sequences import draw_prompted
from vseg.training.normalise import normalise

# Weights of the losses beside that of a propagated mask, and chances; round values, not tuned.
_FIRST_DECODING_WEIGHT = 0.5
_CORRECTION_WEIGHT = 0.7
_COARSE_WEIGHT = 0.2
_SCORE_WEIGHT = 0.1
_IDENTITY_WEIGHT = 0.05
_P_NO_PRIOR = 0.15  # the memory alone must do, as after an object was hidden
_P_CORRECTION = 0.4
_HARD_RAMP = 0.5  # share of the steps over which the loss narrows to the hardest pixels


@dataclass(frozen=True, slots=True)
class Batch:
    """images: B sequences of T images.  Object n of N is in the sequence `owner[n]`.

    maps: its first prompt as a map.  by_mask: objects prompted by their true mask.  hardest:
    the share of pixels that the mask loss keeps.
    """

    images: UInt8[Tensor, "B T 3 S S"]
    masks: Bool[Tensor, "N T S S"]
    owner: Int[Tensor, " N"]
    maps: Float[Tensor, "N 3 h4 w4"]
    by_mask: Bool[Tensor, " N"]
    hardest: float
    seed: int

    def pin_memory(self) -> "Batch":
        """The same in pinned memory, which is copied to a GPU while it works."""
        return replace(
            self,
            images=self.images.pin_memory(),
            masks=self.masks.pin_memory(),
            maps=self.maps.pin_memory(),
        )


@dataclass(frozen=True, slots=True)
class PropagateOptions:
    """shapes: (sequences per step, how they are drawn), one of which is taken at each step.

    encoder_rate: of the encoder, as a share of the others' rate.  fixed_norms: batch norms
    keep the statistics they have, so that the network trains as it will run.  hard_share: of
    pixels that the mask loss keeps at the end.
    """

    shapes: tuple[tuple[int, SequenceOptions], ...]
    encoder_rate: float
    fixed_norms: bool = False
    p_mask: float = 0.4
    p_click: float = 0.4
    hard_from: float = 0.15
    hard_share: float = 0.2


class PropagateStage:
    """The whole of nano on short sequences."""

    def __init__(
        self, network: NanoNet, sequences: Sequences, options: PropagateOptions
    ) -> None:
        self.network: nn.Module = network
        self._net = network
        self._sequences = sequences
        self._options = options
        if options.encoder_rate == 0:
            network.encoder.requires_grad_(False)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """All weights but the encoder's, and unless it is frozen those at their own rate."""
        # The encoder comes trained from distillation, so it learns at a lower rate.
        encoder = list(self._net.encoder.parameters())
        in_encoder = {id(p) for p in encoder}
        others = [p for p in self._net.parameters() if id(p) not in in_encoder]
        groups = [{"params": others, "lr": rate}]
        if self._options.encoder_rate:
            groups.append({"params": encoder, "lr": rate * self._options.encoder_rate})
        return groups

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        """Sequences of one of the shapes, with a first prompt for every object."""
        options = self._options
        drawn = draw_prompted(self._sequences, options.shapes, options.p_click, rng)
        ramp = min(1.0, max(0.0, (progress - options.hard_from) / _HARD_RAMP))
        return Batch(
            drawn.images,
            drawn.masks,
            drawn.owner,
            drawn.maps,
            torch.from_numpy(rng.random(len(drawn.masks)) < options.p_mask),
            1 - (1 - options.hard_share) * ramp,
            int(rng.integers(2**31)),
        )

    def loss(self, batch: Batch, device: torch.device) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch and its parts, with the IoU of every decoding."""
        # `train` set training mode, in which the norms of frozen weights would still drift.
        if self._options.encoder_rate == 0:
            self._net.encoder.eval()
        if self._options.fixed_norms:
            self._net.eval()
        run = _ForwardPass(self._net, batch, device)
        rng = np.random.default_rng(batch.seed)
        run.decode_prompts(rng)
        for t in range(1, batch.images.shape[1]):
            run.propagate(t, rng)
        return run.total()


class _ForwardPass:
    """One pass over the images of a batch, as a session does it; memory and losses add up."""

    def __init__(self, net: NanoNet, batch: Batch, device: torch.device) -> None:
        self._net = net
        self._batch = batch
        self._owner = batch.owner.to(device)
        together = self._owner[:, None] == self._owner[None]
        self._competitors = together & everyone(len(self._owner), device)
        self._truth = batch.masks.to(device, non_blocking=True).float()
        self._maps = batch.maps.to(device, non_blocking=True)
        b, t = batch.images.shape[:2]
        images = normalise(batch.images.to(device, non_blocking=True).flatten(0, 1))
        encoded = net.encode(images)
        # Images were flattened sequence by sequence: image k of all is every t-th row from k.
        rows = torch.arange(b, device=device) * t
        self._frames = [encoded.rows(rows + k) for k in range(t)]
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._prior: Tensor = torch.zeros(0)
        self._losses: dict[str, list[Tensor]] = {}
        self._embeddings: list[Tensor] = []
        self._ids: list[Tensor] = []
        self._visible: list[Tensor] = []

    def decode_prompts(self, rng: np.random.Generator) -> None:
        """Decode the first image from its prompts, twice; store the result, or the true mask
        of an object prompted by it, in memory.
        """
        self._prior = 2 * F.interpolate(self._truth[:, :1], scale_factor=0.25, mode="area") - 1
        rows = torch.nonzero(~self._batch.by_mask)[:, 0].to(self._owner.device)
        if len(rows):
            frame = self._frames[0].rows(self._owner[rows])
            maps = self._maps[rows]
            # As in a session: the first mask is the prior of the second decoding.
            nothing = torch.zeros_like(maps[:, :1])
            first = self._net.decode_prompts(frame, maps, nothing)
            self._add_losses(first, rows, 0, "prompt1", _FIRST_DECODING_WEIGHT)
            maps = corrected(maps, first.logits, self._truth[rows, 0], rng, 0.5)
            prior = prior_of(first.logits)
            second = self._net.decode_prompts(frame, maps, prior)
            self._add_losses(second, rows, 0, "prompt2", 1.0)
            self._prior[rows] = prior_of(second.logits)
        self._remember(0)

    def propagate(self, t: int, rng: np.random.Generator) -> None:
        """Propagate all objects to image t; sometimes correct the last image by a click."""
        frame = self._frames[t].rows(self._owner)
        prior = self._prior
        if rng.random() < _P_NO_PRIOR:
            prior = torch.zeros_like(prior)
        readout = self._readout(t)
        before = self._frames[t - 1].local_key
        prior = self._net.local.warp_prior(
            self._frames[t].local_key, before, prior, self._competitors, self._owner
        )
        drawn: DecodedMasks = self._net.decoder(readout, frame, prior)
        # Objects of one sequence compete for its pixels, as in a session.
        drawn = replace(
            drawn, logits=drawn.logits - strongest_competitor(drawn.logits, self._competitors)
        )
        rows = torch.arange(len(self._owner), device=self._owner.device)
        self._add_losses(drawn, rows, t, "follow", 1.0)
        self._prior = prior_of(drawn.logits)
        last = t == len(self._frames) - 1
        if last and rng.random() < _P_CORRECTION:
            nothing = torch.zeros_like(self._maps)
            maps = corrected(nothing, drawn.logits, self._truth[:, t], rng, 1.0)
            again = self._net.decode_prompts(frame, maps, self._prior, readout)
            self._add_losses(again, rows, t, "correct", _CORRECTION_WEIGHT)
        elif not last:
            self._remember(t)

    def total(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of all losses, with their parts as they are to be reported."""
        parts = {name: torch.stack(values).mean() for name, values in self._losses.items()}
        shown = {k: v.detach() for k, v in parts.items()}
        loss = sum(v for k, v in parts.items() if not k.endswith("_iou"))
        identity = identity_loss(
            torch.cat(self._embeddings), torch.cat(self._ids), torch.cat(self._visible)
        )
        return torch.as_tensor(loss + _IDENTITY_WEIGHT * identity), {
            **shown,
            "identity": identity.detach(),
        }

    def _readout(self, t: int) -> Float[Tensor, "N 64 h w"]:
        """Memory values of every object, weighted by affinity to the cells of image t."""
        key = self._frames[t].key.flatten(2)
        memory = torch.cat(self._keys, dim=2)
        scores = self._net.temperature * key.transpose(1, 2) @ memory
        # One affinity per sequence, read by all its objects, each with values of its own.
        affinity = scores.softmax(dim=-1)[self._owner]
        values = torch.cat(self._values, dim=2)
        readout = values @ affinity.transpose(1, 2).to(values.dtype)
        h, w = self._frames[t].key.shape[2:]
        return readout.reshape(*readout.shape[:2], h, w)

    def _remember(self, t: int) -> None:
        frame = self._frames[t]
        self._keys.append(frame.key.flatten(2))
        value = self._net.value(frame.base[self._owner], self._prior)
        self._values.append(value.flatten(2))

    def _add_losses(
        self, drawn: DecodedMasks, rows: Int[Tensor, " M"], t: int, name: str, weight: float
    ) -> None:
        truth = self._truth[rows, t]
        logits = F.interpolate(
            drawn.logits.float(), scale_factor=4.0, mode="bilinear", align_corners=False
        )[:, 0]
        visible = truth.flatten(1).any(1)
        quality = iou(logits, truth)
        bce = F.binary_cross_entropy_with_logits
        self._add(name, weight * mask_loss(logits, truth, self._batch.hardest).mean())
        share = F.avg_pool2d(truth[:, None], 16)
        self._add("coarse", _COARSE_WEIGHT * bce(drawn.coarse.float(), share))
        self._add("presence", _SCORE_WEIGHT * bce(drawn.presence.float(), visible.float()))
        self._add("quality", _SCORE_WEIGHT * bce(drawn.quality.float(), quality))
        self._add(f"{name}_iou", quality.mean())
        self._embeddings.append(drawn.embedding)
        self._ids.append(rows)
        self._visible.append(visible)

    def _add(self, name: str, value: Tensor) -> None:
        self._losses.setdefault(name, []).append(value)
