"""The SAM 2 family (SAM 2.1, EdgeTAM, SAM 3's tracker) as a SlotModel: weights, and nothing
about any video.

Enters: frames and prompts in video pixels.  Leaves: Features, Decoded, Slots.  Frames are
squeezed to the square the network was trained on, so that its logits cover the whole frame.
It follows the published video predictor (arXiv:2408.00714, github.com/facebookresearch/sam2)
where the transformers library departs from it: a given mask's pointer comes from the decoder's
single mask, only a prompted object's own memory is made sure, and a correction sees the mask
it corrects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from vseg.interfaces.slot_model import Slot, SlotMemory
from vseg.models.sam2.decoder import SamDecoder
from vseg.models.sam2.memory import Remembered, SamMemory
from vseg.models.sam2.prompt_encoder import points_of, square_mask
from vseg.models.sam2.vision import Maps, Normal, square
from vseg.tensors import Decoded, Features
from vseg.types import Frame, Mask, VisualPrompt
from vseg.weights.device import uploaded

_SURE = 10.0
_SURELY_NOT = -10.0
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

    def __init__(self, parts: SamParts, *, device: torch.device, dtype: torch.dtype) -> None:
        self.name = parts.name
        self.weights_sha256 = parts.weights_sha256
        self.device = device
        self.dtype = dtype
        net = parts.net.eval().requires_grad_(False)
        self.recent_slots = net.config.num_maskmem - 1
        self.recent_pointers = net.config.max_object_pointers_in_encoder - 1
        self._side, self._normal = int(net.image_size), parts.normal.on(device)
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
        self._net, self._decoder = net, SamDecoder(net, device, dtype)
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
                (frame.image.shape[0], frame.image.shape[1]),
                (fine[k : k + 1], middle[k : k + 1], coarse[k : k + 1]),
                key=nothing,
                near=nothing,
            )
            for k, frame in enumerate(frames)
        ]

    @torch.inference_mode()
    def condition(
        self, features: Features, memories: Sequence[SlotMemory]
    ) -> Float[Tensor, "O C h w"]:
        """The frame's features as each object sees them through its memory."""
        return self._memory.read(features.levels[2], memories)

    @torch.inference_mode()
    def decode(self, features: Features, seen: Float[Tensor, "O C h w"]) -> Decoded:
        """Masks of objects that nobody prompted on this frame, all in one batch."""
        return self._decoder(
            (features.levels[0], features.levels[1]), seen, self._decoder.unsaid
        )

    @torch.inference_mode()
    def answer(
        self,
        features: Features,
        prompts: Sequence[VisualPrompt],
        seen: Float[Tensor, "1 C h w"] | None,
        prior: Float[Tensor, "h4 w4"] | None,
    ) -> Decoded:
        """The mask of one prompted object; without memory the features say so by a learned
        term.
        """
        xy, labels = points_of(prompts, features.video_hw, self._side)
        masks = [p for p in prompts if isinstance(p, Mask)]
        dense = prior.clamp(-_CLAMP, _CLAMP)[None, None] if prior is not None else None
        if masks:
            dense = self._mask_prompt(masks[-1])
        said = self._decoder.say(xy, labels, dense)
        fine, middle, coarse = features.levels
        if seen is None:
            seen = coarse + self._net.no_memory_embedding.reshape(1, -1, 1, 1)
        return self._decoder((fine, middle), seen, said)

    @torch.inference_mode()
    def given(self, features: Features, mask: Mask) -> Decoded:
        """A mask the user gave, as it stands; the decoder only makes the pointer that goes
        with it.
        """
        fine, middle, coarse = features.levels
        none = torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)
        said = self._decoder.say(*none, self._mask_prompt(mask), several=False)
        seen = self._decoder((fine, middle), coarse, said)
        drawn = square_mask(mask, self._side)
        present = bool(drawn.any())
        pixels = uploaded(drawn, self.device)
        logits = F.interpolate(
            pixels * (_SURE - _SURELY_NOT) + _SURELY_NOT,
            features.map_hw,
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        sure = torch.ones_like(seen.quality)
        pointer = seen.embedding if present else self._net.no_object_pointer
        return Decoded(logits[0].to(self.dtype), sure, sure * present, pointer)

    @torch.inference_mode()
    def remember(
        self,
        features: Features,
        decoded: Decoded,
        prompted: Sequence[bool],
        given: Mapping[int, Mask],
    ) -> list[Slot]:
        """A slot for each row of `decoded`."""
        size = (self._side, self._side)
        masks = F.interpolate(
            decoded.logits[:, None].float(), size, mode="bilinear", align_corners=False
        )
        for row, mask in given.items():
            masks[row] = uploaded(square_mask(mask, self._side), self.device)[0] * 2 - 1
        what = Remembered(
            masks,
            uploaded(torch.tensor(prompted), self.device),
            decoded.presence > 0.5,
            decoded.embedding,
        )
        return self._memory.write(features.levels[2], what)

    def _maps(self, pixels: UInt8[Tensor, "B 3 s s"]) -> Maps:
        """Maps of strides 4, 8 and 16 of images at the model's size."""
        maps: Maps = self._encoder(self._normal(pixels, self.dtype))
        return maps

    @torch.inference_mode()
    def keys(self, cells: Float[Tensor, "N C"]) -> Float[Tensor, "L N D"]:
        """The keys of one slot, made again of its cells."""
        return self._memory.keys(cells)

    def _mask_prompt(self, mask: Mask) -> Float[Tensor, "1 1 h4 w4"]:
        """A given mask on the scale of the prompt encoder's logits."""
        drawn = uploaded(square_mask(mask, self._side), self.device)
        made: Tensor = self._net.mask_downsample(drawn)
        return made
