"""One propagation after another in one session."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.sam_models import saved_model
from tests.scenes import truth_of
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.models.nano.model import Nano
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.types import Mask

pytestmark = pytest.mark.integration

UNTIL = 6
Change = Callable[[Session, SyntheticVideo], object]


@pytest.fixture(scope="module", params=["nano", "sam2"])
def either(
    request: pytest.FixtureRequest, model: Nano, tmp_path_factory: pytest.TempPathFactory
) -> Model:
    """A model of each kind of memory."""
    if request.param == "nano":
        return model
    folder = tmp_path_factory.mktemp("sam2")
    saved_model("sam2", folder, num_maskmem=3)
    return Sam(read_parts(folder, "sam2"), device=torch.device("cpu"), dtype=torch.float32)


def truth(scene: SyntheticVideo, obj: int, frame: int = 0) -> Mask:
    return Mask(truth_of(scene, obj, frame))


def assert_same(one: list[FrameMasks], other: list[FrameMasks]) -> None:
    assert [m.frame_index for m in one] == [m.frame_index for m in other]
    for first, second in zip(one, other, strict=True):
        assert first.object_ids == second.object_ids
        np.testing.assert_array_equal(first.logits, second.logits)
        np.testing.assert_array_equal(first.scores, second.scores)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_same_propagation_again_gives_the_same_masks(
    either: Model, scene: SyntheticVideo, reverse: bool
) -> None:
    """What the first one left in memory, of later frames too, must not count."""
    last = UNTIL - 1
    with Session(either, scene) as session:
        session.prompt(1, last if reverse else 0, [truth(scene, 1)])
        x, y = np.argwhere(scene.truth(2) == 2).mean(axis=0)[::-1].tolist()
        session.prompt(2, 2, points=[(x, y)])  # small enough for a crop of its own
        passes = [
            list(session.propagate(until=None if reverse else UNTIL, reverse=reverse))
            for _ in range(3)
        ]
    for again in passes[1:]:
        assert_same(again, passes[0])
        assert [m.events for m in again] == [m.events for m in passes[0]]


@pytest.mark.parametrize(
    "change",
    [
        lambda session, scene: session.prompt(1, 0, [truth(scene, 3)]),
        lambda session, scene: session.keep_prompts(1, {0}),
        lambda session, scene: session.restore(session.snapshot()),
        lambda session, scene: list(session.propagate(start=2, until=4)),
        lambda session, scene: session.interrupt(scene.read(4)),
        lambda session, scene: session.step(scene.read(7)),
    ],
)
def test_a_change_is_not_taken_back(
    model: Nano, scene: SyntheticVideo, change: Change
) -> None:
    with Session(model, scene) as session, Session(model, scene) as other:
        for one in (session, other):
            one.prompt(1, 0, [truth(scene, 1)])
        list(session.propagate(until=3))
        change(session, scene)
        other.restore(session.snapshot())
        assert_same(list(session.propagate(until=3)), list(other.propagate(until=3)))


def test_a_removed_object_stays_removed(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model, scene) as session:
        session.prompt(1, 0, [truth(scene, 1)])
        session.prompt(2, 0, [truth(scene, 2)])
        list(session.propagate(until=3, objects=[1]))
        session.remove(2)
        again = list(session.propagate(until=3, objects=[1]))
        assert session.object_ids == (1,)
    assert {masks.object_ids for masks in again} == {(1,)}
