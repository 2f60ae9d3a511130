"""Flip test-time augmentation: every frame is decoded as it is and mirrored, and the masks are
averaged.

Enters and leaves: what any `vseg.interfaces.affinity_model.AffinityModel` takes and gives, in
coordinates of the frame as it is.  Features, values and priors of the mirrored frame lie
beside the others, by channel; the masks are averaged before they are remembered, and one
affinity reads both memories, its scores the mean of the two.  Costs twice the time; what
depends on left and right, or on how the cells fall, cancels in part.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.promptable_model import Encode, ObjectPrompts, Recall
from vseg.models.nano.memorised import memorised
from vseg.tensors import Decoded, Features, LookAlikes, Memory
from vseg.types import Box, Frame, Mask, VisualPrompt


class _Pair(NamedTuple):
    """The features of a frame as it is and of its mirror image, each in its own
    coordinates.
    """

    straight: Features
    mirrored: Features


class FlipTTA:
    """Any affinity model, flipped.  Implements `vseg.interfaces.affinity_model.AffinityModel`.

    weights_sha256: the model's, marked: what one of the two remembers, the other cannot read.
    """

    def __init__(self, model: AffinityModel) -> None:
        self._model = model
        self.name = model.name
        self.weights_sha256 = f"{model.weights_sha256}+flip"
        self.device = model.device
        self.dtype = model.dtype
        self.runtime = model.runtime
        self.embeds_identity = model.embeds_identity
        self.encode_coarse = None if model.encode_coarse is None else self._encode_coarse

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """levels: of the frame, then of its mirror image.  key: both, in the frame's
        coordinates.
        """
        return _encode_both(self._model.encode, frames)

    @property
    def background_encode(self) -> Encode | None:
        """As that of the model."""
        encode = self._model.background_encode
        return encode and partial(_encode_both, encode)

    def encode_crops(self, frames: Sequence[Frame], side: int) -> list[Features]:
        """As `encode`, of crops."""
        straight = self._model.encode_crops(frames, side)
        mirrored = self._model.encode_crops([_mirrored_frame(frame) for frame in frames], side)
        return [_join(*pair) for pair in zip(straight, mirrored, strict=True)]

    def map_hw(self, video_hw: tuple[int, int]) -> tuple[int, int]:
        """Cells of the mask logits of a frame."""
        return self._model.map_hw(video_hw)

    def condition(
        self, features: Features, memory: Memory, look_alikes: LookAlikes | None = None
    ) -> Float[Tensor, "O V h w"]:
        """One reading of both memories: keys of unit length side by side have the mean
        cosine.  Where look-alikes are expected is the mean of both.
        """
        if look_alikes is not None:
            straight, mirrored = look_alikes.expected.chunk(2, 1)
            look_alikes = replace(look_alikes, expected=(straight + mirrored) / 2)
        return self._model.condition(features, memory, look_alikes)

    def _encode_coarse(self, frame: Frame) -> Features:
        """As `encode`, at a coarse scale."""
        encode_coarse = self._model.encode_coarse
        assert encode_coarse is not None
        return _join(encode_coarse(frame), encode_coarse(_mirrored_frame(frame)))

    def decode_prompts(
        self,
        features: Features,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None = None,
        conditioned: Float[Tensor, "O V h w"] | None = None,
    ) -> Decoded:
        """The mean of both masks."""
        pair = _part(features)
        mirrored_objects = [_mirrored(prompts, features.video_hw[1]) for prompts in objects]
        mirrored_priors = None if priors is None else priors.flip(-1)
        values, mirrored_values = (None, None)
        if conditioned is not None:
            values, mirrored_values = conditioned.chunk(2, 1)
            mirrored_values = mirrored_values.flip(-1)
        return _mean(
            self._model.decode_prompts(pair.straight, objects, priors, values),
            self._model.decode_prompts(
                pair.mirrored, mirrored_objects, mirrored_priors, mirrored_values
            ),
        )

    def encode_mask_prompts(self, features: Features, masks: Sequence[Mask]) -> Decoded:
        """The masks as they stand, with the mean of both embeddings."""
        pair = _part(features)
        straight = self._model.encode_mask_prompts(pair.straight, masks)
        mirrored = self._model.encode_mask_prompts(
            pair.mirrored, [_mirrored_mask(mask) for mask in masks]
        )
        return replace(straight, embedding=_mean(straight, mirrored).embedding)

    def memorise(self, features: Features, mask: Mask) -> Recall:
        """What decodes the same object on any other image."""
        return memorised(self, features, self.encode_mask_prompts(features, [mask]).logits)

    def warp_prior(
        self,
        features: Features,
        local_key: Float[Tensor, "L h8 w8"] | None,
        logits: Float[Tensor, "O h4 w4"],
        competitors: Bool[Tensor, "O O"] | None = None,
    ) -> Float[Tensor, "O P h4 w4"]:
        """Both priors, by channel."""
        pair = _part(features)
        keys = (None, None) if local_key is None else local_key.chunk(2)
        prior = self._model.warp_prior(pair.straight, keys[0], logits, competitors)
        mirrored = self._model.warp_prior(pair.mirrored, keys[1], logits.flip(-1), competitors)
        return torch.cat([prior, mirrored.flip(-1)], dim=1)

    def decode(
        self,
        features: Features,
        readout: Float[Tensor, "O V h w"],
        prior: Float[Tensor, "O P h4 w4"],
    ) -> Decoded:
        """The mean of both masks, qualities and presences."""
        pair = _part(features)
        values, mirrored_values = readout.chunk(2, 1)
        priors, mirrored_priors = prior.chunk(2, 1)
        return _mean(
            self._model.decode(pair.straight, values, priors),
            self._model.decode(
                pair.mirrored, mirrored_values.flip(-1), mirrored_priors.flip(-1)
            ),
        )

    def encode_memory(
        self, features: Features, logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O V h w"]:
        """Both values, by channel."""
        pair = _part(features)
        values = self._model.encode_memory(pair.straight, logits)
        mirrored = self._model.encode_memory(pair.mirrored, logits.flip(-1))
        return torch.cat([values, mirrored.flip(-1)], dim=1)


@torch.inference_mode()
def _mean(straight: Decoded, mirrored: Decoded) -> Decoded:
    """The mean of what was decoded of a frame and of its mirror image, in the frame's
    coordinates.
    """
    return Decoded(
        (straight.logits + mirrored.logits.flip(-1)) / 2,
        (straight.quality + mirrored.quality) / 2,
        (straight.presence + mirrored.presence) / 2,
        F.normalize(straight.embedding + mirrored.embedding, dim=1),
    )


@torch.inference_mode()
def _join(straight: Features, mirrored: Features) -> Features:
    """Both features as one.  The keys are put in place, so that a cell and its mirrored copy
    are read as one.
    """
    return Features(
        straight.frame_index,
        straight.video_hw,
        straight.levels + mirrored.levels,
        # Two unit vectors side by side have a length of sqrt(2).
        torch.cat([straight.key, mirrored.key.flip(-1)]) * sqrt(0.5),
        torch.cat([straight.local_key, mirrored.local_key]),
        f"{straight.weights_sha256}+flip",
    )


@torch.inference_mode()
def _part(features: Features) -> _Pair:
    """The two features that `_join` joined."""
    levels = features.levels
    count = len(levels) // 2
    keys = (features.key * sqrt(2)).chunk(2)
    local_keys = features.local_key.chunk(2)
    return _Pair(
        replace(features, levels=levels[:count], key=keys[0], local_key=local_keys[0]),
        replace(
            features, levels=levels[count:], key=keys[1].flip(-1), local_key=local_keys[1]
        ),
    )


def _encode_both(encode: Encode, frames: Sequence[Frame]) -> list[Features]:
    straight = encode(frames)
    mirrored = encode([_mirrored_frame(frame) for frame in frames])
    return [_join(*pair) for pair in zip(straight, mirrored, strict=True)]


def _mirrored_frame(frame: Frame) -> Frame:
    return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))


def _mirrored(prompts: ObjectPrompts, width: int) -> list[VisualPrompt]:
    """The prompts on the mirror image of a frame of this width, in pixels."""
    return [_mirrored_prompt(prompt, width) for prompt in prompts]


def _mirrored_mask(mask: Mask) -> Mask:
    return Mask(np.ascontiguousarray(mask.mask[:, ::-1]))


def _mirrored_prompt(prompt: VisualPrompt, width: int) -> VisualPrompt:
    if isinstance(prompt, Mask):
        return _mirrored_mask(prompt)
    if isinstance(prompt, Box):
        return Box(width - prompt.x2, prompt.y1, width - prompt.x1, prompt.y2)
    # Points name the centres of pixels, of which the last is width - 1; a box names edges.
    xy = np.stack([width - 1 - prompt.xy[:, 0], prompt.xy[:, 1]], axis=1)
    return replace(prompt, xy=xy.astype(np.float32))
