"""One propagation after another in one session."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from tests.sam_models import saved_model
from tests.scenes import truth_of
from vseg.errors import BadFrame, UsageError
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


@pytest.mark.parametrize("reverse", [False, True])
def test_a_propagation_after_others_is_as_in_a_new_session(
    either: Model, scene: SyntheticVideo, reverse: bool
) -> None:
    """What was tracked of the same frames before does not count."""
    first, until = (UNTIL - 1, None) if reverse else (0, UNTIL)
    with Session(either, scene) as session, Session(either, scene) as new:
        session.prompt(1, first, [truth(scene, 1, first)])
        list(session.propagate(until=until, reverse=reverse))
        new.prompt(1, first, [truth(scene, 1, first)])
        for one in (session, new):
            one.prompt(2, first, [truth(scene, 2, first)])
        list(session.propagate(until=until, reverse=reverse))
        both = [list(one.propagate(first, until, reverse=reverse)) for one in (session, new)]
    assert_same(*both)


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


def masks_of(passes: list[FrameMasks], obj: int) -> dict[int, np.ndarray]:
    return {m.frame_index: np.asarray(m[obj]) for m in passes if obj in m.object_ids}


def leave(session: Session, after: int, *, reverse: bool = False) -> list[FrameMasks]:
    """Frames of a propagation that is left early."""
    return list(islice(session.propagate(reverse=reverse), after))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_propagation_that_was_left_early_goes_on_with_what_was_prompted_since(
    model: Nano, scene: SyntheticVideo, reverse: bool
) -> None:
    """The last frame and the first have other numbers where it goes backward."""
    frames = list(range(len(scene)))[:: -1 if reverse else 1]
    with Session(model, scene) as session, Session(model, scene) as other:
        for one in (session, other):
            one.prompt(1, frames[0], [truth(scene, 1, frames[0])])
        whole = list(other.propagate(reverse=reverse))
        before = leave(session, 4, reverse=reverse)
        session.prompt(2, frames[2], [truth(scene, 2, frames[2])])
        after = list(session.propagate(reverse=reverse))
        assert [m.frame_index for m in after] == frames[2:]
        assert [m.object_ids for m in after[:3]] == [(2,), (2,), (1, 2)]
        found = masks_of([*before, *after], 1)
        assert list(found) == frames
        # What is known of another object takes no pixel of the first one here.
        assert all((found[t] == mask).mean() > 0.99 for t, mask in masks_of(whole, 1).items())
        # All are at the end: the next one is of all, from their first prompts on.
        assert session.next_pass(reverse=reverse) == ({1, 2}, frames[0])


def test_where_a_propagation_that_was_left_early_goes_on(
    model: Nano, scene: SyntheticVideo
) -> None:
    end = len(scene)
    with Session(model, scene) as session:
        session.prompt(1, 0, [truth(scene, 1)])
        first = leave(session, 5)
        # Nothing was changed: the same again.
        assert session.next_pass() == ({1}, 0)
        assert_same(leave(session, 5), first)
        # Corrected where it was already, it is tracked from there.
        session.prompt(1, 2, [truth(scene, 1, 2)])
        assert session.next_pass() == ({1}, 2)
        assert [m.frame_index for m in leave(session, 2)] == [2, 3]
        # Prompted further on, it goes on before that; so it does from a snapshot.
        session.prompt(1, 6, [truth(scene, 1, 6)])
        session.restore(session.snapshot())
        assert session.next_pass() == ({1}, 4)
        # The other way it begins at its prompts; named frames are those of the caller.
        assert session.next_pass(reverse=True) == ({1}, 6)
        assert [m.object_ids for m in session.propagate(1, 3)] == [(1,), (1,)]
        list(session.propagate(until=end))
        session.prompt(2, 3, [truth(scene, 2, 3)])
        assert session.next_pass() == ({2}, 3)
        # Left on its last frame it has come to its end.
        leave(session, end - 3)
        session.prompt(1, 1, [truth(scene, 1, 1)])
        assert session.next_pass() == ({1}, 1)


def test_a_frame_of_another_size_is_refused_after_those_before(
    either: Model, scene: SyntheticVideo
) -> None:
    frames = list(scene.frames(0, 4))
    frames[2] = replace(frames[2], image=frames[2].image[:-8])
    with Session(either) as session:
        session.prompt(1, frames[0], [truth(scene, 1)])
        passing = session.propagate(frames=iter(frames))
        assert [next(passing).frame_index for _ in range(2)] == [0, 1]
        with pytest.raises(BadFrame, match="those before were"):
            next(passing)


@pytest.mark.parametrize("start", [None, 0])
def test_a_session_that_was_closed_before_the_first_frame_says_so(
    model: Nano, scene: SyntheticVideo, start: int | None
) -> None:
    session = Session(model, scene)
    session.prompt(1, 0, [truth(scene, 1)])
    passing = session.propagate(start)
    session.close()
    with pytest.raises(UsageError, match="closed"):
        next(passing)
