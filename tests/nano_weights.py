"""Untrained weights of nano, for tests of everything but quality."""

from pathlib import Path

import torch

from vseg.models.nano.load import save_nano
from vseg.models.nano.network import NanoNet


def save_random(path: Path, seed: int) -> None:
    """Write random weights of the architecture."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_nano(NanoNet(), path, {"recipe": "random"})
