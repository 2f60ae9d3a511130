"""Tensors into a safetensors file, with the system's own errors.

Enters: tensors by name.  Leaves: a file.
"""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor


def save_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the file.  Raises OSError where the system refuses, as on a full disk: the library
    has an error of its own for it, which nobody expects of a file that is written.
    """
    try:
        save_file(dict(tensors), path, metadata=None if metadata is None else dict(metadata))
    except SafetensorError as error:
        raise OSError(str(error)) from error
