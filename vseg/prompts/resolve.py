"""Precedence among text, exemplars and visual prompts of one object on one frame.

Enters: all prompts of the object there, and the detections of each concept prompt.
Leaves: visual prompts alone, as the engine takes them.

| prompts                      | result                                                       |
| ---------------------------- | ------------------------------------------------------------ |
| visual prompts alone         | they stand as they are                                       |
| a mask or a polygon          | the polygon is the mask of what it encloses; the last counts |
| a mask beside a concept      | the mask and other visual prompts; the concept is ignored    |
| a concept                    | the best detection that reaches its threshold                |
| text and an exemplar         | the best detection of both (their IoU is at least one half)  |
| + positive clicks, scribbles | the best detection under them, else the nearest near one     |
| + negative clicks, scribbles | no detection under them, unless a positive mark is there too |
| + a box                      | only detections that lie in it by half or more               |
| the same kind again          | the last box, mask, text or exemplar; marks add up           |

Marks are points and scribbles.  Positive marks also refine the chosen mask; negative ones on
it cut.  A chosen detection is an estimate: its mask goes to the decoder with its box and the
marks, never as a mask of the user's.  Where no detection fits, NothingFound names the best
score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from vseg.errors import NothingFound
from vseg.ops.boxes import pixels_in
from vseg.ops.masks import mask_iou
from vseg.prompts.visual import as_visual
from vseg.types import (
    Box,
    ConceptPrompt,
    Exemplar,
    Grounding,
    Mask,
    MaskCrop,
    Points,
    Polygon,
    Prompt,
    Scribble,
    Text,
    VisualPrompt,
)

AGREE = 0.5
"""Detections of two concepts are of one object where they overlap by this IoU: the usual
threshold of a match in detection benchmarks; not tuned."""
INSIDE = 0.5
"""A detection lies in a box that holds this share of its pixels: more than half; not tuned."""
NEAR = 0.5
"""A detection is near a mark that is no farther away than this share of its own side (the root
of its area).  A round value; not tuned."""


@dataclass(frozen=True, slots=True)
class GroundingResult:
    """The detections of one concept prompt, and the least score that counted."""

    grounding: Grounding
    threshold: float


@dataclass(frozen=True, slots=True)
class PromptEntry:
    """A prompt, with its detections if it is a concept prompt that was grounded."""

    prompt: Prompt
    result: GroundingResult | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A detection to choose from.  area: its pixels, or those of its box.  exact: `area` is a
    mask.
    """

    area: Bool[np.ndarray, "H W"]
    box: Box
    score: float
    exact: bool


def effective(entries: Sequence[PromptEntry]) -> tuple[PromptEntry, ...]:
    """The entries that count: of boxes, masks (or polygons), texts and exemplars only the
    last.
    """
    kept: list[PromptEntry] = []
    for entry in entries:
        for kind in (Box, Mask | Polygon, Text, Exemplar):
            if isinstance(entry.prompt.value, kind):
                kept = [k for k in kept if not isinstance(k.prompt.value, kind)]
        kept.append(entry)
    return tuple(kept)


def resolve_prompts(
    entries: Sequence[PromptEntry], hw: tuple[int, int]
) -> tuple[VisualPrompt, ...]:
    """The visual prompts that stand for all prompts of one object on a frame of (height,
    width) `hw`.

    Coordinates are video pixels.  Raises NothingFound where no detection fits the rest.
    """
    counted = effective(entries)
    values = [entry.prompt.value for entry in counted]
    visual = tuple(as_visual(v, hw) for v in values if not isinstance(v, Text | Exemplar))
    concepts = [e for e in counted if isinstance(e.prompt.value, Text | Exemplar)]
    if not concepts or any(isinstance(p, Mask) for p in visual):
        return visual
    chosen = _chosen(_agreed([_candidates(entry, hw) for entry in concepts]), visual)
    if chosen is None:
        raise _nothing_fits(concepts)
    marks = tuple(p for p in visual if isinstance(p, Points | Scribble))
    return (*((Mask(chosen.area),) if chosen.exact else ()), chosen.box, *marks)


def _candidates(entry: PromptEntry, hw: tuple[int, int]) -> list[_Candidate]:
    """The detections of one concept prompt.  Raises NothingFound where there are none."""
    concept, result = _grounded(entry)
    detections = result.grounding.found
    if not len(detections):
        raise not_found(concept, result)
    crops = detections.masks or (None,) * len(detections)
    return [
        _candidate(crop, detections.boxes[k], float(detections.scores[k]), hw)
        for k, crop in enumerate(crops)
    ]


def _grounded(entry: PromptEntry) -> tuple[ConceptPrompt, GroundingResult]:
    """A concept prompt and its detections."""
    assert isinstance(entry.prompt.value, Text | Exemplar) and entry.result is not None
    return entry.prompt.value, entry.result


def _candidate(
    crop: MaskCrop | None, sides: Float64[np.ndarray, "4"], score: float, hw: tuple[int, int]
) -> _Candidate:
    box = Box(*(float(side) for side in sides))
    if crop is not None:
        return _Candidate(crop.paste(*hw), box, score, exact=True)
    area = np.zeros(hw, dtype=bool)
    area[pixels_in(box)] = True
    return _Candidate(area, box, score, exact=False)


def _agreed(of_concepts: Sequence[list[_Candidate]]) -> list[_Candidate]:
    """The detections that all concepts have in common; of a pair the exact one, with the mean
    of the scores.
    """
    agreed = of_concepts[0]
    for others in of_concepts[1:]:
        # Boxes below a pixel have no area: two of them show nothing in common.
        shown = [one for one in agreed if one.area.any()]
        pairs = [(a, b) for a in shown for b in others if mask_iou(a.area, b.area) >= AGREE]
        agreed = [_united(a, b) for a, b in pairs]
    return agreed


def _united(one: _Candidate, other: _Candidate) -> _Candidate:
    kept = one if one.exact else other
    return _Candidate(kept.area, kept.box, (one.score + other.score) / 2, kept.exact)


def _chosen(candidates: list[_Candidate], visual: Sequence[VisualPrompt]) -> _Candidate | None:
    """The best of the detections that the visual prompts leave."""
    boxes = [p for p in visual if isinstance(p, Box)]
    if boxes:
        candidates = [c for c in candidates if _share_inside(c.area, boxes[-1]) >= INSIDE]
    positive = _marks(visual, True)
    negative = _marks(visual, False)
    if positive:
        distances = [max(_distance(c.area, mark) for mark in positive) for c in candidates]
        on = [c for c, distance in zip(candidates, distances, strict=True) if distance == 0]
        if on:
            return max(on, key=lambda c: c.score)
        near = [
            (distance, c)
            for c, distance in zip(candidates, distances, strict=True)
            if distance <= NEAR * np.sqrt(c.area.sum())
        ]
        nearest = min((distance for distance, _ in near), default=0.0)
        candidates = [c for distance, c in near if distance == nearest]
    free = [c for c in candidates if not any(_distance(c.area, m) == 0 for m in negative)]
    return max(free, key=lambda c: c.score, default=None)


def _marks(visual: Sequence[VisualPrompt], positive: bool) -> list[Float32[np.ndarray, "N 2"]]:
    """The marks of one sign: points one by one, a scribble as a whole."""
    marks = []
    for prompt in visual:
        if isinstance(prompt, Points):
            marks += [xy[None] for xy in prompt.xy[prompt.positive == positive]]
        elif isinstance(prompt, Scribble) and prompt.positive == positive:
            marks.append(prompt.xy)
    return marks


def _distance(area: Bool[np.ndarray, "H W"], mark: Float32[np.ndarray, "N 2"]) -> float:
    """Pixels from the area to a mark; of a scribble to the half of its points that is nearest,
    because a hand-drawn line strays over the edge.
    """
    y, x = np.nonzero(area)
    if not len(y):
        return float("inf")
    distances = [float(np.hypot(x - px, y - py).min()) for px, py in np.rint(mark)]
    return sorted(distances)[(len(distances) - 1) // 2]


def _share_inside(area: Bool[np.ndarray, "H W"], box: Box) -> float:
    inside = area[pixels_in(box)]
    return float(inside.sum()) / max(1, int(area.sum()))


def not_found(concept: ConceptPrompt, result: GroundingResult) -> NothingFound:
    """The error of a concept prompt of which nothing reached its threshold."""
    best = float(result.grounding.best.max(initial=0.0))
    # Lowering the threshold helps only where the best score lies below it: a detection that
    # reached it was dropped for want of a mask, or belongs to another concept.
    lower = 0.01 <= best < result.threshold
    return NothingFound(
        f"nothing was found for {named(concept)}: the best score is {best:.2f}, the threshold "
        f"{result.threshold:.2f}",
        hint=f"{f'lower the threshold below {best:.2f}, ' if lower else ''}"
        "use other words, or prompt with a box or a point",
    )


def named(concept: ConceptPrompt) -> str:
    """The concept prompt as an error names it."""
    if isinstance(concept, Text):
        return f"'{concept.phrase}'"
    return f"the exemplar {concept.source}".rstrip()


def _nothing_fits(concepts: Sequence[PromptEntry]) -> NothingFound:
    """The error where there are detections, and none of them fits the other prompts."""
    counts = []
    for entry in concepts:
        concept, result = _grounded(entry)
        scores = result.grounding.found.scores
        counts.append(
            f"{named(concept)} has {len(scores)} (best score {scores.max():.2f}, "
            f"threshold {result.threshold:.2f})"
        )
    return NothingFound(
        f"no detection fits all prompts together: of detections {'; '.join(counts)}",
        hint="click on the object itself, drop the box or the negative point that excludes "
        "it, or lower the threshold",
    )
