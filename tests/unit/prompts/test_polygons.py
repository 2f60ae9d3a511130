"""Polygons: which pixels they hold, what is wrong with one, and that they come back."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vseg.errors import BadPrompt, UsageError
from vseg.prompts.check import check_prompt, collect_prompts
from vseg.prompts.codec import pack_prompt, unpack_prompt
from vseg.prompts.parse import parse_prompts
from vseg.prompts.placing import place_prompts
from vseg.prompts.polygon_masks import mask_of
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Points, Polygon, Prompt, Timecode

HW = (40, 60)
SQUARE = [(10, 5), (30, 5), (30, 25), (10, 25)]
HOLE = [(15, 10), (20, 10), (20, 15), (15, 15)]


def square() -> np.ndarray:
    mask = np.zeros(HW, dtype=bool)
    mask[5:25, 10:30] = True
    return mask


def test_a_ring_is_the_box_with_the_same_corners() -> None:
    np.testing.assert_array_equal(mask_of(Polygon(SQUARE), HW).mask, square())
    np.testing.assert_array_equal(mask_of(Polygon(np.array(SQUARE[::-1])), HW).mask, square())


def test_rings_within_are_holes_and_rings_beside_are_parts() -> None:
    beside = [(40, 5), (50, 5), (50, 9), (40, 9)]
    expected = square()
    expected[10:15, 15:20] = False
    expected[5:9, 40:50] = True
    drawn = mask_of(Polygon([SQUARE, HOLE, beside]), HW).mask
    np.testing.assert_array_equal(drawn, expected)


def test_what_reaches_over_the_edge_is_cut_off() -> None:
    wide = Polygon([(-10, -5), (30, -5), (30, 25), (-10, 25)])
    check_prompt(wide, HW)
    expected = np.zeros(HW, dtype=bool)
    expected[:25, :30] = True
    np.testing.assert_array_equal(mask_of(wide, HW).mask, expected)


@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 39)), min_size=3, max_size=3),
)
def test_triangles_are_those_that_opencv_fills_but_for_the_outline(
    corners: list[tuple[int, int]],
) -> None:
    try:
        polygon = Polygon(corners)
    except BadPrompt:
        return
    filled = np.zeros(HW, np.uint8)
    cv2.fillPoly(filled, [np.array(corners, np.int32)], 1)
    outline = np.zeros(HW, np.uint8)
    cv2.polylines(outline, [np.array(corners, np.int32)], True, 1, thickness=3)
    try:
        mask = mask_of(polygon, HW).mask
    except BadPrompt:
        mask = np.zeros(HW, dtype=bool)
    inside = outline == 0
    np.testing.assert_array_equal(mask[inside], filled[inside] == 1)


@pytest.mark.parametrize(
    ("corners", "what"),
    [
        ([(1, 2), (30, 4)], "2 different corners"),
        ([(1, 2), (30, 4), (1, 2), (1, 2)], "2 different corners"),
        ([(1, 1), (10, 10), (20, 20)], "no area"),
        ([(0.1, 0.1), (0.2, 0.2), (0.7, 0.7)], "no area"),
        ([(0, 0), (30, 30), (30, 0), (0, 30)], "crosses itself.*0,0 to 30,30.*30,0 to 0,30"),
        ([(0, 0), (20, 0), (20, 20), (10, -5)], "crosses itself"),
        ([(0, 0), (20, 0), (float("nan"), 20)], "not a number"),
        (np.array([1, 2, 30, 4, 20, 20]), "shape"),
        ([SQUARE, [(1, 2), (3, 4)]], "2 different corners"),
        ([], "at least one point"),
    ],
)
def test_what_is_wrong_with_a_ring_is_said(corners: object, what: str) -> None:
    with pytest.raises(BadPrompt, match=what):
        Polygon(corners)  # type: ignore[arg-type]


def test_a_ring_may_touch_itself_and_repeat_its_first_corner() -> None:
    # As outlines of masks come: a hole that is reached by a cut of no width.
    keyhole = [*SQUARE, SQUARE[0], *HOLE[::-1], HOLE[-1], SQUARE[0]]
    expected = square()
    expected[10:15, 15:20] = False
    np.testing.assert_array_equal(mask_of(Polygon(keyhole), HW).mask, expected)


@pytest.mark.parametrize(
    ("rings", "what"),
    [
        ([[(100, 5), (120, 5), (120, 25)]], "outside the 60x40 frame"),
        ([[(-20, 5), (-3, 5), (-3, 25)]], "outside the 60x40 frame"),
        ([[(10, 5), (300, 5), (300, 25)]], "beyond the 60x40 frame"),
        ([[(10.1, 5.1), (10.2, 5.1), (10.2, 5.2)]], "no pixel"),
        ([SQUARE, SQUARE], "no pixel"),
    ],
)
def test_a_polygon_that_holds_no_pixel_is_refused(
    rings: list[list[tuple[float, float]]], what: str
) -> None:
    with pytest.raises(BadPrompt, match=what):
        check_prompt(Polygon(rings), HW)


def test_rings_of_one_object_on_one_frame_are_one_polygon() -> None:
    ring = "10,5 30,5 30,25 10,25"
    hole = "15,10 20,10 20,15 15,15"
    prompts = parse_prompts(
        points=["2:4,5"],
        polygons=[f"2@3:{ring}", ring, f"2@3:{hole}", f"2@4:{hole}", f"@0:{hole}"],
    )
    places = [(p.object_id, p.at, p.value) for p in prompts]
    assert isinstance(places[0][2], Points)
    assert [(i, at.frame) for i, at, _ in places[1:]] == [(2, 3), (1, 0), (2, 4)]
    for _, _, value in places[1:3]:
        assert isinstance(value, Polygon)
        assert [len(r) for r in value.rings] == [4, 4]


def test_a_frame_and_its_time_are_one_place() -> None:
    scene = SyntheticVideo(SceneConfig(num_frames=10, height=40, width=60))
    ring, hole = "10,5 30,5 30,25 10,25", "15,10 20,10 20,15 15,15"
    at_s = 5.5 / float(scene.info.fps or 1)
    (joined,) = place_prompts(
        scene, parse_prompts(polygons=[f"@5:{ring}", f"@{at_s}s:{hole}"])
    )
    assert joined.at == Timecode(5) and isinstance(joined.value, Polygon)
    assert len(joined.value.rings) == 2


@pytest.mark.parametrize("spec", ["", "1,2 3", "a,b 3,4 5,6", "0:1,2 3,4 9,9", "1,2,3,4,5,6"])
def test_a_malformed_polygon_is_refused(spec: str) -> None:
    with pytest.raises((UsageError, BadPrompt)):
        parse_prompts(polygons=[spec])


def test_a_polygon_comes_back_from_its_record() -> None:
    prompt = Prompt(
        3, Timecode(7), Polygon([np.array([(0.1, 5), (30, 5), (30, 25)]), np.array(HOLE)])
    )
    record = json.loads(json.dumps(pack_prompt(prompt, {})))
    back = unpack_prompt(record, lambda name: np.zeros((1, 1, 3), np.uint8))
    assert pack_prompt(back, {}) == record and back.at == prompt.at
    assert isinstance(back.value, Polygon) and isinstance(prompt.value, Polygon)
    for one, other in zip(back.value.rings, prompt.value.rings, strict=True):
        np.testing.assert_array_equal(one, other)


def test_plain_numbers_are_one_ring_or_several() -> None:
    for one in (SQUARE, np.array(SQUARE), [SQUARE], np.array([SQUARE]), (np.array(SQUARE),)):
        (polygon,) = collect_prompts(polygon=one)
        assert isinstance(polygon, Polygon) and len(polygon.rings) == 1
    (both,) = collect_prompts(polygon=[SQUARE, [(15, 10), (20, 10), (20, 15)]])
    assert isinstance(both, Polygon) and len(both.rings) == 2
