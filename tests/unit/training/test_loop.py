"""Training data are exact and repeatable; an interrupted run continues as if nothing had
happened.
"""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vseg.checked_settings import load_toml
from vseg.errors import BadDataset, WeightsMismatch
from vseg.models.nano.network import NanoNet
from vseg.training.config import NanoRecipe, Optimisation
from vseg.training.data.dataset_zip import TrainingDataset, load_dataset
from vseg.training.data.sequences import SequenceOptions, Sequences
from vseg.training.data.unlabelled import zipped_images
from vseg.training.distill.feature_cache import fill, lay_out, mapped
from vseg.training.distill.stage import DistillStage, Student
from vseg.training.loop import Report, train
from vseg.training.nano.propagate import PropagateOptions, PropagateStage

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TrainingDataset:
    path = tmp_path_factory.mktemp("pack") / "pack.zip"
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for clip, frames in (
            ("video/a", 6),
            ("video/b", 4),
            ("still/s/1", 1),
            ("still/s/2", 1),
        ):
            for t in range(frames):
                stem = f"{clip}/{t:05d}" if clip.startswith("video") else clip
                image = rng.integers(0, 120, (96, 128, 3), dtype=np.uint8)
                mask = np.zeros((96, 128), np.uint8)
                cv2.circle(mask, (50 + 3 * t, 48), 20, 1, -1)
                image[mask > 0] += 120
                archive.writestr(f"{stem}.webp", cv2.imencode(".webp", image)[1].tobytes())
                archive.writestr(f"{stem}.png", cv2.imencode(".png", mask)[1].tobytes())
    return load_dataset(path)


def test_a_dataset_is_read_whole(dataset: TrainingDataset) -> None:
    assert [(c.name, len(c.images)) for c in dataset.videos] == [
        ("video/a", 6),
        ("video/b", 4),
    ]
    assert [c.name for c in dataset.stills] == ["still/s/1", "still/s/2"]


def test_an_image_without_a_mask_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("still/s/1.webp", b"x")
    with pytest.raises(BadDataset, match=r"still/s/1\.webp has no mask"):
        load_dataset(path)
    with pytest.raises(BadDataset, match="no dataset zip at"):
        load_dataset(tmp_path / "gone.zip")
    path.write_bytes(b"no zip")
    with pytest.raises(BadDataset, match="not a zip file"):
        load_dataset(path)


def test_sequences_repeat_and_show_the_object_first(dataset: TrainingDataset) -> None:
    sequences = Sequences(dataset)
    recipe = SequenceOptions(side=64, length=3, max_gap=2, p_video=0.5)
    for seed in range(10):
        one = sequences.draw(np.random.default_rng(seed), recipe)
        two = sequences.draw(np.random.default_rng(seed), recipe)
        np.testing.assert_array_equal(one.images, two.images)
        np.testing.assert_array_equal(one.masks, two.masks)
        assert one.images.shape == (3, 64, 64, 3)
        assert one.masks[:, 0].any(axis=(1, 2)).all()


def test_the_recipes_are_complete() -> None:
    folder = Path(__file__).resolve().parents[3] / "configs"
    for name in ("nano.toml", "nano-gpu.toml"):
        recipe = load_toml(folder / name, NanoRecipe)
        assert len(recipe.held_out) == 4 and recipe.propagate[-1].fixed_norms


def stage(dataset: TrainingDataset, seed: int = 0) -> PropagateStage:
    torch.manual_seed(seed)
    options = PropagateOptions(
        ((1, SequenceOptions(side=64, length=3, max_gap=2, p_video=0.5)),), 0.2
    )
    return PropagateStage(NanoNet(), Sequences(dataset), options)


def settings(steps: int) -> Optimisation:
    return Optimisation(
        steps=steps, rate=1e-3, warmup_steps=1, report_every=1, dtype="float32"
    )


def test_a_resumed_run_ends_with_the_same_weights(
    dataset: TrainingDataset, tmp_path: Path
) -> None:
    whole = stage(dataset)
    parts = stage(dataset)
    train(whole, settings(4), tmp_path / "whole.pt", lambda report: None)

    def stop_at_two(report: Report) -> None:
        if report.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(parts, settings(4), tmp_path / "parts.pt", stop_at_two)
    resumed = stage(dataset, seed=9)
    train(resumed, settings(4), tmp_path / "parts.pt", lambda report: None)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(resumed.network.state_dict()[name], value, msg=name)


def test_processes_make_the_batches_that_threads_make(
    dataset: TrainingDataset, tmp_path: Path
) -> None:
    threads: list[Report] = []
    processes: list[Report] = []
    train(stage(dataset), settings(3), tmp_path / "t.pt", threads.append)
    several = settings(3).model_copy(update={"workers": 2, "processes": True})
    train(stage(dataset), several, tmp_path / "p.pt", processes.append)
    for one, other in zip(threads, processes, strict=True):
        assert one.means == pytest.approx(other.means, rel=1e-4)


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_used_where_the_processor_multiplies_it(
    dataset: TrainingDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    trained = stage(dataset)
    seen = list[bool]()

    def loss(
        batch: object, device: torch.device
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        seen.append(torch.is_autocast_enabled("cpu"))
        return torch.stack([p.sum() for p in trained.network.parameters()]).sum(), {}

    monkeypatch.setattr(trained, "loss", loss)
    auto = settings(1).model_copy(update={"dtype": "auto"})
    train(trained, auto, tmp_path / "x.pt", lambda report: None)
    assert seen == [native]


def test_numbers_are_as_before_after_training(
    dataset: TrainingDataset, tmp_path: Path
) -> None:
    train(stage(dataset), settings(1), tmp_path / "x.pt", lambda report: None)
    smallest = torch.tensor(5e-324, dtype=torch.float64)
    assert (smallest * 1).item() > 0, "denormal numbers are still flushed"


def test_a_checkpoint_of_another_network_is_refused(
    dataset: TrainingDataset, tmp_path: Path
) -> None:
    torch.save({"network": {}, "optimiser": {}, "schedule": {}, "step": 1}, tmp_path / "x.pt")
    with pytest.raises(WeightsMismatch, match="another network"):
        train(stage(dataset), settings(2), tmp_path / "x.pt", lambda report: None)
    (tmp_path / "x.pt").write_bytes(b"cut short")
    with pytest.raises(WeightsMismatch, match="not a readable checkpoint"):
        train(stage(dataset), settings(2), tmp_path / "x.pt", lambda report: None)


def test_distillation_learns_the_teacher(dataset: TrainingDataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    bank = [torch.nn.Conv2d(3, c, s, s).requires_grad_(False) for c, s in ((5, 8), (6, 16))]
    clips = zipped_images([TrainingDataset(dataset.videos, ())], 1)
    layout = lay_out(clips, (1.0,), (5, 6), 64)

    def look(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fine, coarse = (level(images / 255) for level in bank)
        return fine, coarse

    fill(tmp_path / "f.bin", clips, layout, look, 1, lambda done, total: None)
    examples = mapped(tmp_path / "f.bin", layout, torch.device("cpu"))
    assert len(examples) == 10 and examples[0].features[1].shape == (6, 6, 8)
    reports: list[Report] = []
    stage = DistillStage(Student((5, 6)), examples, 4, 64)
    train(stage, settings(12), tmp_path / "d.pt", reports.append)
    assert np.mean([r.means["loss"] for r in reports[-3:]]) < 0.9 * reports[0].means["loss"]
