"""EdgeTAM's encoder against timm's RepViT-M1, by arrays that timm made once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.golden.make_repvit import GOLDEN, drawn, image
from vseg.errors import WeightsMismatch
from vseg.models.sam2.repvit import RepVit

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    with np.load(GOLDEN) as golden:
        lines = str(golden["names"]).splitlines()
    shapes = []
    for line in lines:
        name, _, sizes = line.partition(" ")
        shapes.append((name, tuple(int(size) for size in sizes.split(",") if size)))
    return {name: torch.from_numpy(value) for name, value in drawn(shapes).items()}


@torch.no_grad()
def test_the_folded_encoder_makes_timms_maps(state: dict[str, Tensor]) -> None:
    maps = RepVit(state).eval()(torch.from_numpy(image()))
    with np.load(GOLDEN) as golden:
        for k, found in enumerate(maps):
            expected = golden[f"map{k}"]
            scale = float(np.abs(expected).max())
            np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-4 * scale)


def test_names_inside_the_librarys_wrapper_are_known(state: dict[str, Tensor]) -> None:
    wrapped = {f"timm_model.{name}": tensor for name, tensor in state.items()}
    assert len(list(RepVit(wrapped).parameters())) == len(list(RepVit(state).parameters()))


def test_a_tensor_missing_or_left_over_is_named(state: dict[str, Tensor]) -> None:
    name = "stages_2.blocks.3.channel_mixer.conv1.bn.running_var"
    with pytest.raises(WeightsMismatch, match=r"no 'stages_2\.blocks\.3"):
        RepVit({k: v for k, v in state.items() if k != name})
    with pytest.raises(WeightsMismatch, match=r"'head\.weight'"):
        RepVit(state | {"head.weight": torch.zeros(1)})
    with pytest.raises(WeightsMismatch, match=r"is \(1,\), not"):
        RepVit(state | {name: torch.zeros(1)})


def test_the_golden_file_is_small() -> None:
    assert Path(GOLDEN).stat().st_size < 200_000
