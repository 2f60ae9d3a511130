"""What wins when words, references and drawn prompts meet on one object and frame.

Enters: all that was said of the object there, and what was found for each description.
Leaves: drawn prompts alone, as the engine takes them.

| prompts                      | result                                                       |
| ---------------------------- | ------------------------------------------------------------ |
| visual prompts alone         | they stand as they are                                       |
| a mask beside a concept      | the mask and other visual prompts; the concept is ignored    |
| a concept                    | the best detection that reaches its threshold                |
| words and an exemplar        | the best detection of both (their IoU is at least one half)  |
| + positive clicks, scribbles | the best detection under them, else the nearest near one     |
| + negative clicks, scribbles | no detection under them, unless a positive mark is there too |
| + a box                      | only detections that lie in it by half or more               |
| the same kind again          | the last box, mask, text or exemplar; marks add up           |

Positive marks also refine the chosen mask; negative ones on it cut.
What is taken is a guess: its mask goes to the decoder with its box and the marks, never as a
mask that the user gave.  Where nothing fits, NothingFound says what came nearest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from vseg.errors import NothingFound
from vseg.ops.boxes import pixels_in
from vseg.ops.masks import mask_iou
from vseg.types import (
    AnyPrompt,
    Box,
    ConceptPrompt,
    Exemplar,
    Grounding,
    Mask,
    MaskCrop,
    Points,
    Scribble,
    Text,
    VisualPrompt,
)

AGREE = 0.5
"""Two descriptions mean one thing where what was found for them overlaps by this IoU."""
INSIDE = 0.5
"""A thing lies in a box that holds this share of it."""
NEAR = 0.5
"""A thing is near a mark that is no farther away than this share of its own side (the root of
its area).
"""


@dataclass(frozen=True, slots=True)
class GroundingResult:
    """What a grounder found for one description, and the least score that counted."""

    grounding: Grounding
    threshold: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """One thing that was said, with the answer where it is a description that was looked
    for.
    """

    said: AnyPrompt
    answer: GroundingResult | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A thing that may be meant.  area: its pixels, or those of its box.  exact: `area` is a
    mask.
    """

    area: Bool[np.ndarray, "H W"]
    box: Box
    score: float
    exact: bool


def effective(spoken: Sequence[Spoken]) -> tuple[Spoken, ...]:
    """What counts of all that was said: of boxes, masks, words and references only the
    last.
    """
    kept: list[Spoken] = []
    for each in spoken:
        if isinstance(each.said, Box | Mask | Text | Exemplar):
            kept = [k for k in kept if type(k.said) is not type(each.said)]
        kept.append(each)
    return tuple(kept)


def resolve_prompts(spoken: Sequence[Spoken], hw: tuple[int, int]) -> tuple[VisualPrompt, ...]:
    """The drawn prompts that stand for all that was said on a frame of (height, width) `hw`.

    Coordinates are video pixels.  Raises NothingFound where no thing that was found fits the
    rest.
    """
    counted = effective(spoken)
    drawn = tuple(s.said for s in counted if not isinstance(s.said, Text | Exemplar))
    sought = [s for s in counted if isinstance(s.said, Text | Exemplar)]
    if not sought or any(isinstance(p, Mask) for p in drawn):
        return drawn
    chosen = _chosen(_agreed([_candidates(s, hw) for s in sought]), drawn)
    if chosen is None:
        raise _nothing_fits(sought)
    marks = tuple(p for p in drawn if isinstance(p, Points | Scribble))
    return (*((Mask(chosen.area),) if chosen.exact else ()), chosen.box, *marks)


def _candidates(spoken: Spoken, hw: tuple[int, int]) -> list[_Candidate]:
    """What was found for one description.  Raises NothingFound where that is nothing."""
    assert spoken.answer is not None
    found = spoken.answer.grounding.found
    if not len(found):
        assert isinstance(spoken.said, Text | Exemplar)
        raise not_found(spoken.said, spoken.answer)
    crops = found.masks or (None,) * len(found)
    return [
        _candidate(crop, found.boxes[k], float(found.scores[k]), hw)
        for k, crop in enumerate(crops)
    ]


def _candidate(
    crop: MaskCrop | None, sides: Float64[np.ndarray, "4"], score: float, hw: tuple[int, int]
) -> _Candidate:
    box = Box(*(float(side) for side in sides))
    if crop is not None:
        return _Candidate(crop.paste(*hw), box, score, exact=True)
    area = np.zeros(hw, dtype=bool)
    area[pixels_in(box)] = True
    return _Candidate(area, box, score, exact=False)


def _agreed(of_each: Sequence[list[_Candidate]]) -> list[_Candidate]:
    """The things that every description found; of each the exact one, with the mean of the
    scores.
    """
    agreed = of_each[0]
    for others in of_each[1:]:
        pairs = [(a, b) for a in agreed for b in others if mask_iou(a.area, b.area) >= AGREE]
        agreed = [_united(a, b) for a, b in pairs]
    return agreed


def _united(one: _Candidate, other: _Candidate) -> _Candidate:
    kept = one if one.exact else other
    return _Candidate(kept.area, kept.box, (one.score + other.score) / 2, kept.exact)


def _chosen(candidates: list[_Candidate], drawn: Sequence[VisualPrompt]) -> _Candidate | None:
    """The best of those that the drawn prompts leave."""
    boxes = [p for p in drawn if isinstance(p, Box)]
    if boxes:
        candidates = [c for c in candidates if _share_inside(c.area, boxes[-1]) >= INSIDE]
    wanted = _marks(drawn, True)
    refused = _marks(drawn, False)
    if wanted:
        off = [max(_distance(c.area, line) for line in wanted) for c in candidates]
        on = [c for c, far in zip(candidates, off, strict=True) if far == 0]
        if on:
            return max(on, key=lambda c: c.score)
        near = [
            (far, c)
            for c, far in zip(candidates, off, strict=True)
            if far <= NEAR * np.sqrt(c.area.sum())
        ]
        candidates = [c for far, c in near if far == min(far for far, _ in near)]
    free = [c for c in candidates if not any(_distance(c.area, line) == 0 for line in refused)]
    return max(free, key=lambda c: c.score, default=None)


def _marks(drawn: Sequence[VisualPrompt], positive: bool) -> list[Float32[np.ndarray, "N 2"]]:
    """The marks of one sign: each click alone, each scribble as a whole."""
    marks = []
    for prompt in drawn:
        if isinstance(prompt, Points):
            marks += [xy[None] for xy in prompt.xy[prompt.positive == positive]]
        elif isinstance(prompt, Scribble) and prompt.positive == positive:
            marks.append(prompt.xy)
    return marks


def _distance(area: Bool[np.ndarray, "H W"], line: Float32[np.ndarray, "N 2"]) -> float:
    """Pixels from the area to a mark; of a line to the half of its points that is nearest."""
    y, x = np.nonzero(area)
    if not len(y):
        return float("inf")
    away = [float(np.hypot(x - px, y - py).min()) for px, py in np.rint(line)]
    return sorted(away)[(len(away) - 1) // 2]


def _share_inside(area: Bool[np.ndarray, "H W"], box: Box) -> float:
    inside = area[pixels_in(box)]
    return float(inside.sum()) / max(1, int(area.sum()))


def not_found(description: ConceptPrompt, answer: GroundingResult) -> NothingFound:
    """The error of a description of which nothing reached its threshold."""
    best = float(answer.grounding.best.max(initial=0.0))
    found = f"the best score is {best:.2f}, the threshold {answer.threshold:.2f}"
    # What reached the threshold and is not there was without a mask, or went by another
    # description.
    lower = 0.01 <= best < answer.threshold
    return NothingFound(
        f"nothing was found for {named(description)}: {found}",
        hint=f"{f'lower the threshold below {best:.2f}, ' if lower else ''}"
        "say it otherwise, or draw a box or a click",
    )


def named(description: ConceptPrompt) -> str:
    """The description as an error names it."""
    if isinstance(description, Text):
        return f"'{description.phrase}'"
    return f"the reference {description.source}".rstrip()


def _nothing_fits(sought: Sequence[Spoken]) -> NothingFound:
    """The error where things were found, and none of them fits the rest of what was said."""
    told = []
    for each in sought:
        assert isinstance(each.said, Text | Exemplar) and each.answer is not None
        scores = each.answer.grounding.found.scores
        told.append(
            f"{named(each.said)} found {len(scores)} (best score {scores.max():.2f}, "
            f"threshold {each.answer.threshold:.2f})"
        )
    return NothingFound(
        f"nothing fits all that was said: {'; '.join(told)}",
        hint="click on the thing itself, drop the box or the negative click that excludes "
        "it, or lower "
        "the threshold",
    )
