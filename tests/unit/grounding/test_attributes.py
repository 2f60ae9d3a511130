"""Colours, places, sizes and motion, on named colours and on scenes whose masks are exact."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import ImageColor

from tests.scenes import visible_ids
from vseg.grounding.attributes import (
    COLOURS,
    NAMES,
    colour_shares,
    in_places,
    is_coloured,
    of_size,
    place_costs,
)
from vseg.grounding.frame_motion import is_moving, motion_between, moving_boxes, moving_shares
from vseg.grounding.narrowing import fitting, meant
from vseg.grounding.vocabulary import WordQuery
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame, MaskCrop


def square(x: int, y: int, side: int = 20) -> MaskCrop:
    return MaskCrop(x, y, np.ones((side, side), dtype=bool))


def css_colours() -> Iterator[tuple[str, tuple[int, ...]]]:
    """CSS's colours whose names hold exactly one of ours: "darkgreen" is green."""
    for name, value in ImageColor.colormap.items():
        terms = [term for term in COLOURS if term in name]
        if len(terms) == 1:
            yield COLOURS[terms[0]], ImageColor.getrgb(str(value))


def called(rgb: tuple[int, ...]) -> str:
    shares = colour_shares(np.full((20, 20, 3), rgb, np.uint8), square(0, 0))
    return NAMES[int(shares.argmax())]


def test_colours_are_called_as_css_calls_them() -> None:
    right = [called(rgb) == name for name, rgb in css_colours()]
    assert len(right) > 60
    assert np.mean(right) > 0.8, "CSS itself calls bluish greys grey and pale blues blue"
    for name in NAMES:
        assert called(ImageColor.getrgb(name)) == name or name == "brown"


def test_darker_and_lighter_shades_keep_their_name() -> None:
    for name in ("red", "green", "blue", "yellow"):
        rgb = np.array(ImageColor.getrgb(name))
        assert called(tuple(int(v) for v in rgb * 0.7)) == name


def test_a_red_car_has_black_tyres() -> None:
    image = np.full((40, 40, 3), 30, np.uint8)
    image[:14] = (190, 20, 25)
    shares = colour_shares(image, square(0, 0, 40))
    assert is_coloured(shares, "red") and is_coloured(shares, "black")
    assert not is_coloured(shares, "blue")
    image[:30] = (190, 20, 25)
    assert not is_coloured(colour_shares(image, square(0, 0, 40)), "black")


def test_places_are_halves_and_sizes_are_within_two() -> None:
    crops = [square(0, 0), square(180, 0), square(88, 92), square(60, 10)]
    hw = (200, 200)
    assert in_places(crops, ("left",), hw).tolist() == [True, False, True, True]
    assert in_places(crops, ("top", "right"), hw).tolist() == [False, True, False, False]
    assert in_places(crops, ("middle",), hw).tolist() == [False, False, True, False]
    costs = place_costs(crops, ("left",), hw)[:, 0]
    assert costs.argmin() == 0 and costs.argmax() == 1
    assert in_places([], ("left",), hw).shape == (0,)
    areas = np.array([100.0, 60.0, 40.0, 25.0])
    assert of_size(areas, "largest").tolist() == [True, True, False, False]
    assert of_size(areas, "smallest").tolist() == [False, False, True, True]
    assert not of_size(areas[:0], "largest").any()


SCORES = np.array([0.9, 0.8, 0.7])
THREE = [square(50, 50, 10), square(0, 60, 30), square(150, 0, 20)]


@pytest.mark.parametrize(
    ("query", "which"),
    [
        (WordQuery("car"), [0, 1, 2]),
        (WordQuery("car", one=True), [0]),
        (WordQuery("car", one=True, places=("left",)), [1]),
        (WordQuery("car", one=True, places=("right",)), [2]),
        (WordQuery("car", places=("left",)), [0, 1]),
        (WordQuery("car", one=True, size="largest"), [1]),
        (WordQuery("car", one=True, size="smallest"), [0]),
        (WordQuery("car", one=True, places=("right",), size="largest"), [2]),
        (WordQuery("car", size="largest"), [1]),
    ],
)
def test_what_is_meant(query: WordQuery, which: list[int]) -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    fits = np.flatnonzero(fitting(query, THREE, image, None))
    rows = meant(query, [THREE[k] for k in fits], SCORES[fits], (200, 200))
    assert fits[rows].tolist() == which


def two_discs(step: int, camera: int) -> tuple[Frame, MaskCrop, MaskCrop]:
    """One frame of a textured ground with a disc that stays on it and one that goes 4 pixels a
    step.
    """
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (260, 420, 3), dtype=np.uint8), (0, 0), 2)
    discs = cv2.GaussianBlur(rng.integers(0, 255, (60, 60, 3), dtype=np.uint8), (0, 0), 2)
    disc = np.hypot(*np.mgrid[-30:30, -30:30]) < 29
    crops = []
    for x, y in ((80, 60), (220 + 4 * step, 150)):
        ground[y : y + 60, x : x + 60][disc] = discs[disc]
        mask = np.zeros(ground.shape[:2], dtype=bool)
        mask[y : y + 60, x : x + 60] = disc
        crops.append(MaskCrop.of(mask[10:-10, 10 + camera * step :][:, :380]))
    view = np.ascontiguousarray(ground[10:-10, 10 + camera * step :][:, :380])
    return Frame(step, None, step / 25, view), crops[0], crops[1]


@pytest.mark.parametrize("camera", [0, 5])
def test_what_moves_moves_against_its_surroundings(camera: int) -> None:
    frame, still, moving = two_discs(0, camera)
    near, *_ = two_discs(1, camera)
    motion = motion_between(frame, near)
    assert motion is not None
    assert is_moving(motion, moving) and not is_moving(motion, still)
    shares = moving_shares(motion, [still, moving])
    assert shares[0] < 0.1 and shares[1] > 0.7
    (box,) = moving_boxes(motion)
    assert np.abs(box - moving.xyxy).max() < 8
    crops = [still, moving]
    for name, which in (("still", 0), ("moving", 1)):
        query = WordQuery("object", motion=name)
        assert np.flatnonzero(fitting(query, crops, frame.image, motion)).tolist() == [which]
        assert not fitting(query, crops, frame.image, None).any()


def test_motion_needs_a_second_moment() -> None:
    frame, *_ = two_discs(0, 0)
    assert motion_between(frame, None) is None
    assert motion_between(frame, replace(frame, index=9)) is None


@pytest.mark.parametrize("hw", [(20, 1000), (1000, 20), (12, 40)])
def test_what_moves_in_a_strip_lies_in_it(hw: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    height, width = hw
    ground = cv2.GaussianBlur(rng.integers(0, 255, (*hw, 3), dtype=np.uint8), (0, 0), 2)
    sides = tuple(side if side == min(hw) else side // 4 for side in hw)
    noise = rng.integers(0, 255, (*sides, 3), dtype=np.uint8)
    thing = cv2.GaussianBlur(noise, (0, 0), 2 if min(hw) > 12 else 1)
    frames = []
    step = max(3, max(hw) // 80)
    for k in range(2):
        image = ground.copy()
        y, x = (0 if side == min(hw) else side // 3 + k * step for side in hw)
        image[y : y + sides[0], x : x + sides[1]] = thing
        frames.append(Frame(k, None, k / 25, image))
    motion = motion_between(*frames)
    assert motion is not None
    boxes = moving_boxes(motion)
    assert len(boxes) and (boxes[:, :2] < (width, height)).all()
    assert (boxes[:, 2:] <= np.array([width, height]) + 2).all()
    y, x = (0 if side == min(hw) else side // 3 for side in hw)
    mask = np.zeros(hw, dtype=bool)
    mask[y : y + sides[0], x : x + sides[1]] = True
    assert moving_shares(motion, [MaskCrop.of(mask)])[0] > 0.5


def test_objects_of_a_scene_move_and_those_of_a_standstill_do_not() -> None:
    for speed in (0.0, 1.0):
        scene = SyntheticVideo(SceneConfig(num_frames=12, seed=4, speed=speed, occluders=0))
        motion = motion_between(scene.read(2), scene.read(5))
        assert motion is not None
        labels = scene.truth(2)
        crops = [MaskCrop.of(labels == which) for which in visible_ids(scene, 2)]
        assert len(crops) >= 2
        moved = [is_moving(motion, crop) for crop in crops]
        assert any(moved) if speed else not any(moved)
