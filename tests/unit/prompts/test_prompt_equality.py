"""Prompts are values: equal and of one hash where what they say is equal."""

from collections.abc import Callable

import numpy as np
import pytest

from vseg.types import Box, Exemplar, Mask, Points, Polygon, PromptValue, Scribble, Text

IMAGE = np.zeros((4, 6, 3), np.uint8)
SQUARE = [(1, 1), (3, 1), (3, 3)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: Points([(1, 2), (3, 4)]), lambda: Points([(1, 2), (3, 4)], [1, 0])),
        (lambda: Scribble([(1, 2), (3, 4)]), lambda: Scribble([(1, 2), (3, 5)])),
        (lambda: Polygon(SQUARE), lambda: Polygon([(1, 1), (3, 1), (3, 4)])),
        (lambda: Box(1, 2, 3, 4), lambda: Box(1, 2, 3, 5)),
        (lambda: Mask(IMAGE[..., 0] == 0), lambda: Mask(np.eye(4, 6, dtype=bool))),
        (
            lambda: Exemplar(IMAGE, np.eye(4, 6, dtype=bool)),
            lambda: Exemplar(IMAGE + 1, np.eye(4, 6, dtype=bool)),
        ),
        (lambda: Text("dog"), lambda: Text("cat")),
    ],
)
def test_equal_prompts_are_one_key(
    one: Callable[[], PromptValue], other: Callable[[], PromptValue]
) -> None:
    assert one() == one() and hash(one()) == hash(one())
    assert one() != other() and one() in [other(), one()]
    assert one() != Box(0, 0, 1, 1)
