"""Shapes of CVAT as prompts and back, and the tracking of one: without CVAT's packages."""

from importlib.util import find_spec

import numpy as np
import pytest

import vseg
from tests.scenes import mask_iou, two_objects
from vseg.errors import BadFrame, BadPrompt, ExtraMissing, UsageError
from vseg.interfaces.model import Model
from vseg.server.plugins.cvat import create, words_of
from vseg.server.plugins.shape_points import Numbers, points_of_mask, prompt_of_shape
from vseg.server.plugins.shape_track import ShapeTrack
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Box, Mask, MaskCrop

HW = (9, 12)


def some_mask() -> np.ndarray:
    mask = np.random.default_rng(1).random(HW) < 0.4
    mask[:2] = False
    mask[:, 10:] = False
    return mask


def test_a_mask_is_its_runs_and_its_inclusive_box() -> None:
    mask = np.zeros(HW, dtype=bool)
    mask[2, 3:6] = True
    mask[3, 5] = True
    points = points_of_mask("mask", MaskCrop.of(mask))
    assert points == [0, 3, 2, 1, 3, 2, 5, 3]


@pytest.mark.parametrize("mask", [some_mask(), np.ones(HW, dtype=bool)])
def test_a_mask_comes_back_the_same(mask: np.ndarray) -> None:
    points = points_of_mask("mask", MaskCrop.of(mask))
    assert points is not None
    prompt = prompt_of_shape("mask", points, HW)
    assert isinstance(prompt, Mask)
    assert np.array_equal(prompt.mask, mask)


def test_a_mask_is_what_cvat_encodes() -> None:
    masks = pytest.importorskip("cvat_sdk.masks", reason="pip install 'vseg[cvat]'")
    for mask in (some_mask(), np.ones(HW, dtype=bool)):
        assert points_of_mask("mask", MaskCrop.of(mask)) == masks.encode_mask(mask)


def test_a_rectangle_and_a_polygon() -> None:
    assert prompt_of_shape("rectangle", [1, 2, 7, 8.5], HW) == Box(1, 2, 7, 8.5)
    corners = [2.0, 1.0, 20.0, 1.0, 20.0, 5.0, 2.0, 5.0]  # over the right edge
    prompt = prompt_of_shape("polygon", corners, HW)
    assert isinstance(prompt, Mask)
    assert prompt.mask[1:5, 2:].all()
    assert prompt.mask.sum() == 40
    crop = MaskCrop.of(prompt.mask)
    assert points_of_mask("rectangle", crop) == [2, 1, 12, 5]
    ring = points_of_mask("polygon", crop)
    assert ring is not None
    again = prompt_of_shape("polygon", ring, HW)
    assert isinstance(again, Mask)
    assert np.array_equal(again.mask, prompt.mask)


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "mask"])
def test_nothing_visible_is_no_shape(kind: str) -> None:
    assert points_of_mask(kind, MaskCrop.empty()) is None


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("rectangle", [1, 2, 3]),
        ("rectangle", [1, 2, float("nan"), 4]),
        ("polygon", [1, 2, 3, 4]),
        ("polygon", [1, 2, 3, 4, 5, 6, 7]),
        ("mask", [0, 0, 1, 1]),
        ("mask", [0, 3, 0, 0, 1, 1]),
        ("mask", [0, -4, 8, 0, 0, 1, 1]),
        ("mask", [0, 4, 11, 8, 12, 9]),
        ("mask", [0, 10**15, 0, 0, 10**15 - 1, 0]),
        ("points", [1, 2]),
    ],
)
def test_wrong_shapes_are_refused(kind: str, points: Numbers) -> None:
    with pytest.raises(BadPrompt):
        prompt_of_shape(kind, points, HW)


@pytest.fixture(scope="module")
def model() -> Model:
    return vseg.load_model("nano", short_side=96)


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["rectangle", "polygon", "mask"])
def test_a_shape_is_tracked_over_gaps_and_back(model: Model, kind: str) -> None:
    scene = two_objects(12)
    predictor = ImagePredictor(model)

    def truth(index: int) -> np.ndarray:
        return np.asarray(scene.draw(index).labels == 1)

    points = points_of_mask(kind, MaskCrop.of(truth(0)))
    assert points is not None
    track = ShapeTrack(model, predictor.encode(scene.read(0)), kind, points)
    for index in (1, 4, 5, 2):
        shape = track.next(predictor.encode(scene.read(index)))
        assert shape is not None
        expected = points_of_mask(kind, MaskCrop.of(truth(index)))
        assert expected is not None
        found = filled(kind, shape)
        assert mask_iou(found, filled(kind, expected)) > 0.8


def filled(kind: str, points: Numbers) -> np.ndarray:
    if kind != "rectangle":
        prompt = prompt_of_shape(kind, points, (96, 160))
        assert isinstance(prompt, Mask)
        return prompt.mask
    mask = np.zeros((96, 160), dtype=bool)
    x1, y1, x2, y2 = map(int, points)
    mask[y1:y2, x1:x2] = True
    return mask


@pytest.mark.integration
def test_shapes_share_an_encoded_image_and_not_their_memory(model: Model) -> None:
    scene = two_objects(12)
    predictor = ImagePredictor(model)
    images = [predictor.encode(scene.read(index)) for index in range(4)]
    boxes = [
        points_of_mask("mask", MaskCrop.of(scene.draw(0).labels == obj)) or []
        for obj in (1, 2)
    ]
    tracks = [ShapeTrack(model, images[0], "mask", box) for box in boxes]
    together = [[track.next(image) for track in tracks] for image in images[1:]]
    alone = ShapeTrack(model, images[0], "mask", boxes[1])
    assert [alone.next(image) for image in images[1:]] == [shapes[1] for shapes in together]
    session = vseg.Session(model)
    session.prompt(1, scene.read(0), [prompt_of_shape("mask", boxes[1], (96, 160))])
    expected = [session.step(scene.read(index)) for index in range(4)]
    assert together[-1][1] == points_of_mask("mask", expected[-1].crop(1))


@pytest.mark.integration
def test_an_image_of_another_size_is_refused(model: Model) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(two_objects(12).read(0))
    track = ShapeTrack(model, image, "rectangle", [10, 10, 60, 60])
    with pytest.raises(BadFrame, match="64x64"):
        track.next(predictor.encode(np.zeros((64, 64, 3), np.uint8)))


def test_words_are_labels_each_once() -> None:
    assert words_of("detect", "person, car,,person", None) == ["person", "car"]


@pytest.mark.parametrize(
    ("kind", "text", "grounder"),
    [
        ("follow", None, None),
        ("track", "person", None),
        ("interact", None, "owlv2"),
        ("detect", None, None),
        ("detect", " , ", None),
    ],
)
def test_parameters_that_do_not_go_together(
    kind: str, text: str | None, grounder: str | None
) -> None:
    with pytest.raises(UsageError) as raised:
        words_of(kind, text, grounder)
    assert raised.value.hint


@pytest.mark.skipif(find_spec("cvat_sdk") is not None, reason="CVAT's packages are installed")
def test_without_the_packages_of_cvat_the_extra_is_named() -> None:
    with pytest.raises(ExtraMissing) as raised:
        create()
    assert "vseg[cvat]" in str(raised.value.hint)
