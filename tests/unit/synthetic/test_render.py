"""The renderer against geometry that is known in closed form."""

import math

import numpy as np
import pytest

from vseg.synthetic.motion import (
    AxisMotion,
    Bounce,
    HandheldCamera,
    Motion,
    Oscillation,
    Wave,
    apply,
    compose,
)
from vseg.synthetic.render import Light, Sprite, draw_sprite
from vseg.synthetic.shape import Outline

STILL = Wave((), (), ())
FLAT = Light(1.0, 0.0, 0.0)
HEIGHT = 70
WIDTH = 90


def camera(pan_x: Wave = STILL, zoom: Wave = STILL) -> HandheldCamera:
    return HandheldCamera(HEIGHT, WIDTH, pan_x, STILL, STILL, zoom)


def disc(x: float, y: float, radius: float, label: int = 1, hole: float = 0.0) -> Sprite:
    motion = Motion(
        Oscillation(x, STILL),
        Oscillation(y, STILL),
        radius,
        0.0,
        0.0,
        turn=STILL,
        swell=STILL,
        squash=STILL,
    )
    black = np.zeros((32, 32, 3), np.uint8)
    return Sprite(label, Outline((), (), hole), black, motion)


def draw(*sprites: Sprite, light: Light = FLAT) -> tuple[np.ndarray, np.ndarray]:
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for sprite in sprites:
        draw_sprite(image, labels, sprite, camera(), 0.0, light)
    return image, labels


def distance(x: float, y: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.hypot(rows - y, columns - x))


@pytest.mark.parametrize(("x", "y"), [(40.0, 30.0), (40.5, 30.25), (2.3, 66.8), (89.0, 0.0)])
def test_a_disc_takes_the_pixels_it_covers_by_more_than_half(x: float, y: float) -> None:
    _, labels = draw(disc(x, y, 18.0))
    rows, columns = (np.arange(16 * n) / 16 - 15 / 32 for n in (HEIGHT, WIDTH))
    inside = np.hypot(rows[:, None] - y, columns[None, :] - x) < 18.0
    share = inside.reshape(HEIGHT, 16, WIDTH, 16).mean(axis=(1, 3))
    sure = np.abs(share - 0.5) > 0.1  # One sub-pixel weighs a sixteenth.
    assert np.array_equal((labels == 1)[sure], (share > 0.5)[sure])
    assert np.count_nonzero(~sure) < 40


def test_image_and_labels_come_from_the_same_coverage() -> None:
    image, labels = draw(disc(40.3, 33.7, 20.0))
    dark = image[:, :, 0] < 128
    assert np.array_equal(dark, labels == 1)
    soft = (image[:, :, 0] > 0) & (image[:, :, 0] < 255)
    assert 60 < np.count_nonzero(soft) < 260  # One soft pixel or two across the outline.


def test_the_nearer_layer_takes_the_pixel() -> None:
    _, labels = draw(disc(35.0, 35.0, 15.0, label=1), disc(50.0, 35.0, 15.0, label=2))
    near = distance(50.0, 35.0) < 14.5
    assert (labels[near] == 2).all()
    assert (labels[(distance(35.0, 35.0) < 14.5) & (distance(50.0, 35.0) > 15.5)] == 1).all()


def test_an_unlabelled_layer_hides_what_is_below() -> None:
    _, labels = draw(disc(35.0, 35.0, 15.0, label=1), disc(35.0, 35.0, 8.0, label=0))
    assert (labels[distance(35.0, 35.0) < 7.5] == 0).all()
    assert (labels[(distance(35.0, 35.0) > 8.5) & (distance(35.0, 35.0) < 14.5)] == 1).all()


def test_a_hole_shows_what_is_behind_it() -> None:
    image, labels = draw(disc(45.0, 35.0, 20.0, hole=0.5))
    inside = distance(45.0, 35.0) < 9
    assert (labels[inside] == 0).all() and (image[inside] == 255).all()


def test_a_sprite_outside_the_frame_changes_nothing() -> None:
    image, labels = draw(disc(500.0, 35.0, 20.0), disc(45.0, -300.0, 20.0))
    assert (image == 255).all() and (labels == 0).all()


def test_shadow_and_shading_do_not_move_the_mask() -> None:
    _, flat = draw(disc(45.0, 35.0, 18.0))
    image, lit = draw(disc(45.0, 35.0, 18.0), light=Light(0.6, 0.8, 1.0))
    assert np.array_equal(flat, lit)
    # Light from below right: the shadow falls to the upper left.
    assert image[22, 29].mean() < 230 < image[48, 61].mean()


def test_motion_blur_does_not_move_the_mask() -> None:
    still = disc(45.0, 35.0, 15.0)
    moving = Motion(
        Oscillation(45.0, Wave((100.0,), (25.0,), (0.0,))), *_rest_of(still.motion)
    )  # About 25 pixels per frame at time 0.
    image, labels = draw(Sprite(1, still.outline, still.surface, moving))
    assert np.array_equal(labels, draw(still)[1])
    columns = np.arange(WIDTH)
    darkness = 255.0 - image[35, :, 0]
    assert (darkness * columns).sum() / darkness.sum() == pytest.approx(45.0, abs=0.3)
    assert np.count_nonzero((darkness > 5) & (darkness < 250)) > 10


def _rest_of(motion: Motion) -> tuple[AxisMotion, float, float, float, Wave, Wave, Wave]:
    return (
        motion.y,
        motion.radius,
        motion.angle,
        motion.spin,
        motion.turn,
        motion.swell,
        motion.squash,
    )


def test_a_bounce_stays_between_its_walls_at_constant_speed() -> None:
    track = Bounce(start=30.0, speed=7.0, low=10.0, high=80.0)
    places = np.array([track.at(float(t)) for t in range(400)])
    assert track.at(0.0) == pytest.approx(30.0) and track.at(1.0) == pytest.approx(37.0)
    assert places.min() >= 10.0 and places.max() <= 80.0
    assert np.abs(np.diff(places)).max() <= 7.0 + 1e-9
    assert Bounce(30.0, -7.0, 10.0, 80.0).at(2.0) == pytest.approx(16.0)


def test_the_camera_pans_against_the_world_and_zooms_about_the_middle() -> None:
    middle = np.array([[(WIDTH - 1) / 2, (HEIGHT - 1) / 2]])
    pan = Wave((10.0,), (4.0,), (0.0,))
    assert apply(camera(pan_x=pan).at(1.0), middle)[0, 0] == pytest.approx(middle[0, 0] - 10)
    assert apply(camera(pan_x=pan).at(1.0, 1.5), middle)[0, 0] == pytest.approx(
        middle[0, 0] - 15
    )
    closer = camera(zoom=Wave((math.log(2),), (4.0,), (0.0,))).at(1.0)
    assert np.allclose(apply(closer, middle), middle)
    assert np.allclose(apply(closer, middle + 1), middle + 2)
    twice = compose(closer, closer)
    assert np.allclose(apply(twice, middle + 1), middle + 4)
