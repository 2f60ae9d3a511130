"""Models of the SAM 2 family from folders and by name: what is wrong is said before a frame is
read.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.sam_models import saved_model
from tests.spoiled_folders import (
    be_another_model,
    be_no_model,
    copied,
    cut_weights,
    gaining,
    holding_no_number,
    losing,
    pickle_weights,
    reshaping,
)
from vseg.build import load_model, model_path
from vseg.errors import ModelError, UsageError, WeightsMismatch, WeightsMissing
from vseg.interfaces.slot_model import SlotModel
from vseg.session.session import Session
from vseg.types import Frame
from vseg.weights import memory_check as room
from vseg.weights.cards import published_facts
from vseg.weights.weight_files import check_downloads

pytestmark = pytest.mark.integration

BIAS = "mask_downsample.bias"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam2")
    saved_model("sam2", folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return copied(saved, tmp_path)


def frames(count: int) -> list[Frame]:
    noise = np.random.default_rng(0).integers(0, 255, (count, 40, 60, 3), dtype=np.uint8)
    return [Frame(t, None, t / 10, image) for t, image in enumerate(noise)]


def test_a_folder_becomes_a_session_that_can_be_resumed(saved: Path) -> None:
    model = load_model(str(saved))
    assert isinstance(model, SlotModel) and len(model.weights_sha256) == 64
    film = frames(9)
    with Session(model) as session:
        session.prompt(1, film[0], box=(10, 10, 40, 30))
        session.prompt(2, film[0], scribble=[(5, 5), (20, 30), (50, 35)])
        for frame in film[:4]:
            session.step(frame)
        state = session.snapshot()
        rest = [session.step(frame) for frame in film[4:8]]
        assert session.state_bytes() == session.bank.state_bytes() > 0
        session.remove(2)
        assert session.step(film[8]).object_ids == (1,)
    with Session(model) as other:
        other.restore(state)
        for frame, before in zip(film[4:8], rest, strict=True):
            np.testing.assert_array_equal(other.step(frame).logits, before.logits)


def test_bfloat16_runs(saved: Path) -> None:
    model = load_model(str(saved), dtype="bfloat16")
    film = frames(3)
    with Session(model) as session:
        session.prompt(1, film[0], points=[(30, 20)])
        logits = [session.step(frame).logits for frame in film][-1]
    assert model.dtype == torch.bfloat16 and np.isfinite(logits).all()


def index_what_is_elsewhere(folder: Path) -> None:
    index = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def index_nothing(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {}}')


def index_by_list(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text("[]")


def index_by_number(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": 1}}')


def be_misconfigured(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["memory_attention_num_layers"] = "two"
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut_weights, "not a readable safetensors file"),
        (
            losing(BIAS),
            r"lacks 'mask_downsample\.bias' \(1 missing, 0 unknown\)",
        ),
        (gaining("surprise"), "holds 'surprise'"),
        (reshaping(BIAS, 2), r"'mask_downsample\.bias' in .* is \(2,\)"),
        (be_another_model, "holds a 'bert' model"),
        (be_no_model, "does not describe a model"),
        (be_misconfigured, "does not fit 'sam2_video'"),
        (
            holding_no_number(BIAS),
            r"'mask_downsample\.bias' in .* not finite",
        ),
        (index_what_is_elsewhere, "outside its folder"),
        (index_nothing, "names no file of weights"),
        (index_by_list, "is not an index of weights"),
        (index_by_number, "is not an index of weights"),
    ],
)
def test_a_spoiled_folder_is_refused(
    folder: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(folder)
    with pytest.raises(WeightsMismatch, match=message) as caught:
        load_model(str(folder))
    assert caught.value.hint, "every refusal says what to do next"


def test_pickles_are_not_read(folder: Path) -> None:
    pickle_weights(folder)
    with pytest.raises(WeightsMissing, match=r"no model\.safetensors"):
        load_model(str(folder))


def test_a_file_is_no_folder(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"is a file.*vseg models convert"):
        load_model(str(folder / "model.safetensors"))


def test_a_download_is_checked_against_the_hubs_hash(folder: Path, tmp_path: Path) -> None:
    """The hub's cache links to a file that is named by its sha256."""
    path = folder / "model.safetensors"
    check_downloads(folder)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.symlink_to(path.rename(tmp_path / digest))
    check_downloads(folder)
    with (tmp_path / digest).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    with pytest.raises(WeightsMismatch, match="is damaged: its sha256"):
        check_downloads(folder)


def test_an_absent_model_names_what_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsMissing) as caught:
        load_model("sam2.1-tiny")
    said = str(caught.value)
    assert "facebook/sam2.1-hiera-tiny" in said and "149 MiB" in said
    assert "model.safetensors" in said and "vseg models pull sam2.1-tiny" in said
    with pytest.raises(WeightsMissing):
        model_path("edgetam")
    assert "vseg models pull" in published_facts()["sam3-tracker"]["weights"]


def test_names_and_options_that_do_not_go_together(saved: Path) -> None:
    with pytest.raises(ModelError, match="unknown model 'sam9'"):
        load_model("sam9")
    with pytest.raises(UsageError, match="given beside the model"):
        load_model(str(saved), weights=saved / "model.safetensors")
    with pytest.raises(UsageError, match="unknown dtype"):
        load_model(str(saved), dtype="int8")


def test_too_little_memory_is_said_before_loading(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda device: 1 << 20)
    with pytest.raises(ModelError, match=r"needs about .* MiB, but cpu has 1 MiB free"):
        load_model(str(saved))
