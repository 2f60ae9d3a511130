"""Where the files are that come with the package; nothing is loaded."""

from pathlib import Path

_FOLDER = Path(__file__).with_name("weights")

WEIGHTS = _FOLDER / "nano.safetensors"
WORDS = _FOLDER / "words.safetensors"
"""The word head's, see `vseg.models.nano.text_head`."""
CARD = _FOLDER / "README.md"
"""What the weights were trained on, how, and what they reach."""
LICENCE = "Apache-2.0"
"""Of the weights; the data have terms of their own, which the card gives."""
