"""SAM's mask decoder (arXiv:2304.02643, appendix A; arXiv:2408.00714, section 4), with the
library's weights.

Enters: a frame's features as conditioned for every object, prompts, its finest maps.  Leaves:
proposed masks with their predicted IoU, tokens and scores of presence.  What differs from the
library's module, exact up to rounding: the three maps that a layer makes of the image are one
product, what they make of its positions is a constant, and pixels stay rows from end to end,
so that nothing is transposed.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Proposed:
    """K masks of every one of O objects: logits, predicted IoU, tokens; and the logit of being
    there at all.
    """

    logits: Float[Tensor, "O K h4 w4"]
    quality: Float[Tensor, "O K"]
    tokens: Float[Tensor, "O K C"]
    score: Float[Tensor, "O 1"]


@dataclass(frozen=True, slots=True)
class _Image:
    """What one layer makes of the image's rows: `parts` maps side by side.

    placed: what the same makes of the rows' positions, with the bias.
    """

    weight: Float[Tensor, "E C"]
    placed: Float[Tensor, "N E"]
    parts: int

    def __call__(self, rows: Float[Tensor, "O N C"]) -> tuple[Tensor, ...]:
        return F.linear(rows, self.weight).add_(self.placed).chunk(self.parts, dim=-1)


class MaskDecoder:
    """The decoder of one network, whose module is on its device already; keeps nothing of any
    video.

    where: position codes of the image's cells.
    """

    @torch.no_grad()
    def __init__(self, theirs: Any, where: Float[Tensor, "1 C h w"]) -> None:
        self._net = theirs
        transformer = theirs.transformer
        rows = where[0].flatten(1).T
        self._layers = tuple(transformer.layers)
        # Keys and queries know their positions, values do not.
        self._images = tuple(
            _side(
                rows,
                (layer.cross_attn_token_to_image.k_proj, True),
                (layer.cross_attn_token_to_image.v_proj, False),
                (layer.cross_attn_image_to_token.q_proj, True),
            )
            for layer in self._layers
        )
        last = transformer.final_attn_token_to_image
        self._last = _side(rows, (last.k_proj, True), (last.v_proj, False))
        own = (theirs.obj_score_token, theirs.iou_token, theirs.mask_tokens)
        self._tokens = torch.cat([tokens.weight for tokens in own])
        for grow in (theirs.upscale_conv1, theirs.upscale_conv2):
            grow.to(memory_format=torch.channels_last)

    def __call__(
        self,
        finest: tuple[Float[Tensor, "1 C0 h4 w4"], Float[Tensor, "1 C1 h8 w8"]],
        image: Float[Tensor, "#O C h w"],
        sparse: Float[Tensor, "#O P C"],
        several: bool,
    ) -> Proposed:
        """Proposals of O objects.  image: as conditioned for every object, dense prompts
        included; one row of it, or of `sparse`, is shared by all.

        several: all masks but the first, which stands for an object that is clear.
        """
        objects = max(len(image), len(sparse))
        image = image.expand(objects, -1, -1, -1)
        own = self._tokens.expand(len(sparse), -1, -1)
        prompts = torch.cat([own, sparse], dim=1).expand(objects, -1, -1)
        tokens, rows = self._both_ways(prompts, image.flatten(2).transpose(1, 2))
        count = len(self._net.output_hypernetworks_mlps)
        masks = tokens[:, 2 : 2 + count]
        every = self._upscaled(finest, rows.transpose(1, 2).view_as(image), masks)
        quality = self._net.iou_prediction_head(tokens[:, 1])
        score = self._net.pred_obj_score_head(tokens[:, 0])
        if several:
            return Proposed(every[:, 1:], quality[:, 1:], masks[:, 1:], score)
        one = every[:, :1]
        its_quality = quality[:, :1]
        if self._net.dynamic_multimask_via_stability:
            choose = self._net._dynamic_multimask_via_stability
            chosen = choose(every[:, None], quality[:, None])
            one = chosen[0][:, 0]
            its_quality = chosen[1][:, 0]
        return Proposed(one, its_quality, masks[:, :1], score)

    def _both_ways(
        self, prompts: Float[Tensor, "O T C"], rows: Float[Tensor, "O N C"]
    ) -> tuple[Float[Tensor, "O T C"], Float[Tensor, "O N C"]]:
        """Tokens that have read the image, and the image's rows that have read them."""
        tokens = prompts
        for layer, image in zip(self._layers, self._images, strict=True):
            tokens = layer.layer_norm1(_among(layer, tokens, prompts))
            keys, values, queries = image(rows)
            cross = layer.cross_attn_token_to_image
            read = _heads(cross, cross.q_proj(tokens + prompts), keys, values)
            tokens = layer.layer_norm2(tokens + read)
            tokens = layer.layer_norm3(tokens + layer.mlp(tokens))
            cross = layer.cross_attn_image_to_token
            read = _heads(cross, queries, cross.k_proj(tokens + prompts), cross.v_proj(tokens))
            rows = layer.layer_norm4(read.add_(rows))
        last = self._net.transformer.final_attn_token_to_image
        read = _heads(last, last.q_proj(tokens + prompts), *self._last(rows))
        return self._net.transformer.layer_norm_final_attn(tokens + read), rows

    def _upscaled(
        self,
        finest: tuple[Float[Tensor, "1 C0 h4 w4"], Float[Tensor, "1 C1 h8 w8"]],
        image: Float[Tensor, "O C h w"],
        masks: Float[Tensor, "O K C"],
    ) -> Float[Tensor, "O K h4 w4"]:
        """Logits: a mask's token, made into weights, on the image at four times its
        size.
        """
        net = self._net
        four, eight = finest
        grown = net.activation(net.upscale_layer_norm(net.upscale_conv1(image).add_(eight)))
        grown = net.activation(net.upscale_conv2(grown).add_(four))
        makers = net.output_hypernetworks_mlps
        weights = torch.stack([make(masks[:, k]) for k, make in enumerate(makers)], dim=1)
        logits: Tensor = weights @ grown.flatten(2)
        return logits.view(*logits.shape[:2], *grown.shape[-2:])


def _among(layer: Any, tokens: Tensor, prompts: Tensor) -> Tensor:
    """Self-attention of the tokens; the first layer's has no residual, for its tokens are the
    prompts.
    """
    if layer.skip_first_layer_pe:
        query = tokens
        before = None
    else:
        query = tokens + prompts
        before = tokens
    mix = layer.self_attn
    read = _heads(mix, mix.q_proj(query), mix.k_proj(query), mix.v_proj(tokens))
    return read if before is None else before + read


def _heads(attention: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of several heads on rows that have been projected, and the projection after
    it.
    """
    heads = attention.num_attention_heads
    query, key, value = (
        x.view(*x.shape[:2], heads, -1).transpose(1, 2) for x in (query, key, value)
    )
    attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
    projected: Tensor = attention.o_proj(attended.flatten(2))
    return projected


def _side(rows: Float[Tensor, "N C"], *maps: tuple[Any, bool]) -> _Image:
    """Linear maps side by side, with whether they read the rows' positions."""
    weight = torch.cat([linear.weight for linear, _ in maps])
    placed = [
        F.linear(rows.float() * knows, linear.weight.float(), linear.bias.float())
        for linear, knows in maps
    ]
    return _Image(weight, torch.cat(placed, dim=1).to(weight.dtype), len(maps))
