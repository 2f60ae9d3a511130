"""A model that looks at every frame twice, as it is and mirrored, and averages what it sees.

Enters and leaves: what any `vseg.interfaces.affinity_model.AffinityModel` takes and gives, in
coordinates of the frame as it is.  Features, values and priors of the mirrored frame lie
beside the others, by channel; the masks are averaged before they are remembered, and one
affinity reads both memories, its scores the mean of the two.  Costs twice the time; what
depends on which side is left, or on how the cells fall, cancels in part.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.tensors import Decoded, Features, Memory
from vseg.types import Box, Frame, Mask, VisualPrompt


class _Looks(NamedTuple):
    """The features of a frame as it is and of its mirror image, each in its own
    coordinates.
    """

    straight: Features
    turned: Features


class FlipTTA:
    """Any model with mirrored looks.  Implements `vseg.interfaces.affinity_model.Model`.

    weights_sha256: the model's, marked: what one of the two remembers, the other cannot read.
    """

    def __init__(self, model: AffinityModel) -> None:
        self._model = model
        self.name = model.name
        self.weights_sha256 = f"{model.weights_sha256}+flip"
        self.device = model.device
        self.dtype = model.dtype

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """levels: of the frame, then of its mirror image as it is seen.  key: both, in
        place.
        """
        straight = self._model.encode(frames)
        turned = self._model.encode([_mirrored_frame(frame) for frame in frames])
        return [_join(*pair) for pair in zip(straight, turned, strict=True)]

    def condition(self, features: Features, memory: Memory) -> Float[Tensor, "O V h w"]:
        """One reading of both memories: keys of unit length side by side have the mean
        cosine.
        """
        return self._model.condition(features, memory)

    def coarse_mask(
        self, frame: Frame, prompts: Sequence[VisualPrompt]
    ) -> Float[Tensor, "h w"]:
        """The mean of both sketches."""
        width = frame.image.shape[1]
        seen = self._model.coarse_mask(frame, prompts)
        turned = self._model.coarse_mask(_mirrored_frame(frame), _mirrored(prompts, width))
        return (seen + turned.flip(-1)) / 2

    def coarse_masks(self, frame: Frame, objects: Sequence[Sequence[VisualPrompt]]) -> Decoded:
        """The mean of both looks."""
        width = frame.image.shape[1]
        one = self._model.coarse_masks(frame, objects)
        turned = [_mirrored(prompts, width) for prompts in objects]
        return _mean(one, self._model.coarse_masks(_mirrored_frame(frame), turned))

    def encode_prompts(
        self,
        features: Features,
        prompts: Sequence[VisualPrompt],
        prior: Float[Tensor, "h4 w4"] | None,
    ) -> Float[Tensor, "V h w"]:
        """What the prompts say to either look, by channel."""
        looks = _part(features)
        known = None if prior is None else prior.flip(-1)
        said = self._model.encode_prompts(looks.straight, prompts, prior)
        turned = self._model.encode_prompts(
            looks.turned, _mirrored(prompts, features.video_hw[1]), known
        )
        return torch.cat([said, turned.flip(-1)])

    def given(self, features: Features, mask: Mask) -> Float[Tensor, "h4 w4"]:
        """Logits that stand for a mask the user gave."""
        return self._model.given(_part(features).straight, mask)

    def warp_prior(
        self,
        features: Features,
        near: Float[Tensor, "L h8 w8"] | None,
        logits: Float[Tensor, "O h4 w4"],
        competitors: Bool[Tensor, "O O"] | None = None,
    ) -> Float[Tensor, "O P h4 w4"]:
        """Either look's prior, by channel."""
        looks = _part(features)
        before = (None, None) if near is None else near.chunk(2)
        moved = self._model.warp_prior(looks.straight, before[0], logits, competitors)
        turned = self._model.warp_prior(looks.turned, before[1], logits.flip(-1), competitors)
        return torch.cat([moved, turned.flip(-1)], dim=1)

    def decode(
        self,
        features: Features,
        readout: Float[Tensor, "O V h w"],
        prior: Float[Tensor, "O P h4 w4"],
    ) -> Decoded:
        """The mean of both masks and of what is believed of them."""
        looks = _part(features)
        (said, said_turned), (known, known_turned) = readout.chunk(2, 1), prior.chunk(2, 1)
        one = self._model.decode(looks.straight, said, known)
        other = self._model.decode(looks.turned, said_turned.flip(-1), known_turned.flip(-1))
        return _mean(one, other)

    def remember(
        self, features: Features, logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O V h w"]:
        """Either look's values, by channel."""
        looks = _part(features)
        values = self._model.remember(looks.straight, logits)
        turned = self._model.remember(looks.turned, logits.flip(-1))
        return torch.cat([values, turned.flip(-1)], dim=1)


@torch.inference_mode()
def _mean(one: Decoded, other: Decoded) -> Decoded:
    """The mean of what either look drew; the other's is still mirrored."""
    return Decoded(
        (one.logits + other.logits.flip(-1)) / 2,
        (one.quality + other.quality) / 2,
        (one.presence + other.presence) / 2,
        F.normalize(one.embedding + other.embedding, dim=1),
    )


@torch.inference_mode()
def _join(straight: Features, turned: Features) -> Features:
    """Both looks as one.  The keys are put in place, so that cells of both looks read as one
    cell.
    """
    return Features(
        straight.frame_index,
        straight.video_hw,
        straight.levels + turned.levels,
        torch.cat([straight.key, turned.key.flip(-1)]) * sqrt(0.5),
        torch.cat([straight.near, turned.near]),
    )


@torch.inference_mode()
def _part(features: Features) -> _Looks:
    """The two looks that `_join` joined."""
    levels = features.levels
    count = len(features.levels) // 2
    keys = (features.key * sqrt(2)).chunk(2)
    near = features.near.chunk(2)
    return _Looks(
        replace(features, levels=levels[:count], key=keys[0], near=near[0]),
        replace(features, levels=levels[count:], key=keys[1].flip(-1), near=near[1]),
    )


def _mirrored_frame(frame: Frame) -> Frame:
    return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))


def _mirrored(prompts: Sequence[VisualPrompt], width: int) -> list[VisualPrompt]:
    """The prompts on the mirror image of a frame of this width, in pixels."""
    return [_mirrored_prompt(prompt, width) for prompt in prompts]


def _mirrored_prompt(prompt: VisualPrompt, width: int) -> VisualPrompt:
    if isinstance(prompt, Mask):
        return Mask(np.ascontiguousarray(prompt.mask[:, ::-1]))
    if isinstance(prompt, Box):
        return Box(width - prompt.x2, prompt.y1, width - prompt.x1, prompt.y2)
    # Points name the centres of pixels, of which the last is width - 1; a box names edges.
    xy = np.stack([width - 1 - prompt.xy[:, 0], prompt.xy[:, 1]], axis=1)
    return replace(prompt, xy=xy.astype(np.float32))
