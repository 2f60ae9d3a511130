"""A click in the annotator decodes no more than is new."""

from collections.abc import Sequence

import pytest

from tests.scenes import two_objects
from vseg.interfaces.grounder import Grounder
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.server.annotator.prompted_images import PromptedImages
from vseg.types import Points, Prompt, Text, Timecode


@pytest.fixture(scope="module")
def model() -> Nano:
    return load_nano(dtype="float32", short_side=128)


def click(x: int, y: int) -> Prompt:
    return Prompt(1, Timecode(frame=0), Points([(x, y)]))


def test_a_click_where_a_preview_was_shown_decodes_nothing(
    model: Nano, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = two_objects(2)
    images = PromptedImages(model, lambda index: scene.draw(index).frame, _no_grounder)
    images.encode(0)
    for name in ("encode_coarse", "encode"):  # a frame that is shown is ready for a click
        monkeypatch.setattr(model, name, _not_again)
    shown = images.preview([click(60, 40)], None)
    for name in ("encode_crops", "decode_prompts"):
        monkeypatch.setattr(model, name, _not_again)
    clicked = images.mask("a click", [click(60, 40)], None)
    assert clicked.crop.area == shown.crop.area > 0
    assert (clicked.crop.mask == shown.crop.mask).all()


def _no_grounder(_texts: Sequence[Text]) -> Grounder:
    pytest.fail("there are no words")


def _not_again(*_values: object, **_named: object) -> None:
    pytest.fail("it was done before")
