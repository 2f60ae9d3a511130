"""What looks like a prompted object and was not prompted does not join its mask."""

from dataclasses import replace

import numpy as np
import pytest

from vseg.config import IdentitySettings
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo, TrueFrame, identity_scenes

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def nano() -> Nano:
    return load_nano(dtype="float32", short_side=192)


@pytest.fixture(scope="module")
def crossing() -> list[TrueFrame]:
    """Two objects that look alike cross; they meet after ten of these frames."""
    scene = SyntheticVideo(identity_scenes()["cross-2"])
    drawn = [scene.draw(index) for index in range(24, 50)]
    return [replace(t, frame=replace(t.frame, index=n)) for n, t in enumerate(drawn)]


def begun(model: Nano, scene: list[TrueFrame], on: bool = True) -> Session:
    """A session in which object 1 is prompted on the first frame, and 2 is not."""
    session = Session(model, identity=IdentitySettings(distractors=on))
    session.prompt(1, scene[0].frame, mask=scene[0].labels == 1)
    return session


def taken_at_the_end(session: Session, scene: list[TrueFrame]) -> float:
    """The share of object 2 that the mask of 1 has on the last frame."""
    for masks in session.propagate(frames=iter([true.frame for true in scene])):
        assert masks.object_ids == (1,)
        assert {event.object_id for event in masks.events} <= {None, 1}
    other = scene[-1].labels == 2
    return float(np.count_nonzero(masks[1] & other) / np.count_nonzero(other))


def test_a_look_alike_that_nobody_prompted_is_not_taken(
    nano: Nano, crossing: list[TrueFrame]
) -> None:
    assert taken_at_the_end(begun(nano, crossing, on=False), crossing) > 0.9
    assert taken_at_the_end(begun(nano, crossing), crossing) < 0.1


def test_a_restored_session_goes_on_with_its_distractors(
    nano: Nano, crossing: list[TrueFrame]
) -> None:
    session = begun(nano, crossing)
    for true in crossing[:3]:
        session.step(true.frame)
    restored = Session(nano)
    restored.restore(session.snapshot())
    assert restored.snapshot() == session.snapshot()
    for true in crossing[3:6]:
        one, other = (each.step(true.frame) for each in (session, restored))
        np.testing.assert_array_equal(one.logits, other.logits)


def test_a_distractor_that_is_prompted_is_an_object_from_then_on(
    nano: Nano, crossing: list[TrueFrame]
) -> None:
    session = begun(nano, crossing)
    session.step(crossing[0].frame)
    with_distractor = session.state_bytes()
    session.prompt(2, crossing[1].frame, mask=crossing[1].labels == 2)
    session.step(crossing[1].frame)
    masks = session.step(crossing[2].frame)
    assert masks.object_ids == (1, 2)
    assert session.state_bytes() <= 1.5 * with_distractor
    assert not session.identities.objects.keys() - {1, 2}


def test_a_distractor_that_is_prompted_after_the_pass_is_an_object_in_the_next_one(
    nano: Nano, crossing: list[TrueFrame]
) -> None:
    session = begun(nano, crossing)
    frames = [true.frame for true in crossing[:14]]
    for _ in session.propagate(frames=iter(frames)):
        assert len(session.identities.objects) == 2
    session.prompt(2, crossing[5].frame, mask=crossing[5].labels == 2)
    assert [m.object_ids for m in session.propagate(frames=iter(frames[5:]))] == [(2,)] * 9
    for masks in session.propagate(0, frames=iter(frames)):
        assert 2 not in masks or not (masks[1] & masks[2]).any()
    assert session.identities.objects.keys() == {1, 2}


def test_a_look_alike_that_is_prompted_after_the_pass_is_tracked_as_in_a_new_session(
    nano: Nano, crossing: list[TrueFrame]
) -> None:
    """Its masks began to differ five frames on, and it was lost in the crossing."""
    frames = [true.frame for true in crossing]
    after = begun(nano, crossing)
    for _ in after.propagate(frames=iter(frames[:8])):
        pass
    for session in (after, new := Session(nano)):
        session.prompt(2, frames[0], mask=crossing[0].labels == 2)
    passes = [s.propagate(objects=[2], frames=iter(frames[:10])) for s in (after, new)]
    for masks, expected in zip(*passes, strict=True):
        np.testing.assert_array_equal(masks.logits, expected.logits)


def test_a_distractor_of_which_nobody_knows_where_it_is_may_be_what_joins(
    nano: Nano, crossing: list[TrueFrame]
) -> None:
    """Where tracking goes back to the middle, it has no place yet."""
    session = begun(nano, crossing)
    for true in crossing[:6]:
        session.step(true.frame)
    assert len(session.identities.objects) == 2
    session.prompt(2, crossing[3].frame, mask=crossing[3].labels == 2)
    next(session.propagate(3, frames=iter([true.frame for true in crossing[3:5]])))
    assert session.identities.objects.keys() == {1, 2}


def test_nobody_has_pixels_of_a_mask_that_is_given_later(
    nano: Nano, crossing: list[TrueFrame]
) -> None:
    """Not even one that was given on another frame and had them: that was wrong."""
    session = begun(nano, crossing)
    session.step(crossing[0].frame)
    body = crossing[1].labels == 1
    half = body & (np.cumsum(body, axis=1) > 3)
    session.prompt(2, crossing[1].frame, mask=half)
    masks = session.step(crossing[1].frame)
    np.testing.assert_array_equal(masks[2], half)
    assert not (masks[1] & half).any()


def test_a_removed_object_leaves_no_distractor(nano: Nano, crossing: list[TrueFrame]) -> None:
    session = begun(nano, crossing)
    session.step(crossing[0].frame)
    assert len(session.identities.objects) == 2
    session.remove(1)
    assert not session.identities.objects and session.state_bytes() == 0
