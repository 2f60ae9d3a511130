"""Prompts -> the option of a command line that says the same.

Enters: prompts with their frames.  Leaves: text such as `--point 2@60:412,220+`.  What has no
such text, a mask or an image given as numbers, is said in brackets with where it is kept.
"""

from shlex import quote

import numpy as np

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


def prompt_options(prompt: Prompt) -> str:
    """The options of a prompt, or what it is in brackets; several clicks are an option
    each.
    """
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
            # The file it came from may have changed since, or never existed.
            return f"(mask {at}: {int(value.mask.sum())} pixels, kept in prompts.jsonl)"
        case Text():
            return f"--text {quote(f'{at}:{value.phrase}{_threshold(value.threshold)}')}"
        case Exemplar():
            told = f"{value.source or 'an image'}{_threshold(value.threshold)}"
            return f"(exemplar {at}: {told}, kept in exemplars/)"
        case Points():
            raise AssertionError("clicks are one option each")


def _xy(xy: np.ndarray) -> str:
    return f"{xy[0]:g},{xy[1]:g}"


def _sign(positive: bool) -> str:
    return "+" if positive else "-"


def _threshold(value: float | None) -> str:
    return "" if value is None else f"={value:g}"
