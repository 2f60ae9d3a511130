"""An object that left the frame does not come back as what enters next, on masks made by hand
and with the shipped model.
"""

import numpy as np
import pytest
import torch

from vseg.config import IdentitySettings
from vseg.models.nano.model import Nano
from vseg.session.identity.departures import Departure
from vseg.session.identity.identities import Identities
from vseg.session.identity.identity_input import IdentityInput
from vseg.session.identity.object_identity import Looks
from vseg.session.identity.pack import pack_identities, unpack_identities
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo, Trajectory
from vseg.tensors import Decoded
from vseg.types import Mask

SIDE = 32
RED = (220, 30, 30)
BLUE = (30, 30, 220)
ONE = torch.tensor([1.0, 0.0])
OTHER = torch.tensor([0.0, 1.0])
NEAR = torch.tensor([0.9, 0.436])  # of cosine 0.9 to ONE

Body = tuple[int, int, tuple[int, int, int], torch.Tensor]
"""The columns of a body, its colour and its embedding; rows 8 to 24."""


class Stage:
    """Frames on which bodies are, one for each object, and what becomes of their masks."""

    def __init__(self, **rules: bool) -> None:
        self.identities = Identities(IdentitySettings(**rules))
        self.frame = -1

    def show(self, *bodies: Body | None, prompted: tuple[int, ...] = ()) -> list[int]:
        """The cells that every object has on the next frame."""
        self.frame += 1
        image = np.full((SIDE, SIDE, 3), 128, np.uint8)
        logits = torch.full((len(bodies), SIDE, SIDE), -4.0)
        for row, body in enumerate(bodies):
            if body is not None:
                columns = slice(max(0, body[0]), max(0, body[1]))
                image[8:24, columns] = body[2]
                logits[row, 8:24, columns] = 4.0
        presence = (logits > 0).flatten(1).any(1).float()
        views = torch.stack([ONE if body is None else body[3] for body in bodies])
        decoded = Decoded(logits, presence, presence, views)
        ids = tuple(range(1, len(bodies) + 1))
        said = tuple(i in prompted for i in ids)
        inputs = IdentityInput(self.frame, ids, said, said, decoded, image)
        resolved = self.identities.resolve(inputs).decoded
        return [int((row > 0).sum()) for row in resolved.logits]

    def leave(self, *others: Body) -> None:
        """Object 1, red and 10 columns wide, goes out to the right; others stay."""
        self.show((10, 20, RED, ONE), *others, prompted=(1, 2)[: 1 + len(others)])
        for x in range(14, SIDE, 4):
            self.show((x, x + 10, RED, ONE), *others)
        self.show(None, *others)


def test_what_enters_next_is_another_one() -> None:
    for looks in ((BLUE, ONE), (RED, OTHER)):
        stage = Stage()
        stage.leave()
        for x in range(-4, 12, 4):
            assert stage.show((x, x + 10, *looks)) == [0], "colours and embedding both decide"
        assert [event.kind for event in stage.identities.drain()] == ["lost"]


def test_the_same_one_returns_when_all_of_it_is_in_view() -> None:
    stage = Stage()
    stage.leave()
    assert stage.show((-4, 6, RED, NEAR)) == [0], "the border still cuts it off"
    assert stage.show((2, 12, RED, NEAR)) == [160]
    assert [event.kind for event in stage.identities.drain()] == ["lost", "recovered"]


def test_who_never_was_in_full_view_returns_with_half_of_what_was() -> None:
    stage = Stage()
    stage.show((20, 40, RED, ONE), prompted=(1,))
    for x in (26, 30):
        stage.show((x, x + 20, RED, ONE))
    assert stage.show(None) == [0]
    assert stage.show((28, 48, RED, ONE)) == [0], "a third of it"
    assert stage.show((25, 45, BLUE, ONE)) == [0], "another one"
    assert stage.show((25, 45, RED, ONE)) == [112]


def test_looks_that_another_object_has_too_say_nothing() -> None:
    stage = Stage()
    parked = (1, 8, RED, NEAR)
    stage.leave(parked)
    assert stage.show((10, 20, RED, ONE), parked)[0] == 0
    unlike = (1, 8, BLUE, NEAR)
    stage = Stage()
    stage.leave(unlike)
    assert stage.show((10, 20, RED, ONE), unlike)[0] == 160


def test_who_left_does_not_come_back_on_what_another_object_is_on() -> None:
    stage = Stage()
    other = (4, 14, BLUE, OTHER)
    stage.leave(other)
    # Its mask is on the other object, though what that one shows is not known yet.
    assert stage.show((5, 14, RED, ONE), other)[0] == 0
    assert stage.show((11, 21, RED, ONE), other)[0] > 0, "hardly on it"


def test_what_grows_from_a_rest_at_the_border_is_another_one() -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for x in (16, 22, 26, 30, 30, 30):
        stage.show((x, x + 10, RED, ONE))
    assert stage.show((29, 32, RED, OTHER)) == [48], "hardly more: it may be the same"
    assert stage.show((26, 32, BLUE, ONE)) == [0]
    assert stage.show((20, 30, BLUE, ONE)) == [0]


def test_a_mask_that_stays_on_what_its_object_uncovers_has_lost_it() -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for x in (16, 22):
        assert stage.show((x, x + 10, RED, ONE)) == [160]
    for _ in range(2):
        assert stage.show((22, 32, BLUE, OTHER)) == [0]
    assert stage.show((20, 30, BLUE, OTHER)) == [0], "nor where it comes off the border"
    assert stage.show((20, 30, RED, ONE)) == [160]
    assert [event.kind for event in stage.identities.drain()] == ["lost", "recovered"]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ((10, 20, RED, ONE), (22, 32, RED, OTHER)),  # the colours are its own
        ((10, 20, RED, ONE), (22, 32, BLUE, ONE)),  # the embedding is: the light changed
        ((10, 20, RED, ONE), (14, 24, BLUE, OTHER)),  # it cannot leave there
        ((26, 36, RED, ONE), (22, 32, BLUE, OTHER)),  # it never was in full view
    ],
)
def test_a_mask_at_the_border_is_kept_where_anything_speaks_for_it(
    first: Body, then: Body
) -> None:
    stage = Stage()
    stage.show(first, prompted=(1,))
    assert stage.show(then) == [160]


def test_other_light_is_forgiven_where_the_embedding_is_the_same() -> None:
    stage = Stage()
    stage.leave()
    usual = stage.identities.objects[1].departure.colours
    assert usual is not None
    # A coefficient of 0.8: above what the embedding asks for, below what colours alone need.
    lit = 0.8 * usual + 0.6 * np.roll(usual, 1)
    less_alike = torch.tensor([0.85, 0.527])
    assert stage.identities.may_be(1, Looks(ONE, lit))
    assert not stage.identities.may_be(1, Looks(less_alike, lit))
    assert not stage.identities.may_be(1, Looks(ONE, 0.7 * usual + 0.714 * np.roll(usual, 1)))


def test_a_rest_that_comes_off_the_border_is_something_else() -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for x in (16, 22, 26, 30):
        stage.show((x, x + 10, RED, ONE))
    before = stage.identities.objects[1].departure
    assert stage.show((28, 30, BLUE, OTHER)) == [0]
    after = stage.identities.objects[1].departure
    assert after.left and after.usual == before.usual and after.colours is before.colours


def test_who_turns_back_with_much_in_view_stays() -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for x in (16, 22, 26, 28, 26, 22, 16):
        assert stage.show((x, x + 10, RED, NEAR))[0] > 0


@pytest.mark.parametrize("looks", [(BLUE, ONE), (RED, OTHER)])
def test_what_comes_in_where_one_goes_out_is_another_one(
    looks: tuple[tuple[int, int, int], torch.Tensor],
) -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    # The mask passes to what enters with half of the object in view.
    for x in (14, 18, 22, 26):
        assert stage.show((x, x + 10, RED, ONE))[0] > 0
    assert stage.show((25, 35, *looks)) == [112], "hardly farther in"
    for x in (22, 18, 14):
        assert stage.show((x, x + 10, *looks)) == [0]


def test_one_of_several_that_look_alike_does_not_turn_back_where_it_should_be_out() -> None:
    stage = Stage()
    parked = (1, 8, RED, NEAR)
    stage.show((10, 20, RED, ONE), parked, prompted=(1, 2))
    for x in (14, 18, 22, 26):
        assert stage.show((x, x + 10, RED, ONE), parked)[0] > 0
    assert stage.show((21, 31, RED, ONE), parked)[0] == 0


def test_who_goes_slower_than_before_or_waits_at_the_border_stays() -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for x in (14, 18, 22, 24, 25, 25, 25, 25, 25, 24):
        assert stage.show((x, x + 10, RED, OTHER))[0] > 0


def test_long_after_it_should_be_out_it_may_come_in_again() -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for x in (14, 18, 22, *[26] * 5, 22, 18):
        assert stage.show((x, x + 10, RED, OTHER))[0] > 0


@pytest.mark.parametrize(
    ("step", "last", "leaving"),
    [
        (4, 26, True),
        (4, 22, True),  # all of it is in view: it should be out
        (1, 26, True),  # it should not: it is
        (0, 26, False),
    ],
)
def test_who_moves_out_of_the_frame_is_leaving_with_much_in_view(
    step: int, last: int, leaving: bool
) -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for k in range(1, 4):
        stage.show((10 + step * k, 20 + step * k, RED, ONE))
    stage.show((last, last + 10, RED, ONE))
    assert stage.identities.leaving(1) == leaving


def test_an_object_hidden_within_the_frame_has_not_left() -> None:
    stage = Stage()
    stage.show((10, 20, RED, ONE), prompted=(1,))
    for right in (18, 14, 12):
        stage.show((10, right, RED, ONE))
    stage.show(None)
    assert stage.show((12, 20, BLUE, OTHER)) == [128]


def test_a_prompt_and_an_earlier_frame_bring_it_back() -> None:
    stage = Stage()
    stage.leave()
    assert stage.show((2, 12, BLUE, OTHER), prompted=(1,)) == [160]
    stage = Stage()
    stage.leave()
    stage.frame -= 100
    assert not stage.identities.objects[1].departure.on(stage.frame).left


def test_the_rule_can_be_turned_off() -> None:
    stage = Stage(departures=False)
    stage.leave()
    assert stage.show((2, 12, BLUE, ONE)) == [160]


def test_who_left_is_not_taken_for_a_detection_unlike_it() -> None:
    stage = Stage()
    stage.leave()
    colours = stage.identities.objects[1].departure.colours
    assert colours is not None
    assert stage.identities.may_be(1, Looks(NEAR, colours))
    assert not stage.identities.may_be(1, Looks(NEAR, np.roll(colours, 1)))
    assert not stage.identities.may_be(2, Looks(NEAR, colours)), "there is no such object"


def motion_of(departure: Departure) -> tuple[np.ndarray, np.ndarray, int] | None:
    motion = departure.motion
    return None if motion is None else (motion.box, motion.velocity, motion.frame_index)


def test_departures_survive_a_snapshot() -> None:
    for frames in (5, 7):
        stage = Stage()
        stage.show((10, 20, RED, ONE), prompted=(1,))
        for x in range(14, 14 + 4 * frames, 4):
            stage.show((x, x + 10, RED, ONE) if x < SIDE else None)
        tensors, values = pack_identities(stage.identities)
        other = Identities(IdentitySettings())
        unpack_identities(other, tensors, values)
        one, two = stage.identities.objects[1].departure, other.objects[1].departure
        assert one.leaving != one.left
        np.testing.assert_array_equal(one.colours, two.colours)
        plain = [n for n in one.__slots__ if n not in ("colours", "motion")]
        assert [getattr(one, n) for n in plain] == [getattr(two, n) for n in plain]
        np.testing.assert_equal(motion_of(one), motion_of(two))


def crossing() -> SyntheticVideo:
    """Object 1 goes out to the right; then object 2, unlike it, comes in where it left."""
    there = Trajectory(((0, 0.5, 0.5), (14, 1.3, 0.5)))
    then = Trajectory(((14, 1.3, 0.5), (30, 0.5, 0.5)))
    return SyntheticVideo(
        SceneConfig(
            *(128, 192, 32),
            seed=21,
            num_objects=2,
            occluders=0,
            camera_motion=0.0,
            trajectories=(there, then),
        )
    )


@pytest.mark.integration
def test_the_mask_does_not_pass_to_the_next_one_and_a_resumed_session_agrees(
    model: Nano,
) -> None:
    scene = crossing()
    masks = []
    with Session(model, scene) as session:
        session.prompt(1, 0, [Mask(scene.truth(0) == 1)])
        saved = b""
        for one in session.propagate():
            masks.append(one)
            if one.frame_index == 16:
                saved = session.snapshot()
    for one in masks[18:]:
        assert not one[1].any(), one.frame_index
    with Session(model, scene) as other:
        other.restore(saved)
        for one, two in zip(masks[17:], other.propagate(start=17), strict=True):
            np.testing.assert_array_equal(one.logits, two.logits)
