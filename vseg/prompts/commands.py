"""Prompts -> the option of a command line that says the same.

Enters: prompts with their frames.  Leaves: text such as `--point 2@60:412,220+`.  What lies in
a file is named by its content: the run keeps it in prompts.jsonl and exemplars/.
"""

import hashlib
from shlex import quote

import numpy as np

from vseg.prompts.codec import image_digest
from vseg.types import (
    Box,
    Exemplar,
    Mask,
    Points,
    Polygon,
    Prompt,
    PromptValue,
    Scribble,
    Text,
)

_DIGITS = 12
"""Of a SHA-256: enough that two contents of one run do not share them."""


def prompt_options(prompt: Prompt) -> str:
    """The options of a prompt; several clicks are one option each."""
    at = f"{prompt.object_id}@{prompt.frame_index}"
    value = prompt.value
    if isinstance(value, Points):
        clicks = zip(value.xy, value.positive, strict=True)
        return " ".join(f"--point {at}:{_xy(xy)}{_sign(bool(is_on))}" for xy, is_on in clicks)
    return _option(value, at)


def _option(value: PromptValue, at: str) -> str:
    match value:
        case Box():
            sides = (value.x1, value.y1, value.x2, value.y2)
            return f"--box {at}:{','.join(f'{side:g}' for side in sides)}"
        case Scribble():
            line = " ".join(map(_xy, value.xy))
            return f"--scribble {quote(f'{at}:{line}{_sign(value.positive)}')}"
        case Polygon():
            rings = (" ".join(map(_xy, ring)) for ring in value.rings)
            return " ".join(f"--polygon {quote(f'{at}:{ring}')}" for ring in rings)
        case Mask():
            name = hashlib.sha256(value.mask.tobytes()).hexdigest()
            return f"--mask {at}:sha256-{name[:_DIGITS]}"
        case Text():
            return f"--text {quote(f'{at}:{value.phrase}{_threshold(value.threshold)}')}"
        case Exemplar():
            name = value.source or f"sha256-{image_digest(value.image)[:_DIGITS]}"
            return f"--exemplar {quote(f'{at}:{name}{_threshold(value.threshold)}')}"
        case Points():
            raise AssertionError("clicks are one option each")


def _xy(xy: np.ndarray) -> str:
    return f"{xy[0]:g},{xy[1]:g}"


def _sign(positive: bool) -> str:
    return "+" if positive else "-"


def _threshold(value: float | None) -> str:
    return "" if value is None else f"={value:g}"
