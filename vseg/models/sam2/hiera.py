"""Hiera (arXiv:2306.00989), SAM 2's image encoder: the transformers library's, faster in three
places.

Enters: pixels.  Leaves: maps of strides 4, 8, 16 and 32.  Weights and windows are the
library's.  What differs, exact up to rounding: attention by `vseg.models.sam2.attention` (the
library's also computes scores that it throws away), feed-forward by pieces of rows, and
position codes made once.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vseg.models.sam2.attention import attend
from vseg.models.sam2.feed_forward import feed_forward


class HieraBackbone(nn.Module):
    """The library's Hiera as a backbone of four strides; takes its modules over."""

    where: Tensor

    @torch.no_grad()
    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.patches = backbone.patch_embed
        self.blocks = backbone.blocks
        self.ends = frozenset(backbone.stage_ends)
        stride = backbone.config.patch_stride
        cells = [
            side // step for side, step in zip(backbone.config.image_size, stride, strict=True)
        ]
        self.register_buffer("where", backbone._get_pos_embed(tuple(cells))[0])
        for block in self.blocks:
            block.attn = _Attention(block.attn)
            block.mlp = _FeedForward(block.mlp)

    def forward(self, pixels: Float[Tensor, "B 3 s s"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Maps of strides 4, 8, 16 and 32."""
        maps = []
        x = self.patches(pixels) + self.where
        for k, block in enumerate(self.blocks):
            x = block(x)
            if k in self.ends:
                maps.append(x.permute(0, 3, 1, 2))
        return maps


class _Attention(nn.Module):
    """Attention of several heads inside each window; some blocks keep fewer queries than
    keys.
    """

    @torch.no_grad()
    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.qkv = theirs.qkv
        self.proj = theirs.proj
        self.stride = theirs.query_stride
        self.heads = int(theirs.num_attention_heads)
        queries = self.qkv.out_features // 3
        self.qkv.weight[:queries] *= theirs.scale
        self.qkv.bias[:queries] *= theirs.scale

    def forward(self, hidden_states: Float[Tensor, "W h w D"]) -> Float[Tensor, "W h2 w2 E"]:
        windows, height, width, _ = hidden_states.shape
        query, key, value = self.qkv(hidden_states).chunk(3, dim=-1)
        if self.stride:
            across = query.permute(0, 3, 1, 2)
            query = F.max_pool2d(across, self.stride, self.stride).permute(0, 2, 3, 1)
            height, width = query.shape[1:3]
        seen = attend(self._by_head(query), self._by_head(key), self._by_head(value))
        joined = seen.view(windows, self.heads, height * width, -1).transpose(1, 2)
        return self.proj(joined.reshape(windows, height, width, -1))  # type: ignore[no-any-return]

    def _by_head(self, rows: Float[Tensor, "W h w D"]) -> Float[Tensor, "B N K"]:
        windows, height, width, _ = rows.shape
        parts = rows.reshape(windows, height * width, self.heads, -1)
        return parts.transpose(1, 2).flatten(0, 1)


class _FeedForward(nn.Module):
    """Two linear maps with a GELU between."""

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.up = theirs.proj_in
        self.down = theirs.proj_out
        self.act = theirs.activation

    def forward(self, x: Float[Tensor, "B h w D"]) -> Float[Tensor, "B h w D"]:
        return feed_forward(x, self.up, self.act, self.down)
