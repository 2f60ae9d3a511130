"""Ways to spoil a folder of weights, each of which must be refused."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

Spoil = Callable[[Path], None]


def copied(folder: Path, to: Path) -> Path:
    """A copy of a folder's files, to spoil."""
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:50_000])


def pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))


def _rewritten(folder: Path, edit: Callable[[dict[str, Tensor]], object]) -> None:
    state = load_file(folder / "model.safetensors")
    edit(state)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def losing(key: str) -> Spoil:
    """Removes one tensor."""
    return lambda folder: _rewritten(folder, lambda state: state.pop(key))


def gaining(key: str) -> Spoil:
    """Adds a tensor of no use."""
    return lambda folder: _rewritten(folder, lambda state: state.update({key: torch.zeros(1)}))


def reshaping(key: str, size: int) -> Spoil:
    """Gives one tensor another shape."""
    return lambda folder: _rewritten(
        folder, lambda state: state.update({key: torch.zeros(size)})
    )


def holding_no_number(key: str) -> Spoil:
    """Makes the last value of one tensor not a number."""
    return lambda folder: _rewritten(folder, lambda state: state[key][-1:].fill_(torch.nan))


def be_another_model(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))


def be_no_model(folder: Path) -> None:
    (folder / "config.json").write_text("[]")
