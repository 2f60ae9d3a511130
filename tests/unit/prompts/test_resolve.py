"""What wins when words, references and visual prompts meet: the rules, over mixes visual at
random.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vseg.errors import NothingFound
from vseg.prompts.resolve import GroundingResult, PromptEntry, resolve_prompts
from vseg.types import (
    Box,
    Detections,
    Exemplar,
    Grounding,
    Mask,
    MaskCrop,
    Points,
    Prompt,
    PromptValue,
    Scribble,
    Text,
    Timecode,
    VisualPrompt,
)

HW = (40, 100)
LIKE = Exemplar(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), dtype=bool), "shoe.png")
WORD = Text("ball")


def thing(k: int) -> np.ndarray:
    """The k-th of ten squares in two rows, 12 pixels wide and 8 apart."""
    mask = np.zeros(HW, dtype=bool)
    y = 4 + 20 * (k // 5)
    x = 4 + 20 * (k % 5)
    mask[y : y + 12, x : x + 12] = True
    return mask


def middle(k: int) -> tuple[float, float]:
    return 10.0 + 20 * (k % 5), 10.0 + 20 * (k // 5)


def answer(
    scores: dict[int, float], *, masks: bool = True, best: float = 0.0
) -> GroundingResult:
    """What a grounder that found these things says, best first."""
    order = sorted(scores, key=lambda k: -scores[k])
    crops = tuple(MaskCrop.of(thing(k)) for k in order)
    boxes = [[c.x, c.y, c.x + 12, c.y + 12] for c in crops]
    found = Detections(
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array([scores[k] for k in order], dtype=np.float64),
        np.zeros(len(order), dtype=np.int64),
        crops if masks else None,
    )
    top = max([best, *scores.values()])
    return GroundingResult(Grounding(found, np.array([top]), ("x",) * len(order)), 0.5)


def click(k: int, *, positive: bool = True) -> Points:
    return Points(np.array([middle(k)], np.float32), np.array([positive]))


def line(k: int, *, positive: bool = True) -> Scribble:
    x, y = middle(k)
    return Scribble(np.array([[x - 4, y], [x, y + 1], [x + 4, y]], np.float32), positive)


def entry(value: PromptValue, result: GroundingResult | None = None) -> PromptEntry:
    return PromptEntry(Prompt(1, Timecode(0), value), result)


def entries(
    *visual: VisualPrompt,
    word: GroundingResult | None = None,
    like: GroundingResult | None = None,
) -> list[PromptEntry]:
    concepts: list[tuple[PromptValue, GroundingResult | None]] = [(WORD, word), (LIKE, like)]
    return [*(entry(c, r) for c, r in concepts if r), *(entry(v) for v in visual)]


def taken(prompts: tuple[VisualPrompt, ...]) -> int:
    """Which thing the prompts stand for."""
    (mask,) = (p.mask for p in prompts if isinstance(p, Mask))
    return next(k for k in range(10) if np.array_equal(mask, thing(k)))


MARKS = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), max_size=4)
SCORES = st.dictionaries(st.integers(0, 9), st.floats(0.5, 1.0), min_size=1, max_size=6)


@settings(max_examples=150)
@given(SCORES, MARKS)
def test_marks_choose_among_what_was_found(
    scores: dict[int, float], marks: list[tuple[int, bool, bool]]
) -> None:
    visual = [(line if long else click)(k, positive=sign) for k, sign, long in marks]
    on = {k for k, sign, _ in marks if sign}
    off = {k for k, sign, _ in marks if not sign}
    # No square is within half a side of another one's middle: nearness plays no part here.
    allowed = [k for k in scores if on <= {k} and (k not in off or k in on)]
    if not allowed:
        with pytest.raises(NothingFound, match="no detection fits all prompts"):
            resolve_prompts(entries(*visual, word=answer(scores)), HW)
        return
    prompts = resolve_prompts(entries(*visual, word=answer(scores)), HW)
    assert scores[taken(prompts)] == max(scores[k] for k in allowed)
    assert taken(prompts) in allowed
    # A guess is never alone, and every mark goes along.
    assert isinstance(prompts[1], Box) and list(prompts[2:]) == visual


@settings(max_examples=100)
@given(SCORES, SCORES)
def test_text_and_an_exemplar_must_agree(
    one: dict[int, float], other: dict[int, float]
) -> None:
    both = {k: (one[k] + other[k]) / 2 for k in one if k in other}
    both_concepts = entries(word=answer(one, masks=False), like=answer(other))
    if not both:
        with pytest.raises(NothingFound, match=r"'ball' has .*; the exemplar shoe.png has"):
            resolve_prompts(both_concepts, HW)
    else:
        assert both[taken(resolve_prompts(both_concepts, HW))] == max(both.values())


def test_boxes_below_a_pixel_have_nothing_in_common() -> None:
    small = Detections(np.array([[20.1, 20.1, 20.3, 20.3]]), np.ones(1), np.zeros(1, np.int64))
    found = GroundingResult(Grounding(small, np.ones(1), ("x",)), 0.5)
    with pytest.raises(NothingFound):
        resolve_prompts(entries(word=found, like=found), HW)


@given(SCORES, MARKS)
def test_a_mask_wins_over_everything_described(
    scores: dict[int, float], marks: list[tuple[int, bool, bool]]
) -> None:
    visual = [click(k, positive=sign) for k, sign, _ in marks]
    prompts = resolve_prompts(entries(Mask(thing(0)), *visual, word=answer(scores)), HW)
    assert isinstance(prompts[0], Mask)
    np.testing.assert_array_equal(prompts[0].mask, thing(0))
    assert list(prompts[1:]) == visual


def test_visual_prompts_alone_stand_as_they_are() -> None:
    visual = (Box(1, 2, 30, 30), line(1, positive=False), click(0))
    assert resolve_prompts(entries(*visual), HW) == visual


def test_a_box_says_where_to_look_and_is_not_the_object() -> None:
    found = answer({0: 0.9, 3: 0.8, 4: 0.7})
    prompts = resolve_prompts(entries(Box(55, 0, 100, 40), word=found), HW)
    assert taken(prompts) == 3
    assert [p for p in prompts if isinstance(p, Box)] == [Box(64.0, 4.0, 76.0, 16.0)]
    # More than half of the thing must lie in the box.
    with pytest.raises(NothingFound):
        resolve_prompts(entries(Box(11, 0, 62, 40), word=answer({0: 0.9, 3: 0.8})), HW)


def test_a_click_just_beside_a_thing_means_it() -> None:
    beside = Points(np.array([[18, 10]], np.float32), np.array([True]))
    assert taken(resolve_prompts(entries(beside, word=answer({0: 0.6, 4: 0.9})), HW)) == 0


def test_a_negative_mark_cuts_what_a_positive_one_confirms() -> None:
    found = answer({0: 0.6, 1: 0.9})
    assert taken(resolve_prompts(entries(click(0, positive=False), word=found), HW)) == 1
    both = entries(click(0), click(0, positive=False), word=found)
    assert taken(resolve_prompts(both, HW)) == 0


def test_a_concept_given_again_replaces_the_one_before() -> None:
    first = entry(WORD, answer({0: 0.9}))
    second = entry(Text("box"), answer({1: 0.6}))
    assert taken(resolve_prompts([first, second], HW)) == 1


def test_a_find_without_a_mask_becomes_a_box() -> None:
    prompts = resolve_prompts(entries(click(2), word=answer({2: 0.9}, masks=False)), HW)
    assert prompts == (Box(44.0, 4.0, 56.0, 16.0), prompts[1])
    assert isinstance(prompts[1], Points)


@pytest.mark.parametrize("best", [0.0, 0.004, 0.7])
def test_a_threshold_is_blamed_only_where_lowering_it_helps(best: float) -> None:
    with pytest.raises(NothingFound) as caught:
        resolve_prompts(entries(word=answer({}, best=best)), HW)
    assert caught.value.hint == "use other words, or prompt with a box or a point"


def test_nothing_found_names_score_threshold_and_what_to_type() -> None:
    with pytest.raises(NothingFound) as caught:
        resolve_prompts(entries(word=answer({}, best=0.31)), HW)
    assert "'ball'" in caught.value.message
    assert "0.31" in caught.value.message and "0.50" in caught.value.message
    assert "0.31" in str(caught.value.hint)
    assert caught.value.exit_code == 4
