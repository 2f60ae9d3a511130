"""Two objects that one mask covers are split as their motion says."""

import numpy as np
import pytest

from vseg.session.identity.merges import Blob, FrameObjects, Merges, Split

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
    similar: bool = True,
    prompted: frozenset[int] = frozenset(),
) -> Split:
    return merges.split(FrameObjects(frame, masks, prompted, lambda one, other: similar))


def approach(merges: Merges, until: int) -> None:
    """Object 1 goes right and object 2 left, a row apart, two cells a frame."""
    for t in range(until):
        step(merges, t, {1: disc(20 + 2 * t, 27), 2: disc(100 - 2 * t, 33)})


def test_after_a_crossing_each_gets_the_piece_its_motion_leads_to() -> None:
    merges = Merges()
    approach(merges, 16)
    for t in range(16, 28):  # 1 covers 2 and carries both blobs on
        both = disc(20 + 2 * t, 27) | disc(100 - 2 * t, 33)
        split = step(merges, t, {1: both, 2: NOTHING})
    assert set(split.masks) == {1, 2}
    assert split.holders == {1: 1, 2: 1}
    ones = np.nonzero(split.masks[1])[1]
    twos = np.nonzero(split.masks[2])[1]
    assert abs(ones.mean() - (20 + 2 * 27)) < 1
    assert abs(twos.mean() - (100 - 2 * 27)) < 1
    assert split.merged == {1, 2}


def test_one_piece_is_split_by_where_the_blobs_should_be() -> None:
    merges = Merges()
    approach(merges, 16)
    both = disc(54, 27) | disc(66, 33)  # they stand side by side and touch
    split = step(merges, 17, {1: both, 2: NOTHING})
    assert set(split.masks) == {1, 2}
    assert not (split.masks[1] & split.masks[2]).any()
    np.testing.assert_array_equal(split.masks[1] | split.masks[2], both)
    assert np.nonzero(split.masks[1])[1].mean() < np.nonzero(split.masks[2])[1].mean()


def test_blobs_on_top_of_each_other_are_not_split() -> None:
    blobs = {
        1: Blob(15, (50.0, 30.0), (2.0, 0.0), 113.0),
        2: Blob(15, (70.0, 30.0), (-2.0, 0.0), 113.0),
    }
    split = step(Merges(blobs), 20, {1: disc(60, 30, 7), 2: NOTHING})
    assert split.masks == {}
    assert split.merged == {1, 2}


@pytest.mark.parametrize("similar", [True, False])
def test_who_vanishes_elsewhere_or_beside_another_kind_was_not_covered(similar: bool) -> None:
    merges = Merges()
    for t in range(10):
        near = 40 if not similar else 100
        step(merges, t, {1: disc(20 + t, 30), 2: disc(near, 30)}, similar=similar)
    both = disc(30, 30) | disc(near, 30)
    split = step(merges, 10, {1: both, 2: NOTHING}, similar=similar)
    if similar:  # its place is covered by a look-similar, however far that was
        assert set(split.masks) == {1, 2}
    else:
        assert split == Split({}, {}, frozenset())
        assert 2 not in merges.blobs


def test_what_the_user_says_counts_at_once() -> None:
    merges = Merges()
    approach(merges, 16)
    step(merges, 17, {1: disc(54, 27) | disc(66, 33), 2: NOTHING})
    said = frozenset({2})
    step(merges, 18, {1: disc(54, 27), 2: disc(100, 50)}, prompted=said)
    assert merges.blobs[2].held_by is None
    assert merges.blobs[2].centre == (100.0, 50.0)


def test_a_covered_object_is_not_waited_for_forever() -> None:
    merges = Merges()
    approach(merges, 16)
    for t in range(17, 200):
        step(merges, t, {1: disc(60, 30), 2: NOTHING})
    assert 2 not in merges.blobs


def test_motion_is_foreseen_in_both_directions_of_time() -> None:
    blob = Blob(10, (50.0, 20.0), (2.0, -1.0), 100.0)
    np.testing.assert_allclose(blob.expected(14), [58.0, 16.0])
    np.testing.assert_allclose(blob.expected(6), [42.0, 24.0])
    np.testing.assert_allclose(blob.expected(500), [110.0, -10.0])


def test_who_is_prompted_where_nothing_is_gets_no_share_of_who_held_it() -> None:
    merges = Merges()
    approach(merges, 18)
    both = disc(20 + 2 * 18, 27) | disc(100 - 2 * 18, 33)
    step(merges, 18, {1: both, 2: NOTHING})
    assert merges.blobs[2].held_by == 1
    masks = {2: NOTHING, 3: disc(20, 50)}
    assert step(merges, 19, masks, prompted=frozenset({2})).masks == {}
    assert 2 not in merges.blobs
