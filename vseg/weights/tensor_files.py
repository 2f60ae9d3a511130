"""A safetensors file of weights: read, and compared with what a network has.

Enters: a file.  Leaves: its tensors, all of finite numbers.  Weights that are not numbers give
masks that are none, and nothing else would say so.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vseg.errors import WeightsMismatch

_NAMES_SHOWN = 3


def read_tensors(path: Path, hint: str) -> dict[str, Tensor]:
    """The tensors of a file by name.

    Raises WeightsMismatch, with the hint, for a file that is cut short or of another kind, and
    for numbers that are not finite, naming the tensor.
    """
    try:
        held = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsMismatch(
            f"{path} is not a readable safetensors file: {error}", hint=hint
        ) from error
    broken = [name for name, tensor in held.items() if not _finite(tensor)]
    if broken:
        raise WeightsMismatch(
            f"{path} holds numbers that are not finite, in {_some(broken)}", hint=hint
        )
    return held


def check_fit(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], where: str, hint: str
) -> None:
    """Raise WeightsMismatch, with a few names and counts, unless the tensors have the names
    and shapes of a network's own.
    """
    missing = sorted(own.keys() - state.keys())
    unknown = sorted(state.keys() - own.keys())
    if missing or unknown:
        parts = [f"lacks {_some(missing)}"] if missing else []
        parts += [f"holds {_some(unknown)}, which the model has not"] if unknown else []
        raise WeightsMismatch(f"{where} {' and '.join(parts)}", hint=hint)
    for name, tensor in own.items():
        if state[name].shape != tensor.shape:
            raise WeightsMismatch(
                f"{where}: '{name}' is {tuple(state[name].shape)}, the model's is "
                f"{tuple(tensor.shape)}",
                hint=hint,
            )


def _finite(tensor: Tensor) -> bool:
    # Formats of one byte have no test of their own.
    numbers = tensor.float() if tensor.element_size() == 1 else tensor
    return bool(numbers.isfinite().all())


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many there are if they are more."""
    shown = ", ".join(f"'{name}'" for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
