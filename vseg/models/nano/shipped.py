"""Where the files are that come with the package; nothing is loaded."""

from pathlib import Path

_FOLDER = Path(__file__).with_name("weights")

WEIGHTS = _FOLDER / "nano.safetensors"
WORDS = _FOLDER / "words.safetensors"
"""The word head's, see `vseg.models.nano.text_head`."""
