"""Random weights for small models made by the transformers library."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn


def saved_random(
    make: Callable[[], Any],
    folder: Path,
    *,
    seed: int,
    tables: Sequence[str],
    gains: tuple[str, ...],
) -> Any:
    """The network that `make` gives, with random weights (see `randomise`), also saved to a
    folder.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = make()
        randomise(net, tables=tables, gains=gains)
    net.eval().save_pretrained(folder)
    return net


@torch.no_grad()
def randomise(net: nn.Module, *, tables: Sequence[str], gains: tuple[str, ...]) -> None:
    """Draw every parameter anew, so that no term is zero or one by its initialisation.

    Matrices keep the size of what passes, but for those whose names contain one of `tables`:
    they are looked up, not multiplied by.  gains: ends of the names of what is near one.
    """
    for name, parameter in net.named_parameters():
        if parameter.ndim > 1 and not any(part in name for part in tables):
            parameter.normal_(std=parameter[0].numel() ** -0.5)
        elif name.endswith(gains):
            parameter.normal_(mean=1.0, std=0.2)
        else:
            parameter.normal_(std=0.3)
