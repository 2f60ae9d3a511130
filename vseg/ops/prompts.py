"""Checks of prompts against the frame they are given on, and plain numbers made into prompts."""

from collections.abc import Sequence

import numpy as np

from vseg.errors import BadPrompt
from vseg.types import Box, Mask, Points, Prompt, Scribble

PointList = Sequence[Sequence[float]]


def collect_prompts(
    prompts: Sequence[Prompt],
    *,
    points: PointList | None = None,
    labels: Sequence[int | bool] | None = None,
    box: Sequence[float] | None = None,
    scribble: PointList | None = None,
    mask: np.ndarray | None = None,
) -> tuple[Prompt, ...]:
    """Typed prompts and plain numbers as one tuple.  labels: 1 this, 0 not this; all 1 if left out."""
    found = list(prompts)
    if points is not None:
        chosen = [1] * len(points) if labels is None else list(labels)
        if len(chosen) != len(points):
            raise BadPrompt(f"{len(points)} points but {len(chosen)} labels")
        found.append(Points(_pairs(points, "point"), np.array(chosen, dtype=bool)))
    elif labels is not None:
        raise BadPrompt("labels were given without points")
    if box is not None:
        if len(box) != 4:
            raise BadPrompt(f"a box has four numbers, not {len(box)}", hint="x1, y1, x2, y2")
        found.append(Box(*(float(v) for v in box)))
    if scribble is not None:
        found.append(Scribble(_pairs(scribble, "scribble point")))
    if mask is not None:
        found.append(Mask(np.asarray(mask, dtype=bool)))
    if not found:
        raise BadPrompt("no prompt was given", hint="give points, a box, a scribble or a mask")
    return tuple(found)


def check_prompt(prompt: Prompt, height: int, width: int, rotation: int = 0) -> None:
    """Raise BadPrompt unless the prompt lies on a `height` x `width` frame.

    A box may reach over the edge but not lie outside.  If the prompt would fit the stored, unrotated
    picture, the message says so.
    """
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


def _pairs(values: PointList, what: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != 2:
        raise BadPrompt(f"each {what} is a pair x, y; got shape {array.shape}")
    return array
