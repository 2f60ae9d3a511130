"""What training reads may be damaged in any way: one typed error, or it is made anew."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from vseg.errors import (
    BadConfig,
    BadDataset,
    ModelError,
    UsageError,
    WeightsMismatch,
    WeightsMissing,
)
from vseg.training.config import Optimisation, PropagateStageConfig, SequenceShape
from vseg.training.data.dataset_zip import load_dataset
from vseg.training.data.unlabelled import UnlabelledImages
from vseg.training.distill.feature_cache import fill, lay_out
from vseg.training.loop import load_checkpoint, train

IMAGE = np.full((16, 16, 3), 90, np.uint8)


def png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def pack(path: Path, image: bytes, mask: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("still/a/0.webp", image)
        archive.writestr("still/a/0.png", mask)
    return path


@pytest.mark.parametrize(
    ("image", "mask", "why"),
    [
        (b"", png(IMAGE[..., 0]), "0.webp cannot be decoded"),
        (b"RIFF", png(IMAGE[..., 0]), "0.webp cannot be decoded"),
        (png(IMAGE), b"", "0.png cannot be decoded"),
        (png(IMAGE), png(IMAGE[..., 0].astype(np.uint16)), "0.png has values of uint16"),
        (png(IMAGE), png(IMAGE), "image .* but mask"),
    ],
)
def test_images_of_a_damaged_zip(tmp_path: Path, image: bytes, mask: bytes, why: str) -> None:
    with pytest.raises(BadDataset, match=why):
        load_dataset(pack(tmp_path / "d.zip", image, mask))


def test_a_torn_zip(tmp_path: Path) -> None:
    whole = pack(tmp_path / "d.zip", png(IMAGE), png(IMAGE[..., 0])).read_bytes()
    # The first member's content; its checksum stays.
    torn = whole.replace(b"IDAT", b"IDAZ", 1)
    for content in (torn, whole[:40], b"PK\x05\x06"):
        (tmp_path / "d.zip").write_bytes(content)
        with pytest.raises(BadDataset, match="cannot be read as a zip"):
            load_dataset(tmp_path / "d.zip")


@pytest.mark.parametrize("state", [[1], {"step": 1}, {"a": torch.zeros(1)}, "text", None])
def test_a_file_that_is_no_checkpoint(tmp_path: Path, state: Any) -> None:
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(WeightsMismatch, match="no checkpoint"):
        load_checkpoint(tmp_path / "a.pt")


def test_a_damaged_checkpoint(tmp_path: Path) -> None:
    torch.save({"network": {}, "step": 1}, tmp_path / "a.pt")
    whole = (tmp_path / "a.pt").read_bytes()
    for content in (b"", b"x", whole[:60], whole[: len(whole) // 2]):
        (tmp_path / "a.pt").write_bytes(content)
        with pytest.raises(WeightsMismatch, match="not a readable checkpoint"):
            load_checkpoint(tmp_path / "a.pt")
    with pytest.raises(WeightsMissing):
        load_checkpoint(tmp_path / "none.pt")


@pytest.mark.parametrize("name", ["../../a", "a/b", "", "a.b", "a\0"])
def test_a_stage_has_the_name_of_a_file(name: str) -> None:
    steps = Optimisation(steps=1, rate=1e-3)
    shape = SequenceShape(batch=1, side=64, length=2)
    with pytest.raises(BadConfig, match="name"):
        PropagateStageConfig(name=name, optimisation=steps, shapes=(shape,))


def test_a_rate_is_a_number() -> None:
    with pytest.raises(BadConfig, match="rate"):
        Optimisation(steps=1, rate=float("nan"))


class _Stage:
    """A stage whose process, where it has one of its own, is ended as by the system."""

    def __init__(self) -> None:
        self.network: torch.nn.Module = torch.nn.Conv2d(3, 1, 1)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.network.parameters()), "lr": rate}]

    def batch(self, rng: np.random.Generator, progress: float) -> Any:
        os._exit(9)

    def loss(self, batch: Any, device: torch.device) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError


def test_a_device_that_is_none(tmp_path: Path) -> None:
    options = Optimisation(steps=1, rate=1e-3, device="gpu")
    with pytest.raises(UsageError, match="'gpu' is not a device"):
        train(_Stage(), options, tmp_path / "a.pt", lambda report: None)


def test_a_process_that_was_killed_is_said(tmp_path: Path) -> None:
    options = Optimisation(steps=2, rate=1e-3, workers=1, processes=True, dtype="float32")
    with pytest.raises(ModelError, match="a process that makes batches has ended"):
        train(_Stage(), options, tmp_path / "a.pt", lambda report: None)
    assert load_checkpoint(tmp_path / "a.pt")["step"] == 0


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"clips": "all"}', '{"clips": 9}', None])
def test_a_damaged_cache_of_features_is_made_anew(tmp_path: Path, mark: str | None) -> None:
    images = [np.full((16, 16, 3), k, np.uint8) for k in (5, 9)]
    clip = UnlabelledImages("a", 2, 16, 16, "a", lambda: iter(images))
    layout = lay_out([clip], (1.0,), (2, 3), 16)
    encoded: list[int] = []

    def extract(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        encoded.append(len(batch))
        count = len(batch)
        return torch.ones(count, 2, 2, 2), torch.ones(count, 3, 1, 1)

    file = tmp_path / "features.bin"
    fill(file, [clip], layout, extract, 1, lambda done, count: None)
    whole = file.read_bytes()
    fill(file, [clip], layout, extract, 1, lambda done, count: None)
    assert len(encoded) == 2 and file.read_bytes() == whole
    if mark is None:  # cut off, as by a full disk
        file.write_bytes(whole[: len(whole) // 2])
    else:
        file.with_suffix(".json").write_text(mark)
    fill(file, [clip], layout, extract, 1, lambda done, count: None)
    assert len(encoded) == 4 and file.read_bytes() == whole
    assert json.loads(file.with_suffix(".json").read_text()) == {"clips": 1}
