"""A click in the annotator decodes no more than is new."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.scenes import two_objects
from vseg.interfaces.grounder import Grounder
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.server.annotator.frame_view import PromptedPlace, apart
from vseg.server.annotator.mask_message import MaskFlag
from vseg.server.annotator.prompted_images import PromptedImages, PromptedMask
from vseg.types import Mask, MaskCrop, Points, Prompt, Text, Timecode


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


def test_shared_pixels_go_to_the_larger_logit_unless_one_was_painted() -> None:
    """As where a session decodes both together, however large the masks are."""

    def decoded(obj: int, width: int, logit: float) -> tuple[PromptedPlace, PromptedMask]:
        crop = MaskCrop(0, 0, np.ones((2, width), dtype=bool))
        logits = np.full((2, 9), logit, dtype=np.float32)
        place = PromptedPlace(obj, 0, (click(1, 1),), None, (obj, 0, (), 0))
        return place, PromptedMask(crop, 0.5, lambda: logits)

    one, other = apart([decoded(1, 8, 2.0), decoded(2, 5, 1.0)])
    assert (one.crop.area, other.crop.area) == (16, 0)
    assert MaskFlag.PRESENT in one.flags and MaskFlag.PRESENT not in other.flags
    painted = Prompt(2, Timecode(frame=0), Mask(np.ones((2, 9), dtype=bool)))
    place, mask = decoded(2, 5, 1.0)
    given = replace(place, prompts=(painted,)), mask
    assert [shown.crop.area for shown in apart([decoded(1, 8, 2.0), given])] == [6, 10]


def _no_grounder(_texts: Sequence[Text]) -> Grounder:
    pytest.fail("there are no words")


def _not_again(*_values: object, **_named: object) -> None:
    pytest.fail("it was done before")
