"""Proposals of a frame: on scenes whose masks are known exactly, and the rules by which they
are kept.
"""

import numpy as np
import pytest
import torch

from tests.sam_models import small_model
from vseg.build import load_model
from vseg.grounding.automatic_masks import AutomaticMaskGenerator, AutomaticMaskRules
from vseg.grounding.point_grid import FrameCrop, corners, grid
from vseg.models.nano.flip_tta import FlipTTA
from vseg.models.nano.model import Nano
from vseg.ops.masks import drop_contained, mask_nms, without_specks
from vseg.session.prompt_rounds import coarse_masks
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame, Grounding, Points

pytestmark = pytest.mark.integration

LIGHT = AutomaticMaskRules(grid=8, dense=8, finely=24)


@pytest.fixture(scope="module")
def nano() -> Nano:
    model = load_model("nano", short_side=192, dtype="float32")
    assert isinstance(model, Nano)
    return model


def scene(seed: int) -> tuple[Frame, list[np.ndarray]]:
    """A frame and the exact masks of what shows more than half a percent of it."""
    video = SyntheticVideo(SceneConfig(192, 320, 1, seed=seed, num_objects=3, occluders=0))
    drawn = video.draw(0)
    masks = [drawn.labels == object_id for object_id in (1, 2, 3)]
    return drawn.frame, [mask for mask in masks if mask.mean() > 0.005]


def best_ious(grounding: Grounding, truths: list[np.ndarray]) -> list[float]:
    crops = grounding.found.masks or ()
    seen = [crop.paste(*truths[0].shape) for crop in crops]
    return [max(float((m & t).sum() / (m | t).sum()) for m in seen) for t in truths]


def test_most_bodies_of_a_scene_are_found_and_little_else(nano: Nano) -> None:
    finder = AutomaticMaskGenerator(nano, LIGHT)
    ious = list[float]()
    proposals = 0
    for seed in range(4):
        frame, truths = scene(seed)
        grounding = finder.propose(frame)
        ious += best_ious(grounding, truths)
        proposals += len(grounding.found)
    assert np.mean(np.array(ious) >= 0.5) >= 0.7
    assert proposals <= 12 * 4


def test_proposals_are_named_ordered_boxed_and_few(nano: Nano) -> None:
    frame, _ = scene(2)
    grounding = AutomaticMaskGenerator(nano, LIGHT).propose(frame)
    found = grounding.found
    assert found.masks is not None and len(found) >= 2
    assert grounding.names == ("object",) * len(found) and not found.labels.any()
    assert (np.diff(found.scores) <= 0).all() and found.scores[-1] >= LIGHT.score
    assert grounding.best[0] == pytest.approx(found.scores[0])
    for box, crop in zip(found.boxes, found.masks, strict=True):
        assert tuple(box) == crop.xyxy
    one = AutomaticMaskGenerator(
        nano, AutomaticMaskRules(grid=8, dense=8, finely=24, most=1)
    ).propose(frame)
    assert len(one.found) == 1 and one.found.scores[0] == found.scores[0]


def test_nothing_clear_enough_is_an_empty_grounding_that_says_how_close_it_was(
    nano: Nano,
) -> None:
    frame, _ = scene(2)
    grounding = AutomaticMaskGenerator(
        nano, AutomaticMaskRules(grid=4, dense=4, score=0.999)
    ).propose(frame)
    assert len(grounding.found) == 0 and grounding.names == ()
    assert 0 < grounding.best[0] < 0.999


def test_clicks_drawn_together_are_what_they_are_alone(nano: Nano) -> None:
    frame, _ = scene(1)
    clicks = [
        Points(np.array([place], np.float32), np.array([True]))
        for place in ((60, 60), (200, 90))
    ]
    for model in (nano, FlipTTA(nano)):
        assert model.encode_coarse is not None
        coarse = model.encode_coarse(frame)
        together = coarse_masks(model, coarse, [[click] for click in clicks])
        for row, click in enumerate(clicks):
            alone = coarse_masks(model, coarse, [[click]]).logits[0]
            torch.testing.assert_close(together.logits[row], alone, rtol=1e-3, atol=1e-2)


def test_a_model_of_the_sam_family_proposes_too(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("edgetam")
    small_model("edgetam").save_pretrained(folder)
    frame, _ = scene(0)
    rules = AutomaticMaskRules(grid=3, score=0.0, smallest=0.0, largest=1.0)
    grounding = AutomaticMaskGenerator(load_model(str(folder)), rules).propose(frame)
    assert grounding.found.masks is not None and len(grounding.found) >= 1
    assert grounding.found.masks[0].paste(192, 320).any()


def drawn(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    masks = np.zeros((len(boxes), 20, 20), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def test_the_same_thing_twice_is_kept_once() -> None:
    masks = drawn((0, 0, 10, 10), (0, 0, 10, 9), (10, 10, 20, 20))
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    assert mask_nms(masks, scores, 0.6, 9).tolist() == [1, 2]
    assert mask_nms(masks, scores, 0.95, 9).tolist() == [1, 2, 0]
    assert mask_nms(masks, scores, 0.95, 1).tolist() == [1]


def test_a_part_goes_unless_its_whole_is_vague() -> None:
    masks = drawn((0, 0, 12, 12), (2, 2, 6, 6), (14, 14, 20, 20))
    scores = np.array([0.6, 0.7, 0.5], np.float32)
    assert drop_contained(masks, scores, 0.85, 0.8).tolist() == [0, 2]
    assert drop_contained(masks, scores, 0.85, 0.9).tolist() == [1, 0, 2]


def test_specks_go_and_holes_close_but_what_reaches_the_edge_stays_open() -> None:
    mask = drawn((0, 0, 10, 10))[0]
    mask[4, 4] = mask[0, 5] = False
    mask[15, 15] = True
    clean = without_specks(mask, 0.1)
    assert clean[4, 4] and not clean[0, 5] and not clean[15, 15]
    assert clean.sum() == 99


def test_windows_cover_the_frame_and_place_what_they_show() -> None:
    frame = Frame(0, None, 0.0, np.zeros((40, 80, 3), np.uint8))
    windows = corners(80, 40, 0.6)
    assert windows[3] == FrameCrop(32, 16, 48, 24)
    assert windows[3].of(frame).image.shape == (24, 48, 3)
    logits = torch.full((2, 6, 12), -1.0)
    logits[0, :, 0] = 5.0
    logits[1, 2:4, 4:6] = 5.0
    placed, whole = windows[3].placed(logits, frame, (20, 40))
    assert whole.tolist() == [False, True], "its left edge cuts the first"
    rows, columns = np.nonzero((placed[1] > 0).numpy())
    assert 11 <= rows.min() <= rows.max() <= 16 and 19 <= columns.min() <= columns.max() <= 29
    assert len(grid(frame, 4)) == 32


@pytest.mark.parametrize(("height", "width"), [(64, 900), (900, 64), (40, 3000)])
def test_a_strip_has_as_many_points_as_another_frame(height: int, width: int) -> None:
    def points(height: int, width: int) -> int:
        return len(grid(Frame(0, None, 0.0, np.zeros((height, width, 3), np.uint8)), 12))

    assert points(480, 640) == 12 * 16
    assert points(480, 854) == 12 * 21
    assert 0.7 * 2 * 12**2 < points(height, width) < 1.3 * 2 * 12**2
