"""Our memory attention against the transformers library's, on random weights."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from tests.sam_models import FAMILY, small_model
from vseg.errors import WeightsMismatch
from vseg.models.sam2.memory_attention import AttentionPlan, MemoryAttention, Recalled

pytestmark = pytest.mark.integration

CELLS = 64
WIDTH = 128
THIN = 64
AGES = 7


def plan_of(model: PreTrainedModel) -> AttentionPlan:
    edge = hasattr(model, "spatial_perceiver")
    return AttentionPlan(2, (8, 8), (4, 4) if edge else (8, 8), 8 if edge else 0, 10_000.0)


def tokens_of(plan: AttentionPlan) -> int:
    return plan.plain + plan.memory_wh[0] * plan.memory_wh[1]


def recalled(ours: MemoryAttention, tokens: int, ages: tuple[int, ...], seed: int) -> Recalled:
    draw = torch.Generator().manual_seed(seed)
    cells = torch.randn(len(ages), tokens, THIN, generator=draw)
    pointers, positions = torch.randn(2, 6, THIN, generator=draw)
    return Recalled(ages, tuple(ours.keys(cells)), tuple(cells), pointers, positions)


@torch.no_grad()
def theirs(
    model: PreTrainedModel, frame: Tensor, spatial: Tensor, temporal: Tensor, seen: Recalled
) -> Tensor:
    """The library's module on the same memory, put together as its own predictor does."""
    placed = torch.cat([spatial + temporal[age - 1] for age in seen.ages])
    extra: dict[str, Any] = {}
    if hasattr(model, "spatial_perceiver"):
        extra["num_spatial_memory_tokens"] = len(seen.ages)
    out = model.memory_attention(
        current_vision_features=frame[:, None],
        current_vision_position_embeddings=None,
        memory=torch.cat([*seen.cells, seen.tokens])[:, None],
        memory_posision_embeddings=torch.cat([placed, seen.positions])[:, None],
        num_object_pointer_tokens=len(seen.tokens),
        **extra,
    )
    return out.reshape(CELLS, WIDTH)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", FAMILY)
@torch.no_grad()
def test_same_features_as_the_library(kind: str) -> None:
    model = small_model(kind)
    plan = plan_of(model)
    torch.manual_seed(1)
    spatial = torch.randn(tokens_of(plan), THIN)
    temporal = torch.randn(AGES, THIN)
    state = model.memory_attention.state_dict()
    ours = MemoryAttention(state, plan, spatial=spatial, temporal=temporal)
    frame = torch.randn(CELLS, WIDTH)
    layouts = [(0, 6, 5, 4, 3, 2, 1), (0,), (0, 0, 3, 1)]
    seen = [recalled(ours, tokens_of(plan), ages, k) for k, ages in enumerate(layouts)]
    together = ours(frame, seen)
    for row, each in enumerate(seen):
        expected = theirs(model, frame, spatial, temporal, each)
        torch.testing.assert_close(together[row], expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(ours(frame, [each])[0], together[row], atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_an_object_without_pointers_reads_its_memories() -> None:
    model = small_model("sam2")
    spatial = torch.randn(CELLS, THIN)
    temporal = torch.randn(AGES, THIN)
    state = model.memory_attention.state_dict()
    ours = MemoryAttention(state, plan_of(model), spatial=spatial, temporal=temporal)
    frame = torch.randn(CELLS, WIDTH)
    none = torch.zeros(0, THIN)
    seen = replace(recalled(ours, CELLS, (0, 1), 0), tokens=none, positions=none)
    expected = theirs(model, frame, spatial, temporal, seen)
    torch.testing.assert_close(ours(frame, [seen])[0], expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_bf16_stays_close() -> None:
    model = small_model("sam2")
    spatial = torch.randn(CELLS, THIN)
    temporal = torch.randn(AGES, THIN)
    state = model.memory_attention.state_dict()
    plan = plan_of(model)
    exact = MemoryAttention(state, plan, spatial=spatial, temporal=temporal)
    coarse = MemoryAttention(state, plan, spatial=spatial, temporal=temporal)
    coarse.to(torch.device("cpu"), torch.bfloat16)
    frame = torch.randn(CELLS, WIDTH)
    seen = recalled(exact, CELLS, (0, 2, 1), 0)
    half = Recalled(
        seen.ages,
        tuple(coarse.keys(torch.stack(seen.cells).bfloat16())),
        tuple(cells.bfloat16() for cells in seen.cells),
        seen.tokens.bfloat16(),
        seen.positions.bfloat16(),
    )
    one = exact(frame, [seen])
    two = coarse(frame.bfloat16(), [half]).float()
    assert (one - two).norm() / one.norm() < 0.03


def test_the_weights_must_be_the_modules_own() -> None:
    model = small_model("sam2")
    spatial = torch.zeros(CELLS, THIN)
    temporal = torch.zeros(AGES, THIN)
    state = model.memory_attention.state_dict()
    plan = plan_of(model)
    missing = {k: v for k, v in state.items() if k != "layers.1.linear2.bias"}
    with pytest.raises(WeightsMismatch, match=r"no 'layers\.1\.linear2\.bias'"):
        MemoryAttention(missing, plan, spatial=spatial, temporal=temporal)
    with pytest.raises(WeightsMismatch, match=r"hold 'layers\.1\..* and 25 more"):
        MemoryAttention(state, replace(plan, layers=1), spatial=spatial, temporal=temporal)
