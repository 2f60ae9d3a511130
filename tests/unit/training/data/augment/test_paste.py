"""Pasted things: image and mask agree, the front hides the back, nothing leaks a label."""

import cv2
import numpy as np
import pytest

from vseg.training.data.augment.copy_paste import Lenders, crowded, hidden
from vseg.training.data.augment.cutouts import (
    Cutout,
    blob,
    cut,
    mirrored,
    post,
    resized,
    toned,
)
from vseg.training.data.augment.paste import Layer, paste, path_through, smeared
from vseg.training.data.augment.thin_plate_spline import draw_bend
from vseg.training.data.augment.warp import Affine, Motion, walk
from vseg.training.data.clip import Footage
from vseg.training.data.dataset_zip import Clip
from vseg.training.data.sources.stills import StillShot, filled, still_footage

SIDE = 96
BLUE = (20, 30, 200)
RED = (220, 20, 20)
GREEN = (20, 220, 20)


def flat(colour: tuple[int, int, int], h: int = SIDE, w: int = SIDE) -> np.ndarray:
    return np.full((h, w, 3), colour, np.uint8)


def disc(centre: tuple[int, int] = (48, 48), radius: int = 20) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    return cv2.circle(mask, centre, radius, 1, -1) > 0


def empty(steps: int = 4) -> Footage:
    return Footage((flat(BLUE),) * steps, (np.zeros((SIDE, SIDE), np.uint8),) * steps)


def still(colour: tuple[int, int, int] = RED) -> Clip:
    image = flat(BLUE)
    mask = disc()
    image[mask] = colour
    return Clip("still/s/disc", (image,), (mask.astype(np.uint8),))


def layer(
    colour: tuple[int, int, int], label: int, steps: int = 4, behind: bool = False
) -> Layer:
    cutout = cut(flat(colour), disc())
    rng = np.random.default_rng(label)
    places = np.array([[40.0 + 4 * t, 50.0] for t in range(steps)])
    poses = walk(rng, Motion(0.0, 20, 0.2, 0.1), SIDE, steps)
    return Layer(
        cutout, path_through(cutout, places, poses), label, draw_bend(rng, 0.03), behind
    )


def assert_exact(footage: Footage, colour: tuple[int, int, int], label: int) -> None:
    """The label lies where the colour is, but for the soft edge."""
    channel = int(np.argmax(colour))
    for image, labels in zip(footage.images, footage.labels, strict=True):
        others = np.delete(image, channel, axis=2).max(axis=2)
        shown = image[..., channel].astype(int) > others.astype(int)
        wrong = shown != (labels == label)
        core = cv2.erode(wrong.astype(np.uint8), np.ones((2, 2), np.uint8))
        assert not core.any()


def test_a_pasted_thing_is_labelled_where_it_is_seen() -> None:
    footage = paste(empty(), layer(RED, 1))
    assert_exact(footage, RED, 1)
    areas = [(label == 1).sum() for label in footage.labels]
    assert min(areas) > 500


def test_the_given_footage_stays_as_it_is() -> None:
    before = empty()
    paste(before, layer(RED, 1))
    assert not any(label.any() for label in before.labels)
    np.testing.assert_array_equal(before.images[0], flat(BLUE))


def test_what_is_in_front_hides_what_is_behind() -> None:
    footage = paste(paste(empty(), layer(RED, 1)), layer(GREEN, 0))
    assert_exact(footage, RED, 1)
    assert all(set(np.unique(label)) <= {0, 1} for label in footage.labels)


def test_a_layer_behind_leaves_the_labels_in_front() -> None:
    first = paste(empty(), layer(RED, 1))
    both = paste(first, layer(GREEN, 2, behind=True))
    for before, after in zip(first.labels, both.labels, strict=True):
        np.testing.assert_array_equal(before == 1, after == 1)
    assert_exact(both, GREEN, 2)


def test_a_layer_outside_the_frame_changes_nothing() -> None:
    cutout = cut(flat(RED), disc())
    away: tuple[Affine, ...] = tuple(
        path_through(cutout, np.full((4, 2), 900.0), [np.eye(3)] * 4)
    )
    footage = paste(empty(), Layer(cutout, away, 1, shadow=(3, 3), shutter=0.2))
    np.testing.assert_array_equal(footage.images[2], flat(BLUE))
    assert not footage.labels[2].any()


def test_shadow_and_smear_stay_off_the_mask() -> None:
    plain = layer(RED, 1)
    fancy = Layer(plain.cutout, plain.path, 1, plain.bend, shutter=0.8, shadow=(6, 5))
    for one, two in zip(
        paste(empty(), plain).labels, paste(empty(), fancy).labels, strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_cutouts_keep_their_shape() -> None:
    cutout = cut(flat(RED), disc(radius=20))
    assert cutout.size == pytest.approx([41, 41])
    assert (cutout.alpha > 127).sum() == pytest.approx(disc().sum(), rel=0.04)
    small = resized(cutout, np.array([20.0, 30.0]))
    assert small.size == pytest.approx([20, 30])
    assert (small.alpha > 127).sum() == pytest.approx(np.pi * 10 * 15, rel=0.1)
    np.testing.assert_array_equal(mirrored(mirrored(small)).alpha, small.alpha)


@pytest.mark.parametrize("shape", [post, blob])
def test_drawn_things_fill_their_size(shape: type) -> None:
    texture = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    for w, h in ((10.0, 250.0), (80.0, 20.0), (1.0, 1.0)):
        thing = shape(np.random.default_rng(1), texture, np.array([w, h]))
        assert (thing.alpha > 127).any()
        assert np.abs(thing.size - np.maximum([w, h], 3)).max() <= 3


def test_toning_keeps_the_alpha() -> None:
    cutout = Cutout(flat(RED), disc().astype(np.uint8) * 255)
    again = toned(np.random.default_rng(0), cutout, flat(BLUE), 0.5)
    np.testing.assert_array_equal(again.alpha, cutout.alpha)
    assert (again.colours != cutout.colours).any()


@pytest.mark.parametrize("parted", [0.0, 1.0])
def test_a_still_in_motion_keeps_its_mask_exact(parted: float) -> None:
    other = Clip("still/s/sky", (flat(BLUE),), (np.zeros((SIDE, SIDE), np.uint8),))
    moved = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        footage = still_footage(rng, still(), other, StillShot(64, 5, 1, parted, p_leave=0.0))
        assert_exact(footage, RED, 1)
        moved += not np.array_equal(footage.labels[0], footage.labels[-1])
    assert moved >= 6


def test_the_hole_is_filled_from_around() -> None:
    image = flat(BLUE)
    mask = disc()
    image[mask] = RED
    np.testing.assert_allclose(filled(image, mask), flat(BLUE), atol=2)


def test_a_crowd_follows_no_more_than_allowed_and_leaks_nothing() -> None:
    lenders = Lenders((still(GREEN),))
    numbers = set()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        footage = crowded(rng, paste(empty(), layer(RED, 1)), lenders, 3, 0.2)
        found = set(np.unique(np.stack(footage.labels)).tolist()) - {0}
        assert found <= {1, 2, 3}
        numbers.add(len(found))
    assert {1, 2} <= numbers
    footage = crowded(np.random.default_rng(0), paste(empty(), layer(RED, 1)), lenders, 1, 0.0)
    assert max(int(label.max()) for label in footage.labels) <= 1


def test_something_hides_the_followed_object() -> None:
    lenders = Lenders((still(GREEN),))
    base = paste(empty(6), layer(RED, 1, 6))
    shares = []
    for seed in range(9):
        footage = hidden(np.random.default_rng(seed), base, lenders)
        for before, after in zip(base.labels, footage.labels, strict=True):
            assert not ((after == 1) & (before != 1)).any()
        shares.append(
            min((label == 1).sum() for label in footage.labels) / (base.labels[0] == 1).sum()
        )
    assert np.median(shares) < 0.1
    untouched = hidden(np.random.default_rng(0), empty(), lenders)
    np.testing.assert_array_equal(untouched.images[1], flat(BLUE))


def test_smearing_spreads_along_the_drift() -> None:
    dot = np.zeros((31, 31), np.uint8)
    dot[15, 15] = 255
    line = smeared(dot, np.array([10.0, 0.0]))
    assert (line[15] > 0).sum() >= 9
    assert line[:13].max() == 0 and line[18:].max() == 0
