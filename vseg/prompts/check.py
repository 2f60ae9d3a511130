"""Checks of prompts against the frame they are given on, and plain numbers made into
prompts.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from vseg.errors import BadPrompt
from vseg.types import Box, Exemplar, Mask, Points, PromptValue, Scribble, Text

Number = int | float
PointList = Sequence[Sequence[Number]] | np.ndarray


class PromptKwargs(TypedDict, total=False):
    """A prompt in plain numbers, in video pixels.

    points: (x, y) pairs, with labels 1 for "this" and 0 for "not this" (all 1 if left out).
    box: x1, y1, x2, y2.  scribble: (x, y) pairs of a line on the object.  mask: (H, W).  text:
    what the object is, in words.  like: a region of another image that shows such a thing.
    """

    points: PointList
    labels: Sequence[int | bool]
    box: Sequence[Number] | np.ndarray
    scribble: PointList
    mask: np.ndarray
    text: str
    exemplar: Exemplar


def collect_prompts(
    prompts: Sequence[PromptValue], given: PromptKwargs
) -> tuple[PromptValue, ...]:
    """Typed prompts and plain numbers as one tuple.  Raises BadPrompt if there is none."""
    found = [*prompts, *_described(given)]
    if "points" in given or "labels" in given:
        found.append(_points(given.get("points", ()), given.get("labels")))
    if "box" in given:
        if len(given["box"]) != 4:
            raise BadPrompt(
                f"a box has 4 numbers, not {len(given['box'])}", hint="x1, y1, x2, y2"
            )
        found.append(Box(*(float(v) for v in given["box"])))
    if "scribble" in given:
        found.append(Scribble(_pairs(given["scribble"], "scribble point")))
    if "mask" in given:
        found.append(Mask(np.asarray(given["mask"], dtype=bool)))
    if not found:
        raise BadPrompt(
            "no prompt was given",
            hint="give points, a box, a scribble, a mask, words or a reference",
        )
    return tuple(found)


def check_prompt(prompt: PromptValue, hw: tuple[int, ...], rotation: int = 0) -> None:
    """Raise BadPrompt unless the prompt lies on a displayed frame of (height, width) `hw`.

    A box may reach over the edge but not lie outside.  If the prompt would fit the stored,
    unrotated image, the message says so.  A description lies nowhere: there is nothing to
    check.
    """
    if isinstance(prompt, Text | Exemplar):
        return
    height, width = hw
    if isinstance(prompt, Mask):
        if prompt.mask.shape != (height, width):
            h, w = prompt.mask.shape
            raise BadPrompt(
                f"the mask is {w}x{h} but the frame is {width}x{height}{_turned(rotation)}"
            )
        if not prompt.mask.any():
            raise BadPrompt("the mask is empty", hint="an object needs at least one pixel")
        return
    if _lies_on(prompt, height, width):
        return
    turned = rotation in (90, 270) and _lies_on(prompt, width, height)
    raise BadPrompt(
        f"{_describe(prompt)} lies outside the {width}x{height} frame",
        hint=f"the video is rotated by {rotation}: were unrotated coordinates used?"
        if turned
        else None,
    )


def _described(given: PromptKwargs) -> list[PromptValue]:
    """The descriptions among the plain values."""
    words = [Text(given["text"])] if "text" in given else []
    return [*words, given["exemplar"]] if "exemplar" in given else [*words]


def _lies_on(prompt: Points | Box | Scribble, height: int, width: int) -> bool:
    if isinstance(prompt, Box):
        return (
            prompt.x1 >= -0.5 * width
            and prompt.y1 >= -0.5 * height
            and prompt.x2 <= 1.5 * width
            and prompt.y2 <= 1.5 * height
            and prompt.x1 < width
            and prompt.y1 < height
            and prompt.x2 > 0
            and prompt.y2 > 0
        )
    low = prompt.xy.min(axis=0) >= 0
    return bool(low.all() and (prompt.xy.max(axis=0) < [width, height]).all())


def _describe(prompt: Points | Box | Scribble) -> str:
    if isinstance(prompt, Box):
        return f"box {prompt.x1:g},{prompt.y1:g},{prompt.x2:g},{prompt.y2:g}"
    kind = "point" if isinstance(prompt, Points) else "scribble"
    return f"{kind} {' '.join(f'{x:g},{y:g}' for x, y in prompt.xy)}"


def _turned(rotation: int) -> str:
    return f" (displayed, rotated by {rotation})" if rotation else ""


def _points(points: PointList, labels: Sequence[int | bool] | None) -> Points:
    chosen = [1] * len(points) if labels is None else list(labels)
    if len(chosen) != len(points):
        raise BadPrompt(f"{len(points)} points but {len(chosen)} labels")
    return Points(_pairs(points, "point"), np.array(chosen, dtype=bool))


def _pairs(values: PointList, what: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != 2:
        raise BadPrompt(f"each {what} is a pair x, y; got shape {array.shape}")
    return array
