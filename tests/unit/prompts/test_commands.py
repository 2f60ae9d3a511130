"""The options that a revision names its prompts by are read back as the same prompts."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from vseg.prompts.commands import prompt_options
from vseg.prompts.parse import (
    parse_boxes,
    parse_points,
    parse_polygons,
    parse_scribbles,
    parse_texts,
)
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
    Timecode,
)

PARSERS = {
    "--point": parse_points,
    "--box": parse_boxes,
    "--scribble": parse_scribbles,
    "--polygon": parse_polygons,
    "--text": parse_texts,
}


@pytest.mark.parametrize(
    "value",
    [
        Points([(4, 5), (6.5, 7)], [1, 0]),
        Box(1, 2, 3.5, 4),
        Scribble([(1, 2), (3, 4)], False),
        Polygon([(10, 20), (200, 20), (200, 300)]),
        Text("the driver's car", 0.4),
    ],
)
def test_options_say_the_prompt_again(value: PromptValue) -> None:
    words = shlex.split(prompt_options(Prompt(2, Timecode(frame=60), value)))
    again = [p for k, w in zip(words[::2], words[1::2], strict=True) for p in PARSERS[k]([w])]
    assert all((p.object_id, p.at) == (2, Timecode(frame=60)) for p in again)
    if isinstance(value, Points):
        clicks = [p.value for p in again]
        assert all(isinstance(click, Points) for click in clicks)
        assert np.concatenate([c.xy for c in clicks]).tolist() == value.xy.tolist()  # type: ignore[union-attr]
    else:
        assert repr(again[0].value) == repr(value)


def test_what_has_no_option_is_said_in_brackets() -> None:
    mask = np.eye(4, dtype=bool)
    said = prompt_options(Prompt(1, Timecode(frame=3), Mask(mask)))
    assert said == "(mask 1@3: 4 pixels, kept in prompts.jsonl)"
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    bare = prompt_options(Prompt(1, Timecode(frame=3), Exemplar(image, mask)))
    assert bare == "(exemplar 1@3: an image, kept in exemplars/)"
    shoe = Exemplar(image, mask, str(Path("shoe.jpg")), 0.7)
    said = prompt_options(Prompt(1, Timecode(frame=3), shoe))
    assert said == "(exemplar 1@3: shoe.jpg=0.7, kept in exemplars/)"
