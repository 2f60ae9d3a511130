"""A checkpoint's tensors, taken by name, all exactly once: nothing missing, nothing left
over.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from vseg.errors import WeightsMismatch


class StateReader:
    """Tensors by name, on a device and in a dtype; `finish` raises if one was not taken."""

    def __init__(
        self,
        state: Mapping[str, Tensor],
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._state = dict(state)
        self._place = device or torch.device("cpu")
        self._dtype = dtype or torch.float32

    def take(self, name: str, *shape: int) -> Tensor:
        """The tensor called `name`.  Raises WeightsMismatch if it is missing or of another
        shape.
        """
        tensor = self._state.pop(name, None)
        if tensor is None:
            raise WeightsMismatch(
                f"the weights have no '{name}'", hint="is it another model's file?"
            )
        if shape and tuple(tensor.shape) != shape:
            raise WeightsMismatch(f"'{name}' is {tuple(tensor.shape)}, not {shape}")
        return tensor.to(self._place, self._dtype)

    def has(self, name: str) -> bool:
        """Whether a tensor of that name is left."""
        return name in self._state

    def finish(self) -> None:
        """Raise WeightsMismatch if a tensor was not taken."""
        if self._state:
            names = sorted(self._state)
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsMismatch(
                f"the weights hold '{names[0]}'{more}, which the model has not"
            )


def below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`, named by the rest."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
