"""The weights in a folder as the transformers library saves it: safetensors only, pickles
never.

Enters: a folder.  Leaves: its weights files in order, checked to be there and, on demand, to
have the hashes that the hub names.
"""

import json
import re
from pathlib import Path

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.io.files import sha256_of

_INDEX = "model.safetensors.index.json"
_AGAIN = "fetch the folder again"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a saved model, in order.  Raises WeightsMissing,
    WeightsMismatch.
    """
    # Large models are stored in several files, which an index names.
    index = folder / _INDEX
    names = ["model.safetensors"]
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
            # The index may come from anywhere: it must not lead out of its folder.
            outside = [name for name in names if Path(name).name != name]
        except (ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
            raise WeightsMismatch(
                f"{index} is not an index of weights: {error}", hint=_AGAIN
            ) from error
        if not names:
            raise WeightsMismatch(f"{index} names no file of weights", hint=_AGAIN)
        if outside:
            raise WeightsMismatch(
                f"{index} names '{outside[0]}', which is outside its folder", hint=_AGAIN
            )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise WeightsMissing(
            f"no {missing[0]} in {folder}",
            hint=_AGAIN
            if index.is_file()
            else "only safetensors files are read; an official .pt file of the SAM 2 family "
            "becomes one by `vseg models convert FILE.pt FOLDER`",
        )
    return [folder / name for name in names]


def check_downloads(folder: Path) -> None:
    """Raise WeightsMismatch if a file differs from the one that was fetched from the hub.

    The hub's cache names a weights file by its sha256; a file outside that cache cannot be
    checked.
    """
    for path in weight_files(folder):
        expected = path.resolve().name
        # In the hub's cache, what stands in a folder is a link to a file named by its hash.
        if not path.is_symlink() or not re.fullmatch(r"[0-9a-f]{64}", expected):
            continue
        actual = sha256_of(path)
        if actual != expected:
            raise WeightsMismatch(
                f"{path} is damaged: its sha256 is {actual[:12]}..., "
                f"the hub's {expected[:12]}...",
                hint=f"remove {path.resolve()} and fetch it again",
            )
