"""Pasted objects: image and mask agree, the front hides the back, no label leaks."""

import cv2
import numpy as np
import pytest

from vseg.training.data.augment.copy_paste import PasteSource, occlude, paste_objects
from vseg.training.data.augment.cutouts import (
    Cutout,
    cut,
    mirrored,
    recoloured,
    resized,
    textured_bar,
    textured_blob,
)
from vseg.training.data.augment.paste import Layer, motion_blurred, paste, path_through
from vseg.training.data.augment.thin_plate_spline import draw_spline
from vseg.training.data.augment.warp import Affine, MotionRange, random_walk
from vseg.training.data.clip import Clip
from vseg.training.data.dataset_zip import ZippedClip
from vseg.training.data.sources.stills import StillOptions, clip_of_still, filled

SIDE = 96
BLUE = (20, 30, 200)
RED = (220, 20, 20)
GREEN = (20, 220, 20)


def flat(colour: tuple[int, int, int], h: int = SIDE, w: int = SIDE) -> np.ndarray:
    return np.full((h, w, 3), colour, np.uint8)


def disc(centre: tuple[int, int] = (48, 48), radius: int = 20) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    return cv2.circle(mask, centre, radius, 1, -1) > 0


def empty(steps: int = 4) -> Clip:
    return Clip((flat(BLUE),) * steps, (np.zeros((SIDE, SIDE), np.uint8),) * steps)


def still(colour: tuple[int, int, int] = RED) -> ZippedClip:
    image = flat(BLUE)
    mask = disc()
    image[mask] = colour
    return ZippedClip("still/s/disc", (image,), (mask.astype(np.uint8),))


def layer(
    colour: tuple[int, int, int], label: int, steps: int = 4, behind: bool = False
) -> Layer:
    cutout = cut(flat(colour), disc())
    rng = np.random.default_rng(label)
    places = np.array([[40.0 + 4 * t, 50.0] for t in range(steps)])
    poses = random_walk(rng, MotionRange(0.0, 20, 0.2, 0.1), SIDE, steps)
    return Layer(
        cutout, path_through(cutout, places, poses), label, draw_spline(rng, 0.03), behind
    )


def assert_exact(clip: Clip, colour: tuple[int, int, int], label: int) -> None:
    """The label lies where the colour is, but for the soft edge."""
    channel = int(np.argmax(colour))
    for image, labels in zip(clip.images, clip.labels, strict=True):
        others = np.delete(image, channel, axis=2).max(axis=2)
        shown = image[..., channel].astype(int) > others.astype(int)
        wrong = shown != (labels == label)
        core = cv2.erode(wrong.astype(np.uint8), np.ones((2, 2), np.uint8))
        assert not core.any()


def test_a_pasted_object_is_labelled_where_it_is_visible() -> None:
    clip = paste(empty(), layer(RED, 1))
    assert_exact(clip, RED, 1)
    areas = [(label == 1).sum() for label in clip.labels]
    assert min(areas) > 500


def test_the_given_clip_stays_as_it_is() -> None:
    before = empty()
    paste(before, layer(RED, 1))
    assert not any(label.any() for label in before.labels)
    np.testing.assert_array_equal(before.images[0], flat(BLUE))


def test_what_is_in_front_hides_what_is_behind() -> None:
    clip = paste(paste(empty(), layer(RED, 1)), layer(GREEN, 0))
    assert_exact(clip, RED, 1)
    assert all(set(np.unique(label)) <= {0, 1} for label in clip.labels)


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
    clip = paste(empty(), Layer(cutout, away, 1, shadow=(3, 3), shutter=0.2))
    np.testing.assert_array_equal(clip.images[2], flat(BLUE))
    assert not clip.labels[2].any()


def test_shadow_and_blur_stay_off_the_mask() -> None:
    plain = layer(RED, 1)
    fancy = Layer(plain.cutout, plain.path, 1, plain.spline, shutter=0.8, shadow=(6, 5))
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


@pytest.mark.parametrize("shape", [textured_bar, textured_blob])
def test_textured_shapes_fill_their_size(shape: type) -> None:
    texture = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    for w, h in ((10.0, 250.0), (80.0, 20.0), (1.0, 1.0)):
        cutout = shape(np.random.default_rng(1), texture, np.array([w, h]))
        assert (cutout.alpha > 127).any()
        assert np.abs(cutout.size - np.maximum([w, h], 3)).max() <= 3


def test_recolouring_keeps_the_alpha() -> None:
    cutout = Cutout(flat(RED), disc().astype(np.uint8) * 255)
    again = recoloured(np.random.default_rng(0), cutout, flat(BLUE), 0.5)
    np.testing.assert_array_equal(again.alpha, cutout.alpha)
    assert (again.colours != cutout.colours).any()


@pytest.mark.parametrize("p_object_motion", [0.0, 1.0])
def test_a_still_in_motion_keeps_its_mask_exact(p_object_motion: float) -> None:
    other = ZippedClip("still/s/sky", (flat(BLUE),), (np.zeros((SIDE, SIDE), np.uint8),))
    options = StillOptions(64, 5, 1, p_object_motion, p_leave=0.0)
    moved = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        clip = clip_of_still(rng, still(), other, options)
        assert_exact(clip, RED, 1)
        moved += not np.array_equal(clip.labels[0], clip.labels[-1])
    assert moved >= 6


def test_the_hole_is_filled_from_around() -> None:
    image = flat(BLUE)
    mask = disc()
    image[mask] = RED
    np.testing.assert_allclose(filled(image, mask), flat(BLUE), atol=2)


def test_pasting_follows_no_more_than_allowed_and_leaks_nothing() -> None:
    source = PasteSource((still(GREEN),))
    numbers = set()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        clip = paste_objects(rng, paste(empty(), layer(RED, 1)), source, 3, 0.2)
        found = set(np.unique(np.stack(clip.labels)).tolist()) - {0}
        assert found <= {1, 2, 3}
        numbers.add(len(found))
    assert {1, 2} <= numbers
    clip = paste_objects(
        np.random.default_rng(0), paste(empty(), layer(RED, 1)), source, 1, 0.0
    )
    assert max(int(label.max()) for label in clip.labels) <= 1


def test_an_occluder_hides_the_followed_object() -> None:
    source = PasteSource((still(GREEN),))
    base = paste(empty(6), layer(RED, 1, 6))
    shares = []
    for seed in range(9):
        clip = occlude(np.random.default_rng(seed), base, source)
        for before, after in zip(base.labels, clip.labels, strict=True):
            assert not ((after == 1) & (before != 1)).any()
        shares.append(
            min((label == 1).sum() for label in clip.labels) / (base.labels[0] == 1).sum()
        )
    assert np.median(shares) < 0.1
    untouched = occlude(np.random.default_rng(0), empty(), source)
    np.testing.assert_array_equal(untouched.images[1], flat(BLUE))


def test_motion_blur_spreads_along_the_drift() -> None:
    dot = np.zeros((31, 31), np.uint8)
    dot[15, 15] = 255
    line = motion_blurred(dot, np.array([10.0, 0.0]))
    assert (line[15] > 0).sum() >= 9
    assert line[:13].max() == 0 and line[18:].max() == 0
