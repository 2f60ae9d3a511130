"""The word head's file: weights, vocabulary, threshold, and the encoder that it was trained
on.

Enters: a safetensors file.  Leaves: a head ready for inference; everything but the weights is
in the file's metadata, so that the head and its words cannot part.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.models.nano.blocks import fold_batch_norms
from vseg.models.nano.shipped import WORDS
from vseg.models.nano.text_head.network import WordsNet
from vseg.weights.tensor_file import save_tensors

_ARCHITECTURE = "nano-words"
_AGAIN = "reinstall vseg, or train a head again: vseg train words"


@dataclass(frozen=True, slots=True)
class WordHead:
    """words: in the order of the net's outputs.  threshold: the least score by default, in (0,
    1].

    encoder_sha256: of the encoder it reads (`nano.encoder_digest`).  weights_sha256: of its
    file.
    """

    net: WordsNet
    words: tuple[str, ...]
    threshold: float
    encoder_sha256: str
    weights_sha256: str


def save_words(head: WordHead, path: Path, notes: dict[str, str]) -> None:
    """Write a head whose norms are not folded, as fp16; `notes` go into the metadata."""
    state = {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in head.net.state_dict().items()
    }
    metadata = {
        "architecture": _ARCHITECTURE,
        "words": json.dumps(head.words),
        "threshold": str(head.threshold),
        "encoder_sha256": head.encoder_sha256,
        **notes,
    }
    save_tensors(state, path, metadata)


def load_words(
    path: Path = WORDS, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> WordHead:
    """The head at `path`, folded and frozen, on a device.  Raises WeightsMissing,
    WeightsMismatch.
    """
    if not path.is_file():
        raise WeightsMissing(f"no word head at {path}", hint="reinstall vseg")
    try:
        with safe_open(path, framework="pt") as file:
            notes = file.metadata() or {}
        state = load_file(path)
    except SafetensorError as error:
        raise WeightsMismatch(
            f"{path} is not a readable safetensors file: {error}", hint=_AGAIN
        ) from error
    if notes.get("architecture") != _ARCHITECTURE:
        raise WeightsMismatch(f"{path} is not a word head", hint=_AGAIN)
    try:
        words = tuple(json.loads(notes["words"]))
        net = WordsNet(len(words))
        net.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        )
        threshold = float(notes["threshold"])
        encoder = notes["encoder_sha256"]
        if not 0 < threshold <= 1:
            raise ValueError(f"its threshold {threshold:g} is not in (0, 1]")
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise WeightsMismatch(
            f"{path} does not hold a word head: {error}", hint=_AGAIN
        ) from error
    net.eval().requires_grad_(False)
    fold_batch_norms(net)
    net.to(device or torch.device("cpu"), dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return WordHead(net, words, threshold, encoder, digest)
