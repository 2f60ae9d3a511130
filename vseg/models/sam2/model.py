"""The SAM 2 family (SAM 2.1, EdgeTAM, SAM 3's tracker) as a SlotModel: weights, and nothing
about any video.

Enters: frames and prompts in video pixels.  Leaves: Features, Decoded, Slots.  Frames are
squeezed to the square the network was trained on, so that its logits cover the whole frame.
It follows the published video predictor (arXiv:2408.00714, github.com/facebookresearch/sam2)
where the transformers library departs from it: a given mask's pointer comes from the decoder's
single mask, only a prompted object's own memory is made certain, and a correction is decoded
with the mask it corrects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from vseg.interfaces.promptable_model import ObjectPrompts, Recall
from vseg.interfaces.slot_model import Slot, SlotMemory
from vseg.models.sam2.memory import MemoryInput, SamMemory
from vseg.models.sam2.prompt_encoder import points_of, square_mask
from vseg.models.sam2.prompted_decoder import SamDecoder
from vseg.models.sam2.vision import Maps, Normal, square
from vseg.tensors import Decoded, Features
from vseg.types import Frame, Mask
from vseg.weights.device import uploaded

_CERTAIN = 10.0
_CERTAINLY_NOT = -10.0
"""Logits of a mask the user gave, as in the published predictor."""
_CONSTANTS = (
    "no_memory_embedding",
    "no_object_pointer",
    "occlusion_spatial_embedding_parameter",
)
_CLAMP = 32.0
"""Logits of a mask that is fed back are kept within this, as the published predictor does."""


@dataclass(frozen=True, slots=True)
class SamParts:
    """A network, taken apart: its image encoder is ours or wrapped, the rest is the
    library's.
    """

    name: str
    weights_sha256: str
    net: Any
    encoder: nn.Module
    normal: Normal


class Sam:
    """A model of the family.  Implements `vseg.interfaces.slot_model.SlotModel`."""

    encode_coarse = None
    background_encode = None
    # Object pointers were never trained to be compared as appearances.
    runtime = "torch"
    embeds_identity = False

    def __init__(self, parts: SamParts, *, device: torch.device, dtype: torch.dtype) -> None:
        self.name = parts.name
        self.weights_sha256 = parts.weights_sha256
        self.device = device
        self.dtype = dtype
        net = parts.net.eval().requires_grad_(False)
        self.recent_slots = net.config.num_maskmem - 1
        self.recent_pointers = net.config.max_object_pointers_in_encoder - 1
        self._side = int(net.image_size)
        self._normal = parts.normal.on(device)
        self._memory = SamMemory(net, device, dtype)
        self.slot_shape = self._memory.slot_shape
        for name in (
            "mask_decoder",
            "memory_encoder",
            "spatial_perceiver",
            "object_pointer_proj",
        ):
            if hasattr(net, name):
                getattr(net, name).to(device, dtype)
        for name in _CONSTANTS:
            if getattr(net, name) is not None:
                setattr(net, name, nn.Parameter(getattr(net, name).to(device, dtype), False))
        net.mask_downsample.to(device)
        self._net = net
        self._decoder = SamDecoder(net, device, dtype)
        encoder = parts.encoder.eval().requires_grad_(False).to(device, dtype)
        self._encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        """levels: strides 4, 8 and 16, the first two as the decoder wants them."""
        pixels = square([frame.image for frame in frames], self._side, self.device)
        fine, middle, coarse = self._maps(pixels)
        nothing = coarse[0, :0]
        return [
            Features(
                frame.index,
                frame.hw,
                (fine[k : k + 1], middle[k : k + 1], coarse[k : k + 1]),
                key=nothing,
                local_key=nothing,
                weights_sha256=self.weights_sha256,
            )
            for k, frame in enumerate(frames)
        ]

    @torch.inference_mode()
    def condition(
        self, features: Features, memories: Sequence[SlotMemory]
    ) -> Float[Tensor, "O C h w"]:
        """The frame's features after every object's attention to its memory."""
        return self._memory.read(features.levels[2], memories)

    @torch.inference_mode()
    def decode(self, features: Features, conditioned: Float[Tensor, "O C h w"]) -> Decoded:
        """Masks of objects without prompts on this frame, all in one batch."""
        finest = (features.levels[0], features.levels[1])
        return self._decoder(finest, conditioned, self._decoder.no_prompt)

    @torch.inference_mode()
    def decode_prompts(
        self,
        features: Features,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None = None,
        conditioned: Float[Tensor, "O C h w"] | None = None,
    ) -> Decoded:
        """Masks of prompted objects; without memory the features say so by a learned term.

        Objects with as many points share a batch: a point added to fill one up would be
        attended to.
        """
        fine, middle, coarse = features.levels
        points = [points_of(prompts, features.video_hw, self._side) for prompts in objects]
        dense = [self._dense_prompt(p, priors, row) for row, p in enumerate(objects)]
        groups: dict[tuple[int, bool], list[int]] = {}
        for row, (xy, _) in enumerate(points):
            groups.setdefault((len(xy), dense[row] is None), []).append(row)
        decoded: dict[int, Decoded] = {}
        for rows in groups.values():
            masks = [mask for row in rows if (mask := dense[row]) is not None]
            encoded = self._decoder.encode_prompts(
                torch.stack([points[row][0] for row in rows]),
                torch.stack([points[row][1] for row in rows]),
                torch.cat(masks) if masks else None,
            )
            if conditioned is None:
                image = coarse + self._net.no_memory_embedding.reshape(1, -1, 1, 1)
            else:
                image = conditioned[rows]
            group = self._decoder((fine, middle), image, encoded)
            decoded |= {row: group.row(k) for k, row in enumerate(rows)}
        return Decoded.stack([decoded[row] for row in range(len(objects))])

    @torch.inference_mode()
    def encode_mask_prompts(self, features: Features, masks: Sequence[Mask]) -> Decoded:
        """The masks as they stand; the decoder only makes the pointers that go with them."""
        return Decoded.stack([self._encode_mask_prompt(features, mask) for mask in masks])

    @torch.inference_mode()
    def memorise(self, features: Features, mask: Mask) -> Recall:
        """What decodes the same object on any other image, as on the frame after a prompt."""
        given = self.encode_mask_prompts(features, [mask])
        slot = self.encode_memory(features, given, [True], {0: mask})[0]
        memory = SlotMemory(((0, slot),), ((1, slot.pointer),))

        def recall(other: Features) -> Decoded:
            return self.decode(other, self.condition(other, [memory]))

        return recall

    @torch.inference_mode()
    def encode_memory(
        self,
        features: Features,
        decoded: Decoded,
        prompted: Sequence[bool],
        given: Mapping[int, Mask],
    ) -> list[Slot]:
        """A slot for every row of `decoded`."""
        size = (self._side, self._side)
        masks = F.interpolate(
            decoded.logits[:, None].float(), size, mode="bilinear", align_corners=False
        )
        for row, mask in given.items():
            masks[row] = uploaded(square_mask(mask, self._side), self.device)[0] * 2 - 1
        inputs = MemoryInput(
            masks,
            uploaded(torch.tensor(prompted), self.device),
            decoded.presence > 0.5,
            decoded.embedding,
        )
        return self._memory.write(features.levels[2], inputs)

    def _maps(self, pixels: UInt8[Tensor, "B 3 s s"]) -> Maps:
        """Maps of strides 4, 8 and 16 of images at the model's size."""
        maps: Maps = self._encoder(self._normal(pixels, self.dtype))
        return maps

    @torch.inference_mode()
    def keys(self, cells: Float[Tensor, "N C"]) -> Float[Tensor, "L N D"]:
        """The keys of one slot, made again of its cells."""
        return self._memory.keys(cells)

    def _encode_mask_prompt(self, features: Features, mask: Mask) -> Decoded:
        """One mask with its pointer; that of an empty mask is the one of absent objects."""
        fine, middle, coarse = features.levels
        no_points = torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64)
        prompt = self._decoder.encode_prompts(
            *no_points, self._downsampled(mask), several=False
        )
        decoded = self._decoder((fine, middle), coarse, prompt)
        pixels = square_mask(mask, self._side)
        present = bool(pixels.any())
        logits = F.interpolate(
            uploaded(pixels, self.device) * (_CERTAIN - _CERTAINLY_NOT) + _CERTAINLY_NOT,
            features.map_hw,
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        certain = torch.ones_like(decoded.quality)
        pointer = decoded.embedding if present else self._net.no_object_pointer
        return Decoded(logits[0].to(self.dtype), certain, certain * present, pointer)

    def _dense_prompt(
        self, prompts: ObjectPrompts, priors: Float[Tensor, "O h4 w4"] | None, row: int
    ) -> Float[Tensor, "1 1 h4 w4"] | None:
        """The mask that an object's points are decoded with: a prompted one, else its
        prior.
        """
        masks = [prompt for prompt in prompts if isinstance(prompt, Mask)]
        if masks:
            return self._downsampled(masks[-1])
        return None if priors is None else priors[row].clamp(-_CLAMP, _CLAMP)[None, None]

    def _downsampled(self, mask: Mask) -> Float[Tensor, "1 1 h4 w4"]:
        """A given mask on the scale of the prompt encoder's logits."""
        pixels = uploaded(square_mask(mask, self._side), self.device)
        downsampled: Tensor = self._net.mask_downsample(pixels)
        return downsampled
