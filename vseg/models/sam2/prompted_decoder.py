"""Prompt encoder and mask decoder of the SAM 2 family: features in, masks of all objects out
in one batch.

The prompt encoder is the transformers library's, the decoder
`vseg.models.sam2.mask_decoder`; every object shares the frame's finest maps, and of several
proposed masks the one of the best predicted IoU is taken; the others stay at hand.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vseg.models.sam2.mask_decoder import MaskDecoder
from vseg.tensors import Decoded, Hypotheses

_ABSENT_LOGIT = -1024.0
_NO_POINT = -1
"""The label of a point that stands for none."""


@dataclass(frozen=True, slots=True)
class EncodedPrompts:
    """Prompts as the decoder reads them, and whether it shall propose several masks.

    One row for each object, or one that all objects share.
    """

    sparse: Float[Tensor, "#O P C"]
    dense: Float[Tensor, "#O C h w"]
    several: bool


class SamDecoder:
    """Both modules of one network; keeps nothing of any video.

    The prompt encoder stays in float32: in bf16 a click would move by pixels.
    """

    def __init__(self, net: Any, device: torch.device, dtype: torch.dtype) -> None:
        self._net = net
        self._device = device
        self._dtype = dtype
        net.prompt_encoder.to(device)
        net.shared_image_embedding.to(device)
        with torch.no_grad():
            where = net.get_image_wide_positional_embeddings().to(dtype)
        self._masks = MaskDecoder(net.mask_decoder, where)
        config = net.config
        self._several = bool(config.multimask_output_in_sam)
        self._fewest = int(config.multimask_min_pt_num)
        self._most = int(config.multimask_max_pt_num)
        several = config.multimask_output_for_tracking and self._allows(0)
        self.no_prompt = self.encode_prompts(
            torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64), None, several
        )

    @torch.no_grad()
    def encode_prompts(
        self,
        xy: Float[Tensor, "O N 2"],
        labels: Int[Tensor, "O N"],
        masks: Float[Tensor, "O 1 h4 w4"] | None,
        several: bool | None = None,
    ) -> EncodedPrompts:
        """Prompts of O objects; no points are one empty point, as the decoder was trained.

        several: left out, it follows the number of points: an ambiguous click gets three
        proposals.
        """
        count = xy.shape[1]
        if several is None:
            several = self._allows(count)
        if count == 0:
            xy = xy.new_zeros(len(xy), 1, 2)
            labels = labels.new_full((len(labels), 1), _NO_POINT)
        sparse, dense = self._net.prompt_encoder(
            input_points=xy[None].to(self._device),
            input_labels=labels[None].to(self._device),
            input_boxes=None,
            input_masks=None if masks is None else masks.float(),
        )
        dense = dense.to(self._dtype, memory_format=torch.channels_last)
        return EncodedPrompts(sparse[0].to(self._dtype), dense, several)

    def __call__(
        self,
        finest: tuple[Float[Tensor, "1 C0 h4 w4"], Float[Tensor, "1 C1 h8 w8"]],
        conditioned: Float[Tensor, "#O C h w"],
        prompts: EncodedPrompts,
    ) -> Decoded:
        """Masks of O objects; an absent object's logits are far below zero."""
        image = conditioned + prompts.dense
        made = self._masks(finest, image, prompts.sparse, prompts.several)
        present = made.score > 0
        proposed = Hypotheses(
            torch.where(present[:, :, None, None], made.logits, _ABSENT_LOGIT),
            made.quality.float(),
            self._pointers(made.tokens, present).expand(-1, made.quality.shape[1], -1),
        )
        first = Decoded(
            proposed.logits[:, 0],
            proposed.quality[:, 0],
            made.score[:, 0].float().sigmoid(),
            proposed.embedding[:, 0],
        )
        if made.quality.shape[1] == 1:
            return first
        return replace(first, alternatives=proposed).picked(proposed.quality.argmax(dim=1))

    def _pointers(
        self, tokens: Float[Tensor, "O K C"], present: Bool[Tensor, "O 1"]
    ) -> Float[Tensor, "O K P"]:
        """The objects' pointers; one learned pointer stands for every absent object."""
        made = self._net.object_pointer_proj(tokens)
        return torch.where(present[:, None], made, self._net.no_object_pointer)

    def _allows(self, points: int) -> bool:
        return self._several and self._fewest <= points <= self._most
