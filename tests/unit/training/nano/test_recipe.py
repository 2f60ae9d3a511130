"""The whole recipe on a handful of images: from a zip and a teacher to a weights file that
loads.
"""

import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.nano_weights import save_random
from tests.teacher_models import torchscript
from vseg.errors import BadDataset, UsageError, WeightsMismatch, WeightsMissing
from vseg.models.nano.load import load_nano
from vseg.training.config import (
    AugmentationConfig,
    ClickStageConfig,
    DistillStageConfig,
    NanoRecipe,
    Optimisation,
    PropagateStageConfig,
    SequenceShape,
)
from vseg.training.nano.recipe import TrainingProgress, train_nano
from vseg.training.nano.stage_runs import TrainingFiles

pytestmark = pytest.mark.integration


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
    torchscript(tmp_path / "t.ts")
    return TrainingFiles((tmp_path / "pack.zip",), tmp_path / "out", str(tmp_path / "t.ts"))


QUIET = TrainingProgress(lambda *_: None, lambda *_: None, lambda *_: None)


def recipe(held_out: tuple[str, ...] = ()) -> NanoRecipe:
    steps = Optimisation(steps=2, rate=1e-3, warmup_steps=1, report_every=1, dtype="float32")
    view = SequenceShape(batch=1, side=64, length=2)
    return NanoRecipe(
        distill=DistillStageConfig(optimisation=steps, batch=2, crop=64, scales=(1.0,)),
        propagate=(
            PropagateStageConfig(name="frozen", optimisation=steps, shapes=(view,), max_gap=1),
            PropagateStageConfig(
                name="whole",
                optimisation=steps,
                shapes=(view,),
                max_gap=1,
                encoder_rate=0.3,
            ),
        ),
        clicks=ClickStageConfig(
            optimisation=steps,
            shapes=(view,),
            max_gap=1,
            p_tracked=0.5,
            augmentation=AugmentationConfig(p_crowd=1.0),
        ),
        held_out=held_out,
    )


def test_a_recipe_ends_in_weights_and_a_second_call_trains_nothing(
    files: TrainingFiles,
) -> None:
    seen: list[str] = []
    progress = TrainingProgress(
        lambda *_: None, lambda stage, _: seen.append(stage), lambda *_: None
    )
    weights = train_nano(recipe(), files, progress)
    assert seen == ["distill"] * 2 + ["frozen"] * 2 + ["whole"] * 2 + ["clicks"] * 2
    load_nano(weights, dtype="float32", short_side=64)
    first = load_file(weights)
    again = train_nano(recipe(), replace(files, teacher=None), progress)
    assert len(seen) == 8 and all(
        torch.equal(v, first[k]) for k, v in load_file(again).items()
    )


def test_stage_by_stage_ends_where_the_whole_recipe_does(files: TrainingFiles) -> None:
    whole = load_file(train_nano(recipe(), files, QUIET))
    alone = replace(files, out=files.out.with_name("alone"))
    with pytest.raises(WeightsMissing, match="run --stage distill first"):
        train_nano(recipe(), alone, QUIET, "frozen")
    assert train_nano(recipe(), alone, QUIET, "distill") == alone.start
    with pytest.raises(WeightsMissing, match="run --stage frozen first"):
        train_nano(recipe(), alone, QUIET, "whole")
    train_nano(recipe(), alone, QUIET, "frozen")
    last = train_nano(recipe(), alone, QUIET, "whole")
    assert last.name == "whole.safetensors"
    alone_whole = load_file(last)
    for name, value in alone_whole.items():
        if not name.startswith("prompt"):
            torch.testing.assert_close(value, whole[name], msg=name)
    with pytest.raises(UsageError, match="stages: distill, frozen, whole"):
        train_nano(recipe(), alone, QUIET, "hole")


def test_training_starts_from_an_encoder_that_was_distilled(files: TrainingFiles) -> None:
    encoder = train_nano(recipe(), files, QUIET, "distill")
    given = replace(files, out=files.out.with_name("given"), teacher=None, encoder=encoder)
    seen: list[str] = []
    heard = TrainingProgress(
        lambda *_: None, lambda stage, _: seen.append(stage), lambda *_: None
    )
    weights = load_file(train_nano(recipe(), given, heard, "frozen"))
    assert set(seen) == {"frozen"}
    for name, value in load_file(encoder).items():
        torch.testing.assert_close(weights[name].float(), value.float(), rtol=1e-3, atol=1e-3)
    other = given.out.with_name("other.safetensors")
    save_file({k: v + 1 for k, v in load_file(encoder).items()}, other)
    with pytest.raises(WeightsMismatch, match="another encoder"):
        train_nano(recipe(), replace(given, encoder=other), QUIET, "frozen")
    with pytest.raises(UsageError, match="--teacher"):
        bare = replace(given, out=given.out.with_name("bare"), encoder=None)
        train_nano(recipe(), bare, QUIET)


def test_an_unknown_held_out_clip_is_named(files: TrainingFiles) -> None:
    with pytest.raises(BadDataset, match="video/zebra"):
        train_nano(recipe(("zebra",)), files, QUIET, "frozen")


def test_clicks_are_learned_from_any_weights_and_change_nothing_that_tracks(
    files: TrainingFiles, tmp_path: Path
) -> None:
    start = tmp_path / "start.safetensors"
    save_random(start, 3)
    with pytest.raises(WeightsMissing, match="--weights FILE"):
        train_nano(recipe(), files, QUIET, "clicks")
    given = replace(files, weights=start)
    learned = load_file(train_nano(recipe(), given, QUIET, "clicks"))
    before = load_file(start)
    changed = {k.split(".")[0] for k, v in learned.items() if not torch.equal(v, before[k])}
    assert changed == {"prompt", "prompted"}
    other = replace(given, out=tmp_path / "again")
    again = load_file(train_nano(recipe(), other, QUIET, "clicks"))
    assert all(torch.equal(v, again[k]) for k, v in learned.items())


def test_propagation_starts_from_any_weights(files: TrainingFiles, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_random(start, 3)
    given = replace(files, teacher=None, weights=start)
    seen: list[str] = []
    heard = TrainingProgress(
        lambda *_: None, lambda stage, _: seen.append(stage), lambda *_: None
    )
    whole = load_file(train_nano(recipe(), given, heard))
    assert list(dict.fromkeys(seen)) == ["frozen", "whole", "clicks"]
    frozen = replace(given, out=tmp_path / "frozen")
    learned = load_file(train_nano(recipe(), frozen, QUIET, "frozen"))
    before = load_file(start)
    changed = {k.split(".")[0] for k, v in learned.items() if not torch.equal(v, before[k])}
    assert "encoder" not in changed and {"decoder", "prompted", "prompt"} <= changed
    assert any(not torch.equal(v, whole[k]) for k, v in learned.items())
    kept = recipe()
    kept = kept.model_copy(update={"clicks": kept.clicks.model_copy(update={"kept": 1.0})})
    unchanged = load_file(train_nano(kept, given, QUIET))
    assert all(torch.equal(unchanged[k], v) for k, v in before.items() if v.ndim)
