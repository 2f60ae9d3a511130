"""Prompts of one object are decoded in rounds: what says how large it is, then each mark."""

import numpy as np

from vseg.session.prompt_rounds import prompt_rounds
from vseg.types import Box, Mask, Points, Scribble

ON = Points(np.array([[5, 5]], np.float32), np.array([True]))
OFF = Points(np.array([[20, 5]], np.float32), np.array([False]))
LINE = Scribble(np.array([[2, 2], [9, 9]], np.float32))
BOX = Box(1, 1, 12, 12)
GIVEN = Mask(np.ones((16, 24), bool))


def test_every_further_mark_is_a_round_with_all_before_it() -> None:
    assert prompt_rounds((ON, OFF, LINE)) == [[ON], [ON, OFF], [ON, OFF, LINE]]
    assert prompt_rounds((ON,)) == [[ON]]


def test_the_first_round_has_a_mark_on_the_object() -> None:
    assert prompt_rounds((OFF, ON, LINE)) == [[OFF, ON], [OFF, ON, LINE]]
    # A mask that is known is corrected: there need not be one.
    assert prompt_rounds((OFF, OFF)) == [[OFF], [OFF, OFF]]


def test_a_box_is_in_every_round_and_a_mask_in_the_first() -> None:
    assert prompt_rounds((ON, BOX, OFF)) == [[BOX], [BOX, ON], [BOX, ON, OFF]]
    assert prompt_rounds((GIVEN, BOX)) == [[GIVEN, BOX]]
    assert prompt_rounds((GIVEN, ON, OFF)) == [[GIVEN, ON], [ON, OFF]]
    assert prompt_rounds((BOX, GIVEN, ON)) == [[GIVEN, BOX, ON]]
