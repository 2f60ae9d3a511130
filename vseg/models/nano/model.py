"""nano as a Model: its weights ready for inference on one device, and nothing about any video.

Enters: frames and prompts in video pixels.  Leaves: Features, Decoded, memory values.  Frames
are resized to a fixed short side with both sides multiples of 16, so that logits cover the
frame exactly and no padding is needed.  The network itself is computed by a runtime
(`vseg.models.nano.runtimes`).
"""

from collections.abc import Sequence
from copy import copy
from functools import partial

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vseg.interfaces.promptable_model import Encode, ObjectPrompts, Recall
from vseg.models.nano.blocks import signed
from vseg.models.nano.frame_size import check_short_side, model_hw
from vseg.models.nano.memorised import memorised
from vseg.models.nano.memory_reading import read_memory
from vseg.models.nano.object_decoder import DecodedMasks, Encoded
from vseg.models.nano.remembered_values import of_objects, with_background
from vseg.models.nano.runtimes.runtime import EncodedImages, EncodeImages, Runtime
from vseg.prompts.prompt_maps import draw_prompts
from vseg.tensors import CERTAIN_LOGIT, Decoded, Features, LookAlikes, Memory
from vseg.types import Frame, Mask


class Nano:
    """The embedded model.  Implements `vseg.interfaces.affinity_model.AffinityModel`."""

    name = "nano"
    embeds_identity = True

    def __init__(self, runtime: Runtime, weights_sha256: str, *, short_side: int) -> None:
        check_short_side(short_side)
        self.weights_sha256 = weights_sha256
        self.short_side = short_side
        self.device = runtime.device
        self.dtype = runtime.dtype
        self.runtime = runtime.name
        self.encoder_sha256 = runtime.encoder_sha256
        self._runtime = runtime

    def resized(self, short_side: int) -> "Nano":
        """Another model of the same weights, which are shared, whose frames have this short
        side.
        """
        check_short_side(short_side)
        other = copy(self)
        other.short_side = short_side
        return other

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """levels: skip 4, skip 8 and base features of strides 4, 8, 16."""
        return self._encode(self._runtime.encode, frames)

    @property
    def background_encode(self) -> Encode | None:
        """As the runtime has it."""
        encode = self._runtime.background_encode
        return None if encode is None else partial(self._encode, encode)

    @torch.inference_mode()
    def encode_crops(self, frames: Sequence[Frame], side: int) -> list[Features]:
        """Frames of one shape and any sizes, their shorter sides scaled to `side` pixels; one
        batch.
        """
        images = torch.cat([self._images([f], side) for f in frames])
        return self._features(frames, self._runtime.encode(images))

    def map_hw(self, video_hw: tuple[int, int]) -> tuple[int, int]:
        """Cells of the mask logits of a frame."""
        height, width = model_hw(video_hw, self.short_side)
        return height // 4, width // 4

    @torch.inference_mode()
    def encode_coarse(self, frame: Frame) -> Features:
        """At half the size."""
        images = self._images([frame], max(64, self.short_side // 2))
        return self._features([frame], self._runtime.encode(images))[0]

    @torch.inference_mode()
    def _encode(self, encode: EncodeImages, frames: Sequence[Frame]) -> list[Features]:
        return self._features(frames, encode(self._images(frames, self.short_side)))

    def _features(
        self, frames: Sequence[Frame], images_encoded: EncodedImages
    ) -> list[Features]:
        encoded = images_encoded.frames
        return [
            Features(
                frame.index,
                frame.hw,
                (encoded.skip4[k : k + 1], encoded.skip8[k : k + 1], encoded.base[k : k + 1]),
                # Copies: the memory keeps these two, and a view would keep the whole batch
                # with it.
                encoded.key[k].clone(),
                encoded.local_key[k].clone(),
                self.weights_sha256,
                (images_encoded.f8[k : k + 1], images_encoded.f16[k : k + 1]),
            )
            for k, frame in enumerate(frames)
        ]

    @torch.inference_mode()
    def pyramid(
        self, frame: Frame, short_side: int, features: Features | None = None
    ) -> tuple[Float[Tensor, "1 64 h8 w8"], Float[Tensor, "1 128 h w"]]:
        """The image encoder's own maps of strides 8 and 16 at a size of its own: what the word
        head reads.

        features: of the frame; not encoded again where they have that size.
        """
        if features is not None:
            height, width = model_hw(frame.hw, short_side)
            f8, f16 = features.pyramid
            if f16.shape[2:] == (height // 16, width // 16):
                return f8, f16
        encoded = self._runtime.encode(self._images([frame], short_side))
        return encoded.f8, encoded.f16

    def can_use(self, features: Features) -> bool:
        """Whether these features are what this model would encode: of its weights, size, dtype
        and device.
        """
        return (
            features.weights_sha256 == self.weights_sha256
            and features.map_hw == self.map_hw(features.video_hw)
            and features.key.dtype == self.dtype
            and features.key.device.type == self.device.type
        )

    def _images(self, frames: Sequence[Frame], short_side: int) -> UInt8[Tensor, "B 3 H W"]:
        h, w = model_hw(frames[0].hw, short_side)
        # Copied first: a tensor cannot share pixels that are mirrored or must not be written.
        image_batch = torch.from_numpy(np.stack([frame.image for frame in frames]))
        return F.interpolate(
            image_batch.permute(0, 3, 1, 2), (h, w), mode="bilinear", antialias=True
        ).to(self.device)

    @torch.inference_mode()
    def condition(
        self, features: Features, memory: Memory, look_alikes: LookAlikes | None = None
    ) -> Float[Tensor, "O V h w"]:
        """The remembered values that match each cell, one affinity for all objects."""
        return read_memory(self._runtime, features.key, memory, look_alikes)

    @torch.inference_mode()
    def decode_prompts(
        self,
        features: Features,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None = None,
        conditioned: Float[Tensor, "O V h w"] | None = None,
    ) -> Decoded:
        """Points, boxes and scribbles are read in the memory's own terms: the two add up."""
        known = self._priors(features, objects, priors)
        drawn = [draw_prompts(p, features.video_hw, features.map_hw) for p in objects]
        maps = torch.from_numpy(np.stack(drawn)).to(self.device, self.dtype)
        prior = signed(known)[:, None]
        decode = self._runtime.decode_prompts
        return _decoded(decode(_encoded(features), maps, prior, conditioned))

    def _priors(
        self,
        features: Features,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None,
    ) -> Float[Tensor, "O h4 w4"]:
        """What is known of each mask: 0 of nothing, and in its place a mask that is
        prompted.
        """
        size = (len(objects), *features.map_hw)
        known = torch.zeros(size, device=self.device, dtype=self.dtype)
        if priors is not None:
            known = priors.clone()
        for row, prompts in enumerate(objects):
            for prompt in prompts:
                if isinstance(prompt, Mask):
                    known[row] = self._mask_logits(features, prompt)
        return known

    @torch.inference_mode()
    def encode_mask_prompts(self, features: Features, masks: Sequence[Mask]) -> Decoded:
        """The masks as they stand; the decoder only makes the embeddings that go with them."""
        logits = torch.stack([self._mask_logits(features, mask) for mask in masks])
        decoded = self.decode(
            features,
            self.encode_memory(features, logits),
            self.warp_prior(features, None, logits),
        )
        certain = torch.ones_like(decoded.quality)
        return Decoded(logits, certain, certain, decoded.embedding)

    def memorise(self, features: Features, mask: Mask) -> Recall:
        """What decodes the same object on any other image."""
        given = self.encode_mask_prompts(features, [mask])
        return memorised(self, features, given.logits)

    @torch.inference_mode()
    def warp_prior(
        self,
        features: Features,
        local_key: Float[Tensor, "L h8 w8"] | None,
        logits: Float[Tensor, "O h4 w4"],
        competitors: Bool[Tensor, "O O"] | None = None,
    ) -> Float[Tensor, "O 3 h4 w4"]:
        """The masks in [-1, 1] as they were and as local matching moved them, and where their
        competitors are.
        """
        masks = signed(logits)[:, None]
        if local_key is None:
            return torch.cat([masks, masks, torch.zeros_like(masks)], dim=1)
        if competitors is None:
            competitors = torch.zeros(
                len(masks), len(masks), dtype=torch.bool, device=masks.device
            )
        warp = self._runtime.warp_prior
        return warp(_encoded(features), local_key[None], masks, competitors)

    @torch.inference_mode()
    def decode(
        self,
        features: Features,
        readout: Float[Tensor, "O V h w"],
        prior: Float[Tensor, "O 3 h4 w4"],
    ) -> Decoded:
        """Masks of O objects.  readout: from `condition`.  prior: from `warp_prior`."""
        return _decoded(self._runtime.decode(readout, _encoded(features), prior))

    @torch.inference_mode()
    def encode_memory(
        self, features: Features, logits: Float[Tensor, "O h4 w4"]
    ) -> Float[Tensor, "O V h w"]:
        """Values to remember of O objects with these masks; far from an object, those of the
        background.
        """
        masks = signed(with_background(logits))[:, None]
        return of_objects(self._runtime.remember(features.levels[2], masks))

    def _mask_logits(self, features: Features, mask: Mask) -> Float[Tensor, "h4 w4"]:
        """Logits of a mask the user gave: certain, but for cells that its edge crosses."""
        h4, w4 = features.map_hw
        share = cv2.resize(
            mask.mask.astype(np.float32), (w4, h4), interpolation=cv2.INTER_AREA
        )
        logits = torch.from_numpy((2 * share - 1) * CERTAIN_LOGIT)
        return logits.to(self.device, self.dtype)


def _encoded(features: Features) -> Encoded:
    skip4, skip8, base = features.levels
    return Encoded(features.key[None], features.local_key[None], base, skip8, skip4)


def _decoded(masks: DecodedMasks) -> Decoded:
    return Decoded(
        masks.logits[:, 0],
        masks.quality.float().sigmoid(),
        masks.presence.float().sigmoid(),
        masks.embedding,
    )
