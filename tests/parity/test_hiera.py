"""SAM 2's image encoder as we run it against the transformers library's, and the parts it is
made of.
"""

import copy

import pytest
import torch
import torch.nn.functional as F

from tests.sam_models import SIDE, small_model
from vseg.models.sam2.attention import attend
from vseg.models.sam2.feed_forward import feed_forward
from vseg.models.sam2.hiera import HieraBackbone

pytestmark = pytest.mark.integration


@torch.inference_mode()
def test_the_same_maps_as_the_library() -> None:
    theirs = small_model("sam2").vision_encoder.backbone
    ours = HieraBackbone(copy.deepcopy(theirs))
    pixels = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    maps = theirs(pixels).intermediate_hidden_states
    assert len(maps) == 4
    for found, expected in zip(ours(pixels), maps, strict=True):
        scale = float(expected.abs().max())
        torch.testing.assert_close(
            found.permute(0, 2, 3, 1), expected, rtol=0, atol=1e-5 * scale
        )


@pytest.mark.parametrize("queries", [60, 1100])
def test_attention_in_one_product_and_in_chunks(queries: int) -> None:
    draw = torch.Generator().manual_seed(1)
    query = torch.randn(1, queries, 32, generator=draw)
    key = torch.randn(3, 700, 32, generator=draw)
    value = torch.randn(3, 700, 8, generator=draw)
    every = query.expand(3, -1, -1)
    expected = F.scaled_dot_product_attention(every, key, value, scale=1.0)
    torch.testing.assert_close(attend(query, key, value), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_feed_forward_by_pieces_is_the_same() -> None:
    torch.manual_seed(2)
    up = torch.nn.Linear(4, 4096)
    down = torch.nn.Linear(4096, 3)
    rows = torch.randn(2, 700, 4)
    found = feed_forward(rows, up, F.gelu, down)
    torch.testing.assert_close(found, down(F.gelu(up(rows))))
