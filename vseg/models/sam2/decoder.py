"""Prompt encoder and mask decoder of the SAM 2 family: features in, masks of all objects out
in one batch.

The prompt encoder is the transformers library's, the decoder `vseg.models.sam2.masks`; every
object shares the frame's finest maps, and of several proposed masks the one of the best
predicted IoU is taken; the others stay at hand.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vseg.models.sam2.masks import MaskDecoder
from vseg.tensors import Decoded, Hypotheses

_ABSENT_LOGIT = -1024.0


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """Prompts as the decoder reads them, and whether it shall propose several masks."""

    sparse: Float[Tensor, "1 1 P C"]
    dense: Float[Tensor, "1 C h w"]
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
        self._fewest, self._most = (
            int(config.multimask_min_pt_num),
            int(config.multimask_max_pt_num),
        )
        several = config.multimask_output_for_tracking and self._allows(0)
        self.unsaid = self.say(
            torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), None, several
        )

    @torch.no_grad()
    def say(
        self,
        xy: Float[Tensor, "N 2"],
        labels: Int[Tensor, " N"],
        mask: Float[Tensor, "1 1 h4 w4"] | None,
        several: bool | None = None,
    ) -> EncodedPrompt:
        """Prompts of one object; no points are one empty point, as the decoder was trained.

        several: left out, it follows the number of points: an ambiguous click gets three
        proposals.
        """
        if len(xy) == 0:
            points = torch.zeros(1, 2)
            marks = torch.tensor([-1])
        else:
            points = xy
            marks = labels
        sparse, dense = self._net.prompt_encoder(
            input_points=points[None, None].to(self._device),
            input_labels=marks[None, None].to(self._device),
            input_boxes=None,
            input_masks=None if mask is None else mask.float(),
        )
        if several is None:
            several = self._allows(len(xy))
        dense = dense.to(self._dtype, memory_format=torch.channels_last)
        return EncodedPrompt(sparse.to(self._dtype), dense, several)

    def __call__(
        self,
        finest: tuple[Float[Tensor, "1 C0 h4 w4"], Float[Tensor, "1 C1 h8 w8"]],
        seen: Float[Tensor, "O C h w"],
        said: EncodedPrompt,
    ) -> Decoded:
        """Masks of O objects with the same prompts; an absent object's logits are far below
        zero.
        """
        made = self._masks(finest, seen + said.dense, said.sparse, said.several)
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
