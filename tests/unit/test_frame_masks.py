"""The masks of one frame, whether a session or a run gave them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from vseg.errors import BadMask, UnknownObject, VsegError
from vseg.frame_masks import FrameMasks, LogitCrops, MaskSource
from vseg.session.decoded_masks import decoded_masks
from vseg.tensors import Decoded
from vseg.types import Frame, MaskCrop

HW = (48, 64)
FRAME = Frame(3, 30, 0.1, np.zeros((*HW, 3), dtype=np.uint8))


def square(x: int, y: int) -> np.ndarray:
    mask = np.zeros(HW, dtype=bool)
    mask[y : y + 8, x : x + 12] = True
    return mask


@pytest.fixture
def masks() -> FrameMasks:
    return FrameMasks.of(FRAME, {7: square(20, 10), 2: square(0, 0), 4: square(0, 0) & False})


@pytest.fixture
def session_masks() -> FrameMasks:
    """Two objects as logits, the second not visible."""
    logits = np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32)
    visible = np.array([True, False])
    return FrameMasks(
        frame_index=0,
        time_s=0.0,
        height=HW[0],
        width=HW[1],
        object_ids=(1, 2),
        scores=np.array([0.9, 0.1], dtype=np.float32),
        visible=visible,
        sources=("prompt", "track"),
        crops=LogitCrops((1, 2), logits, visible, HW, {}),
    )


def test_a_frame_is_a_mapping_from_object_id_to_mask(masks: FrameMasks) -> None:
    assert (len(masks), list(masks), masks.object_ids) == (3, [2, 4, 7], (2, 4, 7))
    assert 7 in masks and 0 not in masks
    np.testing.assert_array_equal(masks[7], square(20, 10))
    np.testing.assert_array_equal(masks.masks, np.stack([masks[2], masks[4], masks[7]]))
    assert masks.get(5) is None


def test_boxes_are_corners_with_right_and_bottom_exclusive(masks: FrameMasks) -> None:
    assert masks.boxes.tolist() == [[0, 0, 12, 8], [0, 0, 0, 0], [20, 10, 32, 18]]
    assert masks.crop(7).xyxy == (20, 10, 32, 18) and masks.crop(7).xywh == (20, 10, 12, 8)
    assert (masks.area(7), masks.area(4)) == (96, 0)
    assert masks.visible.tolist() == [True, False, True]


@pytest.mark.parametrize("ask", ["[]", "crop", "area", "only"])
def test_an_unknown_object_is_named_with_those_there_are(masks: FrameMasks, ask: str) -> None:
    calls: dict[str, Callable[[int], object]] = {
        "[]": lambda obj: masks[obj],
        "crop": masks.crop,
        "area": masks.area,
        "only": lambda obj: masks.only([obj]),
    }
    with pytest.raises(UnknownObject, match=r"frame 3 has no object 5 .*: 2, 4, 7"):
        calls[ask](5)
    assert issubclass(UnknownObject, KeyError) and issubclass(UnknownObject, VsegError)


def test_some_objects_alone_keep_their_rows_and_order(masks: FrameMasks) -> None:
    some = masks.only([7, 2])
    assert some.object_ids == (2, 7) and some.visible.tolist() == [True, True]
    assert 4 not in some and some.pts == masks.pts
    np.testing.assert_array_equal(some[7], masks[7])


def test_what_is_not_visible_has_no_score(masks: FrameMasks) -> None:
    assert masks.object_ids == (2, 4, 7) and masks.scores.tolist() == [1.0, 0.0, 1.0]
    logits = torch.tensor([5.0, 5.0, -5.0])[:, None, None].expand(3, 6, 8)
    presence = torch.tensor([1.0, 0.0, 1.0])
    decoded = Decoded(logits, torch.full((3,), 0.5), presence, torch.zeros(3, 2))
    shown = decoded_masks(FRAME, (1, 2, 3), decoded, (), {})
    assert shown.visible.tolist() == [True, False, False]
    assert shown.scores.tolist() == [0.5, 0.0, 0.0]


def of_a_pass(obj: int, mask: np.ndarray, source: MaskSource = "track") -> FrameMasks:
    return replace(FrameMasks.of(FRAME, {obj: mask}), sources=(source,))


@pytest.mark.parametrize(
    ("sources", "kept", "larger_has_them"),
    [
        (("track", "track"), (), False),
        (("import", "track"), (), False),
        (("prompt", "track"), (), True),
        (("edit", "track"), (), True),
        (("track", "prompt"), (), False),
        (("track", "track"), (1,), True),
    ],
)
def test_no_pixel_is_in_masks_of_two_passes(
    sources: tuple[MaskSource, MaskSource], kept: tuple[int, ...], larger_has_them: bool
) -> None:
    larger, smaller = square(0, 0) | square(12, 0), square(8, 2)
    passes = of_a_pass(1, larger, sources[0]), of_a_pass(3, smaller, sources[1])
    for one, other in (passes, passes[::-1]):
        joined = one.with_others(other, kept)
        assert joined.object_ids == (1, 3) and joined.sources == sources
        masks = [larger, smaller]
        loser = int(larger_has_them)
        masks[loser] = masks[loser] & ~masks[1 - loser]
        np.testing.assert_array_equal(joined.masks, masks)


def test_what_the_user_said_of_both_stays_and_nothing_left_is_invisible() -> None:
    inner = square(0, 0) & ~square(4, 0)
    said = of_a_pass(1, square(0, 0), "prompt"), of_a_pass(2, inner, "prompt")
    both = said[0].with_others(said[1], kept=(1, 2))
    assert (both[1] & both[2]).any()
    clicked = said[0].with_others(said[1])
    assert not (clicked[1] & clicked[2]).any() and clicked.visible.all()
    alone = of_a_pass(1, square(0, 0), "prompt").with_others(of_a_pass(2, inner))
    assert alone.visible.tolist() == [True, False] and alone.area(2) == 0
    assert alone.scores.tolist() == [1, 0]


def test_masks_of_a_session_are_divided_by_their_logits(session_masks: FrameMasks) -> None:
    other = np.random.default_rng(1).normal(size=(1, 6, 8)).astype(np.float32)
    crops = LogitCrops((3,), other, np.array([True]), HW, {})
    later = replace(of_a_pass(3, square(0, 0)), crops=crops)
    first = replace(session_masks.only([1]), sources=("track",))
    joined = later.with_others(first)
    size = (HW[1], HW[0])
    mine, theirs = (cv2.resize(x, size) for x in (first.logits[0], other[0]))
    np.testing.assert_array_equal(joined[1], (mine > 0) & (mine >= theirs))
    np.testing.assert_array_equal(joined[3], (theirs > 0) & (theirs > mine))


def test_nothing_is_tracked_on_an_empty_frame() -> None:
    empty = FrameMasks.empty(FRAME)
    assert (len(empty), empty.frame_index, empty.height, empty.width) == (0, 3, *HW)
    assert (empty.boxes.shape, empty.masks.shape) == ((0, 4), (0, *HW))


def test_a_mask_is_enlarged_once_however_many_ask(
    session_masks: FrameMasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge = cv2.resize
    calls = []

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return enlarge(*arguments, **options)

    monkeypatch.setattr(cv2, "resize", counted)
    kept = session_masks.only([1])
    for asked in (session_masks, kept, session_masks):
        crop = asked.crop(1)
        np.testing.assert_array_equal(asked[1], crop.paste(*HW))
        asked.boxes  # noqa: B018
    # The shape checks of the suite may have asked before this test did.
    assert len(calls) <= 1
    assert session_masks.area(2) == 0, "what is not visible has no mask"


def test_an_exact_mask_is_given_back_as_it_is() -> None:
    logits = np.full((1, 6, 8), -1, dtype=np.float32)
    crops = LogitCrops((1,), logits, np.array([False]), HW, {1: square(3, 4)})
    np.testing.assert_array_equal(crops[1].paste(*HW), square(3, 4))
    assert list(crops) == [1] and len(crops) == 1


def test_logits_are_a_sessions(session_masks: FrameMasks, masks: FrameMasks) -> None:
    assert session_masks.logits.shape == (2, 6, 8)
    assert session_masks.only([2]).logits.shape == (1, 6, 8)
    assert session_masks.only([]).logits.shape[0] == 0
    with pytest.raises(BadMask, match="frame 3 have no logits"):
        masks.logits  # noqa: B018


def test_frames_are_the_same_only_if_they_are_one(masks: FrameMasks) -> None:
    same = masks
    assert masks == same and masks != masks.only([2, 4, 7])
    assert len({masks, same}) == 1


def test_the_crop_of_nothing() -> None:
    assert MaskCrop.empty().xyxy == (0, 0, 0, 0) and MaskCrop.empty().area == 0
    assert MaskCrop.of(np.zeros(HW, dtype=bool)).xywh == (0, 0, 0, 0)
