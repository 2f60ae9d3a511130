"""The whole recipe on a handful of pictures: from a zip and a teacher to a weights file that loads."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vseg.errors import BadDataset
from vseg.nets.nano import load_nano
from vseg.training.config import (
    DistillStageConfig,
    NanoRecipe,
    Optimisation,
    PropagateStageConfig,
    ViewConfig,
)
from vseg.training.recipe import TrainingFiles, train_nano


class Teacher(torch.nn.Module):
    """Three strided convolutions in the place of a large encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = torch.nn.ModuleList(torch.nn.Conv2d(3, 4, s, s) for s in (4, 8, 16))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [level(x) for level in self.levels]


@pytest.fixture
def files(tmp_path: Path) -> TrainingFiles:
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        for stem in [*(f"video/a/{t:05d}" for t in range(5)), "still/s/1", "still/s/2"]:
            mask = np.zeros((96, 128), np.uint8)
            cv2.circle(mask, (60, 48), 20, 1, -1)
            image = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
            archive.writestr(f"{stem}.webp", cv2.imencode(".webp", image)[1].tobytes())
            archive.writestr(f"{stem}.png", cv2.imencode(".png", mask)[1].tobytes())
    traced = torch.jit.trace(Teacher(), torch.zeros(1, 3, 64, 64), strict=False)  # type: ignore[no-untyped-call]
    traced.save(tmp_path / "t.ts")
    return TrainingFiles((tmp_path / "pack.zip",), tmp_path / "t.ts", tmp_path / "out")


def recipe(held_out: tuple[str, ...] = ()) -> NanoRecipe:
    steps = Optimisation(steps=2, rate=1e-3, warmup_steps=1, report_every=1, bf16=False)
    view = ViewConfig(batch=1, side=64, length=2)
    return NanoRecipe(
        distill=DistillStageConfig(optimisation=steps, batch=2, crop=64, scales=(1.0,)),
        propagate=(
            PropagateStageConfig(name="frozen", optimisation=steps, views=(view,), max_gap=1),
            PropagateStageConfig(
                name="whole",
                optimisation=steps,
                views=(view,),
                max_gap=1,
                encoder_rate=0.3,
            ),
        ),
        held_out=held_out,
    )


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*TorchScript.*:DeprecationWarning")
def test_a_recipe_ends_in_weights_and_a_second_call_trains_nothing(files: TrainingFiles) -> None:
    seen: list[str] = []
    weights = train_nano(recipe(), files, lambda stage, _: seen.append(stage), lambda *_: None)
    assert seen == ["distill"] * 2 + ["frozen"] * 2 + ["whole"] * 2
    load_nano(weights, dtype="float32", short_side=64)
    first = load_file(weights)
    again = train_nano(recipe(), files, lambda stage, _: seen.append(stage), lambda *_: None)
    assert len(seen) == 6 and all(torch.equal(v, first[k]) for k, v in load_file(again).items())


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*TorchScript.*:DeprecationWarning")
def test_an_unknown_held_out_clip_is_named(files: TrainingFiles) -> None:
    with pytest.raises(BadDataset, match="video/zebra"):
        train_nano(recipe(("zebra",)), files, lambda *_: None, lambda *_: None)
