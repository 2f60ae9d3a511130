"""Every kind of teacher gives features that lie on nano's cells; what cannot teach says
why.
"""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests import teacher_models
from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.models.nano.encoder import MEAN, STD
from vseg.training.distill.teachers import Teacher, open_teacher

pytestmark = pytest.mark.integration

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teachers")
    teacher_models.torchscript(folder / "strided.ts")
    teacher_models.exported(folder / "strided.pt2")
    for make in (
        teacher_models.dinov2,
        teacher_models.vit,
        teacher_models.convnext,
        teacher_models.dinov3,
        teacher_models.dinov3_convnext,
        teacher_models.sam2,
    ):
        make(folder / make.__name__)
    return folder


def opened(path: Path) -> Teacher:
    return open_teacher(str(path), CPU, torch.float32)


def noise(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 255, (2, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    ("name", "strides", "channels"),
    [
        ("strided.ts", (8, 16), (4, 4)),
        ("strided.pt2", (8, 16), (4, 4)),
        ("dinov2", (14, 14), (16, 16)),
        ("vit", (16, 16), (16, 16)),
        ("convnext", (8, 16), (6, 8)),
        ("dinov3", (16, 16), (16, 16)),
        ("dinov3_convnext", (8, 16), (6, 8)),
        ("sam2", (8, 16), (16, 16)),
    ],
)
def test_features_lie_on_the_cells_they_see(
    models: Path, name: str, strides: tuple[int, int], channels: tuple[int, int]
) -> None:
    teacher = opened(models / name)
    assert (teacher.native_strides, teacher.channels) == (strides, channels)
    assert len(teacher.sha256) == 64
    before = noise(112, 176)
    after = noise(112, 176)
    after[:, :, 32:48, 112:128] = 255 - after[:, :, 32:48, 112:128]  # one cell of stride 16
    for stride, old, new in zip((8, 16), teacher(before), teacher(after), strict=True):
        assert old.shape[2:] == (112 // stride, 176 // stride)
        change = (new - old).norm(dim=1)[0]
        # Deep features reach far, and stride-32 sides are rounded up: the middle of the change
        # it is.
        y, x = divmod(int(change.argmax()), change.shape[1])
        assert abs((y + 0.5) * stride - 40) <= 16 and abs((x + 0.5) * stride - 120) <= 16


def test_a_module_of_the_right_strides_is_passed_through(tmp_path: Path) -> None:
    model = teacher_models.torchscript(tmp_path / "t.pt")
    image = noise(64, 96)
    normal = (image.float() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(
        3, 1, 1
    )
    wanted = model(normal)
    for feature, level in zip(opened(tmp_path / "t.pt")(image), wanted[1:], strict=True):
        torch.testing.assert_close(feature, level, rtol=1e-4, atol=1e-4)


def test_the_preprocessor_says_how_to_normalise(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "vit"
    folder.mkdir()
    for file in (models / "vit").iterdir():
        os.link(file, folder / file.name)
    note = folder / "preprocessor_config.json"
    note.write_text(json.dumps({"image_mean": list(MEAN), "image_std": list(STD)}))
    image = noise(64, 64)
    usual = opened(models / "vit")(image)[1]
    torch.testing.assert_close(opened(folder)(image)[1], usual)
    note.write_text(json.dumps({"do_normalize": False}))
    assert not torch.allclose(opened(folder)(image)[1], usual, atol=1e-2)
    note.write_text(json.dumps({"image_mean": 0.5}))
    with pytest.raises(WeightsMismatch, match="three numbers"):
        opened(folder)


def test_a_folder_without_some_weights_is_refused(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    folder.mkdir()
    (folder / "config.json").write_bytes((models / "convnext" / "config.json").read_bytes())
    with pytest.raises(WeightsMissing, match="holds no transformers model"):
        opened(folder)
    state = load_file(models / "convnext" / "model.safetensors")
    gone = next(name for name in state if "stages" in name)
    del state[gone]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsMismatch, match="lacks 1 weights"):
        opened(folder)
    (folder / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(WeightsMismatch, match="not a model that transformers can load"):
        opened(folder)


def test_a_model_that_gives_no_maps_is_refused(tmp_path: Path) -> None:
    teacher_models.exported(tmp_path / "fixed.pt2", dynamic=False)
    with pytest.raises(WeightsMismatch, match="fails on 1 images of 224x224"):
        opened(tmp_path / "fixed.pt2")
    flat = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 16, 16), torch.nn.Flatten())
    program = torch.export.export(flat, (torch.zeros(1, 3, 224, 224),))
    torch.export.save(program, tmp_path / "flat.pt2")
    with pytest.raises(WeightsMismatch, match="returns no feature maps"):
        opened(tmp_path / "flat.pt2")


@pytest.mark.filterwarnings("ignore:.*invalid.*:UserWarning")
def test_what_is_no_teacher_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("broken.ts", "broken.pt2", "weights.bin"):
        (tmp_path / name).write_bytes(b"no module")
        with pytest.raises(WeightsMismatch, match=name):
            opened(tmp_path / name)
    with pytest.raises(WeightsMissing, match=r"no teacher at .*gone\.ts"):
        opened(tmp_path / "gone.ts")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsMissing, match="no file or folder here") as caught:
        open_teacher("someone/some-model", CPU, torch.float32)
    assert "hf download someone/some-model" in str(caught.value)
    with pytest.raises(WeightsMissing, match="no teacher at"):
        open_teacher("a/folder/that/is/not/here", CPU, torch.float32)
