"""What a session refuses says what is wrong, and changes nothing."""

import numpy as np
import pytest

from tests.scenes import point_on, truth_of
from vseg.errors import BadPrompt
from vseg.models.nano.model import Nano
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.types import Box, Mask, Scribble

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"points": [(500, 20)]}, "point 500,20 lies outside the 160x96 frame"),
        (
            {"points": [(50, 20), (70, 100)]},
            "point 70,100 lies",
        ),
        ({"points": [(50, 120)]}, "lies outside"),
        ({"points": [(50, 20)], "labels": [0]}, "object 1 .*negative marks alone"),
        (
            {"points": [(50, 20), (60, 30), (50.2, 20)], "labels": [1, 1, 0]},
            "clicks at 50.2,20 say both that object 1 on frame 0 is there",
        ),
        ({"prompts": [Scribble([(5, 5), (9, 9)], False)]}, "object 1 .*negative marks alone"),
        ({"mask": np.ones((160, 96), bool)}, "the mask is 96x160"),
        ({"box": (-300, 0, -200, 5)}, "lies outside the 160x96 frame"),
        ({"box": (-50, -50, 210, 146)}, "by more than half a side beyond the 160x96 frame"),
        ({"box": (20, 20, 10, 40)}, "empty or inverted"),
        ({"box": (1, 2, 3)}, "4 numbers"),
        ({"mask": np.ones((10, 10), bool)}, "the mask is 10x10 but the frame is 160x96"),
        ({"mask": np.zeros((96, 160), bool)}, "the mask is empty"),
        ({"points": [(1, 2)], "labels": [1, 0]}, "1 points but 2 labels"),
        ({"points": [(float("nan"), 2)]}, "not a number"),
        ({}, "no prompt was given"),
    ],
)
def test_bad_prompts_say_what_is_wrong(
    model: Nano, scene: SyntheticVideo, given: dict[str, object], message: str
) -> None:
    with Session(model, scene) as session:
        with pytest.raises(BadPrompt, match=message):
            session.prompt(1, 0, **given)  # type: ignore[arg-type]
        assert session.object_ids == ()


@pytest.mark.parametrize(
    ("point", "hint"),
    [
        ((170, 20), "x goes from 0 to 159 and y to 95, in pixels of the displayed"),
        ((50, 120), "were they swapped"),
    ],
)
def test_a_point_outside_comes_with_a_hint(
    model: Nano, scene: SyntheticVideo, point: tuple[int, int], hint: str
) -> None:
    with Session(model, scene) as session, pytest.raises(BadPrompt) as raised:
        session.prompt(1, 0, points=[point])
    assert hint in (raised.value.hint or "")


def test_negative_points_correct_what_is_there(model: Nano, scene: SyntheticVideo) -> None:
    inside = [point_on(scene, 1)]
    with Session(model, scene) as session:
        session.prompt(1, 0, mask=truth_of(scene, 1))
        session.prompt(1, 0, points=inside, labels=[0])
        session.prompt(1, 2, points=inside, labels=[0])
        session.prompt(2, 0, points=[*inside, (1, 1)], labels=[1, 0])
        with pytest.raises(BadPrompt, match=r"object 3 .*negative marks alone"):
            session.prompt(3, 2, points=inside, labels=[0])
        assert session.object_ids == (1, 2)


def test_a_click_that_contradicts_an_earlier_one_changes_nothing(
    model: Nano, scene: SyntheticVideo
) -> None:
    inside = [point_on(scene, 1)]
    with Session(model, scene) as session:
        before = session.prompt(1, 0, points=inside)[1]
        with pytest.raises(BadPrompt, match=r"object 1 on frame 0 .*it is not"):
            session.prompt(1, 0, points=inside, labels=[0])
        first = next(iter(session.propagate()))
        np.testing.assert_array_equal(first[1], before)
        session.prompt(1, 1, points=inside, labels=[0])


def test_frames_and_objects_must_exist(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model, scene) as session:
        with pytest.raises(BadPrompt, match="nothing to propagate"):
            session.propagate()
        with pytest.raises(BadPrompt, match="frame 40 is past the end: 0 to 39"):
            session.prompt(1, 40, [Box(1, 1, 9, 9)])
        with pytest.raises(BadPrompt, match="not positive"):
            session.prompt(0, 0, [Box(1, 1, 9, 9)])
        session.prompt(1, 0, [Mask(truth_of(scene, 1))])
        with pytest.raises(BadPrompt, match="no object 7"):
            session.propagate(objects=[7])
    with Session(model) as live, pytest.raises(BadPrompt, match="no video"):
        live.prompt(1, 0, points=[(1, 1)])
