"""Splines interpolate their knots; warps are exact; trajectories leave and meet where they
should.
"""

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

from vseg.synthetic.raster import PixelBox
from vseg.training.data.augment.crop import draw_crop, halved
from vseg.training.data.augment.thin_plate_spline import draw_spline
from vseg.training.data.augment.trajectories import (
    camera_trajectory,
    crossing_trajectory,
    leaving_trajectory,
    random_trajectory,
)
from vseg.training.data.augment.warp import (
    MotionRange,
    SamplingMap,
    around_point,
    draw_affine,
    frame_map,
    placed,
    random_walk,
    warp,
)
from vseg.training.data.clip import Extent


def test_a_spline_interpolates_its_knots() -> None:
    spline = draw_spline(np.random.default_rng(0), 0.05)
    places = np.random.default_rng(1).uniform(-0.1, 1.1, (60, 2))
    for time in (0.0, 3.5):
        at_knots = spline.displaced(spline.knots, time) - spline.knots
        exact = RBFInterpolator(spline.knots, at_knots, kernel="thin_plate_spline")
        np.testing.assert_allclose(
            spline.displaced(places, time), places + exact(places), atol=1e-8
        )
        assert 0.01 < np.abs(at_knots).mean() < 0.1


def test_a_spline_swings_smoothly_and_returns() -> None:
    spline = draw_spline(np.random.default_rng(2), 0.03)
    places = np.random.default_rng(3).uniform(0, 1, (20, 2))
    np.testing.assert_allclose(
        spline.displaced(places, 0.0), spline.displaced(places, spline.period), atol=1e-9
    )
    step = np.abs(spline.displaced(places, 1.0) - spline.displaced(places, 0.9)).max()
    assert step < 0.02


def test_sampling_is_exact_on_any_window() -> None:
    rng = np.random.default_rng(0)
    matrix = draw_affine(rng, MotionRange(0.1, 30, 0.3, 0.2), 100)
    sampling = SamplingMap(np.linalg.inv(matrix), np.eye(3))
    window = PixelBox(7, -5, 60, 38)
    ys, xs = np.mgrid[-5:38, 7:60]
    wanted = np.linalg.inv(matrix) @ np.stack([xs.ravel(), ys.ravel(), np.ones(xs.size)])
    np.testing.assert_allclose(
        sampling.source_points(window).reshape(-1, 2), wanted[:2].T, rtol=0, atol=2e-4
    )


def test_deformed_sampling_is_close_to_the_spline() -> None:
    spline = draw_spline(np.random.default_rng(5), 0.02)
    sampling = frame_map(np.eye(3), np.eye(3), 224, (spline, 2.0))
    places = sampling.source_points(PixelBox(0, 0, 224, 224))
    ys, xs = np.mgrid[0:224, 0:224]
    wanted = 224 * spline.displaced(np.stack([xs.ravel(), ys.ravel()], axis=1) / 224, 2.0)
    # Linear between nodes 8 pixels apart.
    away = np.abs(places.reshape(-1, 2) - wanted)
    assert away.max() < 1.0 and away.mean() < 0.15
    part = sampling.source_points(PixelBox(30, 41, 77, 103))
    np.testing.assert_array_equal(part, places[41:103, 30:77])


def test_the_identity_shows_the_source() -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    mask = (image[..., 0] > 128).astype(np.uint8)
    shown, label = warp(image, mask, frame_map(np.eye(3), np.eye(3), 48, None), 48)
    np.testing.assert_array_equal(shown, image)
    np.testing.assert_array_equal(label, mask)


def test_maps_around_a_centre_keep_it() -> None:
    centre = np.array([12.0, 30.0])
    matrix = around_point(
        centre, draw_affine(np.random.default_rng(1), MotionRange(0.0, 40, 0.5, 0.3), 64)
    )
    np.testing.assert_allclose(matrix @ [12, 30, 1], [12, 30, 1])
    moved = placed(2.0, centre, np.array([5.0, 6.0]))
    np.testing.assert_allclose(moved @ [12, 30, 1], [5, 6, 1])


def test_walks_and_cameras_begin_at_rest() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        steps = random_walk(rng, MotionRange(0.1, 10, 0.1, 0.1), 64, 5)
        np.testing.assert_array_equal(steps[0], np.eye(3))
        assert len(camera_trajectory(rng, 64, 5)) == 5
        np.testing.assert_array_equal(random_trajectory(rng, 3.0, 5)[0], [0, 0])


@pytest.mark.parametrize("steps", [2, 3, 8])
def test_who_leaves_is_out_of_the_frame_for_an_image(steps: int) -> None:
    returned = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        body = Extent(rng.uniform(10, 90, 2), np.array([30.0, 20.0]))
        places = body.centre + leaving_trajectory(rng, body, 100, steps)
        np.testing.assert_allclose(places[0], body.centre)
        out = ((places + body.size / 2 <= 0) | (places - body.size / 2 >= 100)).any(axis=1)
        assert out.any() and not out[0]
        returned += bool(out.any() and not out[-1])
    assert (returned > 5) == (steps > 2)


def test_a_crossing_meets_its_goal() -> None:
    goal = np.array([40.0, 50.0])
    places = crossing_trajectory(np.random.default_rng(0), goal, 3, 25.0, 6)
    np.testing.assert_allclose(places[3], goal)
    np.testing.assert_allclose(np.hypot(*np.diff(places, axis=0).T), 25.0)


def test_crops_show_the_object() -> None:
    mask = np.zeros((90, 160), bool)
    mask[30:50, 100:130] = True
    inside = 0
    for seed in range(30):
        x, y, _ = draw_crop(np.random.default_rng(seed), mask, 64) @ [115, 40, 1]
        inside += bool(0 <= x < 64 and 0 <= y < 64)
    assert inside >= 27
    assert draw_crop(np.random.default_rng(0), np.zeros((90, 160), bool), 64).shape == (3, 3)


def test_large_images_are_halved() -> None:
    image = np.zeros((200, 240, 3), np.uint8)
    labels = np.ones((200, 240), np.uint8)
    assert halved(image, labels, 64)[1].shape == (100, 120)
    assert halved(image, labels, 128)[0] is image
