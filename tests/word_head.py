"""A small vocabulary's head with random weights, over the shipped encoder."""

from pathlib import Path

import torch

from vseg.grounding.nano_text import NanoTextGrounder
from vseg.models.nano.load import load_nano
from vseg.models.nano.text_head.head import WordHead, save_words
from vseg.models.nano.text_head.network import WordsNet

WORDS = ("object", "car", "person")


def random_head(folder: Path) -> Path:
    """The path of the head, written into the folder."""
    path = folder / "words.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = WordsNet(len(WORDS))
    encoder = load_nano(dtype="float32").encoder_sha256
    save_words(WordHead(net, WORDS, 0.3, encoder, ""), path, {})
    return path


def nano_words(folder: Path) -> NanoTextGrounder:
    """A grounder whose words mean nothing."""
    return NanoTextGrounder(load_nano(dtype="float32", short_side=96), random_head(folder))
