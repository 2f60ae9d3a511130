"""A label is one line of a sensible length."""

import pytest

from vseg.errors import BadPrompt
from vseg.ops.label_text import check_label


@pytest.mark.parametrize(
    "text",
    ["", "  ", "a\nb", "a\tb", "a\0", "a\x1b[31m", "a\u2028b", "a\ud800", "x" * 201],
)
def test_a_label_that_no_line_can_show_is_refused(text: str) -> None:
    with pytest.raises(BadPrompt, match="label"):
        check_label(text)


@pytest.mark.parametrize(
    "text",
    ["person", "person:anna", "Fußgänger", "行人", "\u0645\u0646", "👩\u200d🚒", "x" * 200],
)
def test_a_label_in_any_script_is_taken(text: str) -> None:
    check_label(text)
