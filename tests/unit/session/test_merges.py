"""Two bodies that one mask swallows come back to whom their motion says."""

import numpy as np
import pytest

from vseg.session.identity.merges import Body, Divided, Group, Merges

HW = (60, 120)


def disc(x: float, y: float, radius: int = 6) -> np.ndarray:
    rows, columns = np.indices(HW)
    return np.asarray(np.hypot(columns - x, rows - y) <= radius)


NOTHING = np.zeros(HW, dtype=bool)


def step(
    merges: Merges,
    frame: int,
    masks: dict[int, np.ndarray],
    *,
    alike: bool = True,
    prompted: frozenset[int] = frozenset(),
) -> Divided:
    return merges.divide(Group(frame, masks, prompted, lambda one, other: alike))


def approach(merges: Merges, until: int) -> None:
    """Object 1 goes right and object 2 left, a row apart, two cells a frame."""
    for t in range(until):
        step(merges, t, {1: disc(20 + 2 * t, 27), 2: disc(100 - 2 * t, 33)})


def test_after_a_crossing_each_gets_the_piece_its_motion_leads_to() -> None:
    merges = Merges()
    approach(merges, 16)
    for t in range(16, 28):  # 1 swallows 2 and carries both bodies on
        both = disc(20 + 2 * t, 27) | disc(100 - 2 * t, 33)
        divided = step(merges, t, {1: both, 2: NOTHING})
    assert set(divided.masks) == {1, 2}
    assert divided.holders == {1: 1, 2: 1}
    ones = np.nonzero(divided.masks[1])[1]
    twos = np.nonzero(divided.masks[2])[1]
    assert abs(ones.mean() - (20 + 2 * 27)) < 1
    assert abs(twos.mean() - (100 - 2 * 27)) < 1
    assert divided.unclear == {1, 2}


def test_one_piece_is_divided_by_where_the_bodies_should_be() -> None:
    merges = Merges()
    approach(merges, 16)
    both = disc(54, 27) | disc(66, 33)  # they stand side by side and touch
    divided = step(merges, 17, {1: both, 2: NOTHING})
    assert set(divided.masks) == {1, 2}
    assert not (divided.masks[1] & divided.masks[2]).any()
    np.testing.assert_array_equal(divided.masks[1] | divided.masks[2], both)
    assert np.nonzero(divided.masks[1])[1].mean() < np.nonzero(divided.masks[2])[1].mean()


def test_bodies_on_top_of_each_other_are_not_divided() -> None:
    bodies = {
        1: Body(15, (50.0, 30.0), (2.0, 0.0), 113.0),
        2: Body(15, (70.0, 30.0), (-2.0, 0.0), 113.0),
    }
    divided = step(Merges(bodies), 20, {1: disc(60, 30, 7), 2: NOTHING})
    assert divided.masks == {}
    assert divided.unclear == {1, 2}


@pytest.mark.parametrize("alike", [True, False])
def test_who_vanishes_elsewhere_or_beside_another_kind_was_not_swallowed(alike: bool) -> None:
    merges = Merges()
    for t in range(10):
        near = 40 if not alike else 100
        step(merges, t, {1: disc(20 + t, 30), 2: disc(near, 30)}, alike=alike)
    both = disc(30, 30) | disc(near, 30)
    divided = step(merges, 10, {1: both, 2: NOTHING}, alike=alike)
    if alike:  # its place is covered by a look-alike, however far that was
        assert set(divided.masks) == {1, 2}
    else:
        assert divided == Divided({}, {}, frozenset())
        assert 2 not in merges.bodies


def test_what_the_user_says_counts_at_once() -> None:
    merges = Merges()
    approach(merges, 16)
    step(merges, 17, {1: disc(54, 27) | disc(66, 33), 2: NOTHING})
    said = frozenset({2})
    step(merges, 18, {1: disc(54, 27), 2: disc(100, 50)}, prompted=said)
    assert merges.bodies[2].held_by is None
    assert merges.bodies[2].centre == (100.0, 50.0)


def test_a_swallowed_object_is_not_waited_for_forever() -> None:
    merges = Merges()
    approach(merges, 16)
    for t in range(17, 200):
        step(merges, t, {1: disc(60, 30), 2: NOTHING})
    assert 2 not in merges.bodies


def test_motion_is_foreseen_in_both_directions_of_time() -> None:
    body = Body(10, (50.0, 20.0), (2.0, -1.0), 100.0)
    np.testing.assert_allclose(body.expected(14), [58.0, 16.0])
    np.testing.assert_allclose(body.expected(6), [42.0, 24.0])
    np.testing.assert_allclose(body.expected(500), [110.0, -10.0])


def test_who_is_prompted_where_nothing_is_gets_no_share_of_who_held_it() -> None:
    merges = Merges()
    approach(merges, 18)
    both = disc(20 + 2 * 18, 27) | disc(100 - 2 * 18, 33)
    step(merges, 18, {1: both, 2: NOTHING})
    assert merges.bodies[2].held_by == 1
    masks = {2: NOTHING, 3: disc(20, 50)}
    assert step(merges, 19, masks, prompted=frozenset({2})).masks == {}
    assert 2 not in merges.bodies
