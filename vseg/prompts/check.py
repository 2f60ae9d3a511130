"""Prompts in plain numbers -> typed prompts, and checks of prompts against their frame.

Enters: numbers, lists, arrays.  Leaves: prompts that lie on the frame.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from vseg.errors import BadPrompt
from vseg.prompts.polygon_masks import mask_of
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
from vseg.types.prompt_values import NumberList, NumberRows, Rings

OVERHANG = 0.5
"""A box may reach over the frame's edge by this share of the frame's side: boxes of detectors
do, whereas one that reaches farther was meant for another size.  A round value; not tuned."""


def collect_prompts(  # noqa: PLR0913 - one parameter for each kind of prompt
    prompts: Sequence[PromptValue] = (),
    *,
    points: NumberRows | None = None,
    labels: NumberList | None = None,
    box: NumberList | None = None,
    scribble: NumberRows | None = None,
    mask: NumberRows | None = None,
    polygon: Rings | None = None,
    text: str | None = None,
    exemplar: Exemplar | None = None,
) -> tuple[PromptValue, ...]:
    """Typed prompts and plain numbers as one tuple.

    points: (N, 2) pixels, with labels 1 for "this object" and 0 for "not this object", all 1
    if left out.  box: x1, y1, x2, y2.  scribble: (N, 2) pixels of a line on the object.  mask:
    (H, W).  polygon: (N, 2) corners of an outline, or a list of such rings.  text: what the
    object is, in words.  exemplar: a region of another image that shows such an object.
    Raises BadPrompt if there is none, or one is malformed.
    """
    if points is None and labels is not None:
        raise BadPrompt("labels were given without points", hint="give points=[(x, y), ...]")
    collected = [*typed_prompts(prompts)]
    if text is not None:
        collected.append(Text(text))
    if exemplar is not None:
        collected += typed_prompts([exemplar])
    collected += _visual(points, labels, box, scribble, mask)
    if polygon is not None:
        collected.append(Polygon(polygon))
    if not collected:
        raise BadPrompt(
            "no prompt was given",
            hint="give points, a box, a scribble, a mask, a polygon, a text or an exemplar",
        )
    return tuple(collected)


def _visual(
    points: NumberRows | None,
    labels: NumberList | None,
    box: NumberList | None,
    scribble: NumberRows | None,
    mask: NumberRows | None,
) -> Iterator[Points | Box | Scribble | Mask]:
    """The visual prompts among plain numbers.  Raises BadPrompt."""
    if points is not None:
        yield Points(points, labels)
    if box is not None:
        yield _box(box)
    if scribble is not None:
        yield Scribble(scribble)
    if mask is not None:
        yield Mask(mask)


def typed_prompts(prompts: Sequence[Any]) -> list[PromptValue]:
    """The prompts, each of which is a typed one.  Raises BadPrompt."""
    if not isinstance(prompts, Sequence) or isinstance(prompts, str):
        raise BadPrompt(
            f"prompts is a {type(prompts).__name__}, not a list of prompts",
            hint="give prompts=[vseg.Box(10, 20, 200, 300)], or box=(10, 20, 200, 300)",
        )
    for prompt in prompts:
        if not isinstance(prompt, PromptValue):
            raise BadPrompt(
                f"a {type(prompt).__name__} is not a prompt",
                hint="give vseg.Points, Box, Scribble, Mask, Polygon, Text or Exemplar",
            )
    return list(prompts)


def placed_prompts(prompts: Any) -> list[Prompt]:
    """The prompts, each with its object and its place.  Raises BadPrompt."""
    listed = list(prompts) if isinstance(prompts, Iterable) else [prompts]
    for prompt in listed:
        if not isinstance(prompt, Prompt):
            raise BadPrompt(
                f"a {type(prompt).__name__} is not a vseg.Prompt",
                hint="give vseg.Prompt(2, vseg.Timecode(frame=60), vseg.Box(10, 20, 30, 40))",
            )
    return listed


def _box(sides: Any) -> Box:
    try:
        # An array's own numbers are of numpy's types; plain ones are needed.
        numbers = list(sides.tolist() if isinstance(sides, np.ndarray) else sides)
    except TypeError as error:
        raise BadPrompt(
            f"a box is four numbers, not a {type(sides).__name__}", hint="x1, y1, x2, y2"
        ) from error
    if len(numbers) != 4:
        raise BadPrompt(f"a box has 4 numbers, not {len(numbers)}", hint="x1, y1, x2, y2")
    return Box(*numbers)


def check_prompt(
    prompt: PromptValue, hw: tuple[int, ...], rotation: int = 0, frame_index: int = 0
) -> None:
    """Raise BadPrompt unless the prompt lies on a displayed frame of (height, width) `hw`.

    A box or a polygon may reach over the edge but not lie outside.  If the prompt would fit
    the stored, unrotated image, the message says so; its hint names the frame `frame_index`.
    A concept prompt has no place: there is nothing to check.
    """
    if isinstance(prompt, Text | Exemplar):
        return
    height, width = hw
    if isinstance(prompt, Mask):
        if prompt.mask.shape != (height, width):
            h, w = prompt.mask.shape
            raise BadPrompt(
                f"the mask is {w}x{h} but the frame is {width}x{height}{_turned(rotation)}",
                hint="turn the mask as the frame is displayed"
                if (h, w) == (width, height)
                else f"make it {width}x{height}, resized with nearest neighbour: `vseg frame "
                f"CLIP {frame_index} -o frame.png` writes the frame to paint on",
            )
        if not prompt.mask.any():
            raise BadPrompt("the mask is empty", hint="an object needs at least one pixel")
        return
    if _lies_on(prompt, height, width):
        if isinstance(prompt, Polygon):
            mask_of(prompt, (height, width))
        return
    raise BadPrompt(
        f"{_describe(prompt, hw)} {_fault(prompt, hw)} the {width}x{height} frame",
        hint=_hint(prompt, hw, rotation, frame_index),
    )


def _fault(prompt: Points | Box | Scribble | Polygon, hw: tuple[int, ...]) -> str:
    """Where a prompt lies that is not on the frame, as a verb."""
    if isinstance(prompt, Polygon):
        return _fault(prompt.bounds, hw)
    if isinstance(prompt, Box) and _meets(prompt, hw[0], hw[1]):
        return "reaches by more than half a side beyond"
    return "lies outside"


def _hint(
    prompt: Points | Box | Scribble | Polygon,
    hw: tuple[int, ...],
    rotation: int,
    frame_index: int,
) -> str:
    """What may have been meant by a prompt outside the frame."""
    height, width = hw
    if _lies_on(prompt, width, height):
        if rotation in (90, 270):
            return f"the video is rotated by {rotation}: were unrotated coordinates used?"
        return "x comes before y: were they swapped?"
    beyond = isinstance(prompt, Box) and _meets(prompt, height, width)
    return ("was it drawn on a frame of another size? " if beyond else "") + (
        f"x goes from 0 to {width - 1} and y to {height - 1}, in pixels of the displayed "
        f"frame: `vseg frame CLIP {frame_index} -o frame.png` writes it"
    )


def check_begins(prompts: Sequence[PromptValue], where: str) -> None:
    """Raise BadPrompt where the first prompts of an object all say only what it is not.

    where: which object and frame, as the message names them.
    """
    if any(not _is_negative(prompt) for prompt in prompts):
        return
    raise BadPrompt(
        f"{where} has negative marks alone, which say where it is not",
        hint="add what shows it, such as a click on it (--point x,y) or a box",
    )


def check_agreement(prompts: Sequence[PromptValue], where: str) -> None:
    """Raise BadPrompt where clicks on one pixel say both that the object is there and that it
    is not: either order would be a guess, and the mask is next to nothing.

    prompts: all of an object on a frame.  where: which, as the message names them.
    """
    clicks = [prompt for prompt in prompts if isinstance(prompt, Points)]
    signs: dict[tuple[float, ...], bool] = {}
    for click in clicks:
        for xy, positive in zip(click.xy, click.positive.tolist(), strict=True):
            pixel = tuple(np.rint(xy).tolist())
            if signs.setdefault(pixel, positive) != positive:
                raise BadPrompt(
                    f"clicks at {xy[0]:g},{xy[1]:g} say both that {where} is there and that "
                    "it is not",
                    hint="leave one of them out: - or label 0 is a click on the background",
                )


def _is_negative(prompt: PromptValue) -> bool:
    if isinstance(prompt, Points):
        return not prompt.positive.any()
    return isinstance(prompt, Scribble) and not prompt.positive


def _lies_on(prompt: Points | Box | Scribble | Polygon, height: int, width: int) -> bool:
    if isinstance(prompt, Polygon):
        return _lies_on(prompt.bounds, height, width)
    if isinstance(prompt, Box):
        beside = OVERHANG * width
        above = OVERHANG * height
        across = prompt.x1 >= -beside and prompt.x2 <= width + beside
        down = prompt.y1 >= -above and prompt.y2 <= height + above
        return across and down and _meets(prompt, height, width)
    low = prompt.xy.min(axis=0) >= 0
    return bool(low.all() and (prompt.xy.max(axis=0) < [width, height]).all())


def _meets(box: Box, height: int, width: int) -> bool:
    """Whether a part of the box is on the frame."""
    return box.x1 < width and box.y1 < height and box.x2 > 0 and box.y2 > 0


def _describe(prompt: Points | Box | Scribble | Polygon, hw: tuple[int, ...]) -> str:
    """The prompt, or the first of its points that lies outside a frame of this size."""
    if isinstance(prompt, Polygon):
        return f"the polygon within the {_describe(prompt.bounds, hw)}"
    if isinstance(prompt, Box):
        return f"box {prompt.x1:g},{prompt.y1:g},{prompt.x2:g},{prompt.y2:g}"
    outside = ((prompt.xy < 0) | (prompt.xy >= [hw[1], hw[0]])).any(axis=1)
    x, y = prompt.xy[int(np.argmax(outside))]
    kind = "point" if isinstance(prompt, Points) else "the scribble's point"
    return f"{kind} {x:g},{y:g}"


def _turned(rotation: int) -> str:
    return f" (displayed, rotated by {rotation})" if rotation else ""
