"""The memory encoder and memory attention of the SAM 2 family (arXiv:2408.00714, section 4 and
appendix D).

Enters: a frame's features with masks and pointers -> slots; later slots and pointers ->
features conditioned on them.  The memory encoder (and EdgeTAM's perceiver, arXiv:2501.07256,
which pools its map into a few tokens) is the transformers library's; reading is
`vseg.models.sam2.memory_attention`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.slot_model import Slot, SlotMemory, SlotShape
from vseg.models.sam2.feed_forward import feed_forward
from vseg.models.sam2.memory_attention import AttentionPlan, MemoryAttention, Recalled
from vseg.models.sam2.padded_memory import PaddedMemory
from vseg.weights.device import uploaded


@dataclass(frozen=True, slots=True)
class MemoryInput:
    """What the memory encoder reads of O objects on one frame.

    masks: logits on the model's square input.  certain: rows the user prompted, whose masks
    are taken as they are, 0 or 1.  present: rows that are visible.
    """

    masks: Float[Tensor, "O 1 s s"]
    certain: Bool[Tensor, " O"]
    present: Bool[Tensor, " O"]
    pointers: Float[Tensor, "O P"]


class SamMemory:
    """Memory encoder and memory attention of one network; keeps nothing of any video."""

    def __init__(self, net: Any, device: torch.device, dtype: torch.dtype) -> None:
        config = net.config
        self._net = net
        self._dtype = dtype
        net.memory_encoder.to(
            memory_format=torch.channels_last
        )  # its pixels become rows and back
        self._edge = hasattr(net, "spatial_perceiver")
        self._scale = config.sigmoid_scale_for_mem_enc
        self._bias = config.sigmoid_bias_for_mem_enc
        self._mask_size = tuple(4 * side for side in net.prompt_encoder.mask_input_size)
        self._pointers = config.max_object_pointers_in_encoder
        self._map_where, spatial = self._positions()
        plan = _plan(net, self._edge)
        temporal = net.memory_temporal_positional_encoding.detach().reshape(
            -1, spatial.shape[1]
        )
        state = net.memory_attention.state_dict()
        attention = MemoryAttention(state, plan, spatial=spatial, temporal=temporal)
        self._attention = attention.to(device, dtype)
        self._thin = spatial.shape[1]
        self.slot_shape = SlotShape(
            tokens=len(spatial),
            grid=plan.memory_wh[::-1],
            channels=self._thin,
            layers=plan.layers,
            width=net.hidden_dim,
            pointer=net.hidden_dim,
            itemsize=dtype.itemsize,
        )
        self._where = self._frame_positions().to(device, dtype)
        self._map_where = self._map_where.to(device, dtype)
        self._project: tuple[Tensor, ...] = ()
        if config.enable_temporal_pos_encoding_for_object_pointers:
            project = net.temporal_positional_encoding_projection_layer
            parts = (project.weight, project.bias)
            self._project = tuple(part.detach().clone().to(device) for part in parts)
            half = self._project[0].shape[1] // 2
            self._speed = (10_000 ** (2 * (torch.arange(half) // 2) / half)).to(device)

    def write(self, features: Float[Tensor, "1 C h w"], inputs: MemoryInput) -> list[Slot]:
        """One slot per object."""
        encoder = self._net.memory_encoder
        masks = inputs.masks
        if tuple(masks.shape[-2:]) != self._mask_size:
            masks = F.interpolate(
                masks, self._mask_size, mode="bilinear", align_corners=False, antialias=True
            )
        pixels = encoder.feature_projection(
            features.contiguous(memory_format=torch.channels_last)
        )
        # On a CPU one object's maps stay in the cache, all of them together do not.
        together = len(masks) if masks.is_cuda or torch.compiler.is_compiling() else 1
        parts = zip(
            torch.split(masks, together), torch.split(inputs.certain, together), strict=True
        )
        maps = torch.cat([self._map(pixels, *part) for part in parts])
        absent = self._net.occlusion_spatial_embedding_parameter
        if absent is not None:
            gone = (~inputs.present).to(maps.dtype)[:, None, None, None]
            maps = maps + gone * absent[..., None, None]
        cells = self._cells(maps)
        keys = self._attention.keys(cells)
        return [Slot(*row) for row in zip(cells, keys, inputs.pointers, strict=True)]

    def _map(
        self,
        pixels: Float[Tensor, "1 C h w"],
        masks: Float[Tensor, "O 1 s s"],
        certain: Bool[Tensor, " O"],
    ) -> Float[Tensor, "O M h w"]:
        """The memory encoder's maps of the image with the masks."""
        encoder = self._net.memory_encoder
        hard = (masks > 0).to(masks.dtype)
        shares = torch.where(certain[:, None, None, None], hard, masks.sigmoid())
        downsampled = encoder.mask_downsampler(
            shares.mul_(self._scale).add_(self._bias).to(self._dtype)
        )
        maps: Tensor = encoder.projection(_fused(encoder, downsampled.add_(pixels)))
        return maps

    def keys(self, cells: Float[Tensor, "N C"]) -> Float[Tensor, "L N D"]:
        """The keys that `write` makes of one slot's cells."""
        return self._attention.keys(cells[None])[0]

    def read(
        self, features: Float[Tensor, "1 C h w"], memories: Sequence[SlotMemory]
    ) -> Float[Tensor, "O C h w"]:
        """The frame's features after every object's attention to its memory."""
        rows = features[0].flatten(1).T + 0.1 * self._where
        attended = self._attention(rows, [self._recalled(memory) for memory in memories])
        return attended.transpose(1, 2).reshape(-1, *features.shape[1:])

    def read_together(
        self, features: Float[Tensor, "1 C h w"], memory: PaddedMemory
    ) -> Float[Tensor, "O C h w"]:
        """The same for memories of one size, all objects in one batch."""
        rows = features[0].flatten(1).T + 0.1 * self._where
        tokens = memory.pointers.view(*memory.pointer_ages.shape, -1, self._thin)
        codes = self._age_codes(memory.pointer_ages)[:, :, None].expand_as(tokens)
        attended = self._attention.together(
            rows, memory, tokens.flatten(1, 2), codes.flatten(1, 2)
        )
        return attended.transpose(1, 2).reshape(-1, *features.shape[1:])

    def _recalled(self, memory: SlotMemory) -> Recalled:
        slots = [slot for _, slot in memory.slots]
        ages = [age for age, _ in memory.pointers]
        pointers = [pointer for _, pointer in memory.pointers]
        tokens = torch.cat(pointers) if pointers else self._where.new_zeros(0)
        tokens = tokens.view(
            -1, self._thin
        )  # a pointer is cut into tokens as thin as the cells
        per_pointer = len(tokens) // max(1, len(ages))
        since = uploaded(torch.tensor(ages, dtype=torch.float32), self._where.device)
        codes = self._age_codes(since)[:, None].expand(-1, per_pointer, -1).flatten(0, 1)
        return Recalled(
            tuple(age for age, _ in memory.slots),
            tuple(slot.keys for slot in slots),
            tuple(slot.cells for slot in slots),
            tokens,
            codes,
            {k: slot.merged for k, slot in enumerate(slots) if slot.merged is not None},
        )

    def _cells(self, maps: Float[Tensor, "O C h w"]) -> Float[Tensor, "O N C"]:
        """The tokens kept of the memory encoder's maps: all, rounded as published, or
        EdgeTAM's few.
        """
        if self._edge:
            # The library's perceiver takes one map at a time.
            latents = [
                self._net.spatial_perceiver(one, self._map_where)[0] for one in maps[:, None]
            ]
            return torch.cat(latents)
        return maps.flatten(2).transpose(1, 2).to(torch.bfloat16).to(maps.dtype).contiguous()

    @torch.no_grad()
    def _positions(self) -> tuple[Float[Tensor, "1 C h w"], Float[Tensor, "N C"]]:
        """Position codes of the memory encoder's map, and of the tokens of a memory:
        constants.
        """
        height, width = self._net.backbone_feature_sizes[-1]
        channels = self._net.config.memory_encoder_output_channels
        blank = torch.zeros(1, channels, height, width)
        where: Tensor = self._net.memory_encoder.position_encoding(
            blank.shape, blank.device, blank.dtype
        )
        if self._edge:
            latents: Tensor = self._net.spatial_perceiver(blank, where)[1]
            return where, latents[0]
        return where, where[0].flatten(1).T

    def _frame_positions(self) -> Float[Tensor, "N C"]:
        """The position codes of a frame's cells."""
        height, width = self._net.backbone_feature_sizes[-1]
        shape = torch.Size((1, self._net.hidden_dim, height, width))
        neck = self._net.vision_encoder.neck
        where: Tensor = neck.position_encoding(shape, torch.device("cpu"), torch.float32)
        return where[0].flatten(1).T

    def _age_codes(self, ages: Float[Tensor, "*P"]) -> Float[Tensor, "*P C"]:
        """Sines and cosines of pointers' ages, projected; zero in networks whose pointers have
        none.
        """
        if not self._project:
            return self._where.new_zeros(*ages.shape, self._thin)
        angle = ages[..., None] / (self._pointers - 1) / self._speed
        code = torch.cat([angle.sin(), angle.cos()], dim=-1)
        return F.linear(code, *self._project).to(self._where)


def _fused(encoder: Any, x: Float[Tensor, "O C h w"]) -> Float[Tensor, "O C h w"]:
    """The memory encoder's last blocks (ConvNeXt, arXiv:2201.03545): where the mask meets the
    image.
    """
    for block in encoder.memory_fuser.layers:
        rows = block.layer_norm(block.depthwise_conv(x)).permute(0, 2, 3, 1)
        made = feed_forward(
            rows, block.pointwise_conv1, block.activation, block.pointwise_conv2
        )
        x = x + (made * block.scale).permute(0, 3, 1, 2)
    return x


def _plan(net: Any, edge: bool) -> AttentionPlan:
    config = net.config
    columns, rows = config.memory_attention_rope_feat_sizes
    return AttentionPlan(
        layers=config.memory_attention_num_layers,
        frame_wh=(columns, rows),
        memory_wh=tuple(config.memory_attention_rope_k_sizes) if edge else (columns, rows),
        plain=config.perceiver_resampler_num_latents if edge else 0,
        theta=float(config.rope_parameters["rope_theta"]),
    )
