"""Look-alikes that pass before one another are divided by how they move."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from vseg.config import IdentitySettings
from vseg.session.identity.frame_objects import FrameObjects
from vseg.session.identity.identities import Identities
from vseg.session.identity.layers import GREY_SCALE, MotionLayer
from vseg.session.identity.merges import Merges
from vseg.session.identity.pack import pack_identities, unpack_identities

HW = (48, 96)
RADIUS = 7
NOTHING = np.zeros(HW, dtype=bool)


def disc(x: float, y: float, radius: float = RADIUS) -> np.ndarray:
    rows, columns = np.indices(HW)
    return np.asarray(np.hypot(columns - x, rows - y) <= radius)


@dataclass
class Scene:
    """Two discs of one texture; 1 is in front.  places: their centres on a frame."""

    turn_at: int | None = None

    def place(self, t: int) -> tuple[tuple[float, float], tuple[float, float]]:
        way = t if self.turn_at is None else min(t, 2 * self.turn_at - t)
        return (20.0 + way, 22.0), (70.0 - way, 26.0)

    def masks(self, t: int) -> dict[int, np.ndarray]:
        one, other = (disc(*place) for place in self.place(t))
        return {1: one, 2: other & ~one}

    def grey(self, t: int) -> np.ndarray:
        height, width = (GREY_SCALE * side for side in HW)
        noise = np.random.default_rng(3).integers(0, 256, (height, width), dtype=np.uint8)
        noise = np.asarray(cv2.GaussianBlur(noise, (5, 5), 0), dtype=np.uint8)
        image = np.full_like(noise, 90)
        for place, k in zip(reversed(self.place(t)), (2, 1), strict=True):
            move = GREY_SCALE * (np.array(place) - 20)
            matrix = np.array([[1, 0, move[0]], [0, 1, move[1]]], dtype=np.float32)
            moved = cv2.warpAffine(
                np.roll(noise, 9 * k, 1), matrix, (width, height), borderMode=cv2.BORDER_WRAP
            )
            where = cv2.resize(disc(*place).astype(np.uint8), (width, height)) > 0
            image[where] = moved[where]
        return image

    def frame(
        self,
        frame_index: int,
        masks: dict[int, np.ndarray],
        *,
        similar: bool = True,
        prompted: frozenset[int] = frozenset(),
    ) -> FrameObjects:
        joint = np.any(list(masks.values()), axis=0)
        surest = np.where(joint, 4.0, -8.0).astype(np.float32)
        grey = self.grey(abs(frame_index))
        return FrameObjects(
            frame_index,
            masks,
            lambda ids: surest,
            grey,
            prompted,
            *[lambda one, other: similar] * 3,
        )


def stuck(scene: Scene, t: int) -> dict[int, np.ndarray]:
    """What a decoder gives that cannot tell them apart: the border stays in the middle."""
    joint = np.any(list(scene.masks(t).values()), axis=0)
    left = np.indices(HW)[1] < 45
    return {1: joint & left, 2: joint & ~left}


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("step", [1, -1])
def test_who_passes_in_front_keeps_its_body_where_the_border_stays(step: int) -> None:
    scene = Scene()
    merges = Merges()
    met = 0
    for t in range(44):
        masks = stuck(scene, t) if t > 17 else scene.masks(t)
        groups = merges.divide(scene.frame(step * t, masks))
        if t > 38:  # they are apart again
            continue
        for group in groups:
            met += 1
            assert iou(group[1], scene.masks(t)[1]) > 0.8, t
            if scene.masks(t)[2].sum() > 60:
                assert iou(group[2], scene.masks(t)[2]) > 0.6, t
    assert met > 12


def test_who_turns_back_is_not_sent_across() -> None:
    scene = Scene(turn_at=21)
    merges = Merges()
    met = 0
    for t in range(40):
        groups = merges.divide(scene.frame(t, scene.masks(t)))
        for group in groups:
            met += 1
            for i, mask in group.items():
                assert iou(mask, scene.masks(t)[i]) > 0.6, t
    assert met > 3


def test_a_mask_over_both_is_divided() -> None:
    scene = Scene()
    merges = Merges()
    for t in range(18):
        merges.divide(scene.frame(t, scene.masks(t)))
    both = np.any(list(scene.masks(18).values()), axis=0)
    (group,) = merges.divide(scene.frame(18, {1: both, 2: NOTHING}))
    np.testing.assert_array_equal(group[1] | group[2], both)
    assert not (group[1] & group[2]).any()
    assert iou(group[2], scene.masks(18)[2]) > 0.8


def test_the_decoder_stands_where_objects_differ_or_do_not_overlap() -> None:
    scene = Scene()
    for similar, until in ((False, 40), (True, 15)):
        merges = Merges()
        for t in range(until):
            masks = stuck(scene, t) if t > 17 else scene.masks(t)
            assert merges.divide(scene.frame(t, masks, similar=similar)) == []


def test_what_the_user_says_counts_at_once() -> None:
    scene = Scene()
    merges = Merges()
    for t in range(24):
        merges.divide(scene.frame(t, scene.masks(t)))
    said = {1: scene.masks(24)[1], 2: disc(80, 40)}
    assert merges.divide(scene.frame(24, said, prompted=frozenset({2}))) == []
    np.testing.assert_array_equal(merges.layers[2].expected(), said[2])
    merges.divide(scene.frame(25, {1: said[1], 2: NOTHING}, prompted=frozenset({2})))
    assert 2 not in merges.layers


def test_who_is_prompted_alone_on_a_frame_that_was_tracked_leaves_the_others_as_they_are() -> (
    None
):
    scene = Scene()
    merges = Merges()
    for t in range(18):
        merges.divide(scene.frame(t, scene.masks(t)))
    before = dict(merges.layers)
    more = {3: disc(30, 40, 4), 4: disc(60, 8, 4)}
    assert merges.divide(scene.frame(17, more, prompted=frozenset(more))) == []
    assert merges.layers.keys() == {1, 2, 3, 4}
    assert all(merges.layers[i] is before[i] for i in (1, 2))
    merges.divide(scene.frame(18, scene.masks(18) | more))
    assert merges.layers.keys() == {1, 2, 3, 4}


def test_who_covers_what_is_prompted_goes_on_as_before() -> None:
    scene = Scene()
    merges = Merges()
    for t in range(28):
        merges.divide(scene.frame(t, stuck(scene, t) if t > 17 else scene.masks(t)))
    assert merges.layers[1].divided and merges.layers[1].outdated()
    said = {1: stuck(scene, 28)[1], 2: scene.masks(28)[2]}
    merges.divide(scene.frame(28, said, prompted=frozenset({2})))
    merges.divide(scene.frame(29, stuck(scene, 29)))
    assert iou(merges.layers[1].expected(), disc(*scene.place(29)[0])) > 0.7


def test_nothing_is_expected_after_a_jump_or_elsewhere() -> None:
    scene = Scene()
    merges = Merges()
    for t in range(24):
        merges.divide(scene.frame(t, scene.masks(t)))
    assert merges.layers[2].touching
    merges.divide(scene.frame(300, stuck(scene, 24)))
    assert 2 not in merges.layers, "it touches a look-alike: its mask may be of that"
    for t in range(24, 60):
        merges.divide(scene.frame(276 + t + 1, {1: scene.masks(t)[1]}))
    assert set(merges.layers) <= {1}


@pytest.mark.parametrize("before", [29, 300])
def test_what_follows_a_jump_is_as_from_the_start(before: int) -> None:
    """An object that is prompted after a pass of another one is tracked from there on."""
    scene = Scene()
    fresh, after = Merges(), Merges()
    after.divide(scene.frame(before, scene.masks(24)))
    for merges in (fresh, after):
        for t in range(10, 13):
            merges.divide(scene.frame(t, scene.masks(t)))
    for i in (1, 2):
        np.testing.assert_array_equal(after.layers[i].velocity, fresh.layers[i].velocity)
        assert fresh.layers[i].velocity.any()


def test_a_layer_is_where_its_pixels_went() -> None:
    scene = Scene()
    layer = MotionLayer.of(scene.masks(0)[1])
    for t in range(1, 10):
        layer = layer.advanced(scene.grey(t - 1), scene.grey(t), 1)
    np.testing.assert_allclose(layer.velocity, [1, 0], atol=0.1)
    assert abs(layer.moved[0] - 9) < 2.5  # it had to learn how fast


def test_a_restored_state_goes_on_with_the_same_bits() -> None:
    scene = Scene()
    one = Identities(IdentitySettings())
    for t in range(24):
        one.merges.divide(scene.frame(t, stuck(scene, t) if t > 17 else scene.masks(t)))
    tensors, stored = pack_identities(one)
    assert stored["merges"]["in_front"]
    other = Identities(IdentitySettings())
    unpack_identities(other, tensors, json.loads(json.dumps(stored)))
    for t in range(24, 32):
        frame = scene.frame(t, stuck(scene, t))
        (expected,) = one.merges.divide(frame)
        (group,) = other.merges.divide(frame)
        for i in (1, 2):
            np.testing.assert_array_equal(group[i], expected[i])
            np.testing.assert_array_equal(
                one.merges.layers[i].moved, other.merges.layers[i].moved
            )


@pytest.mark.parametrize(
    ("frames", "alone", "divided"),
    [(4, True, True), (12, True, True), (12, False, False)],
)
def test_a_shape_that_changed_long_ago_is_known_anew_beside_one_that_is_whole(
    frames: int, alone: bool, divided: bool
) -> None:
    merges = Merges()
    dark = Scene().grey(0) // 255

    def divide(t: int, one: np.ndarray, other: np.ndarray) -> list[dict[int, np.ndarray]]:
        surest = np.where(one | other, 4.0, -8.0).astype(np.float32)
        masks = {1: one, 2: other}
        said = frozenset({1} if t == 16 else ())
        similar = [lambda i, k: True] * 3
        return merges.divide(FrameObjects(t, masks, lambda ids: surest, dark, said, *similar))

    smaller = RADIUS - 1.5
    for t in range(16):
        divide(t, NOTHING, disc(12 + t, 28))
    for t in range(16, 16 + frames):  # side by side
        changed = smaller if t > 16 else RADIUS
        divide(t, disc(12 + t, 14, RADIUS if alone else changed), disc(12 + t, 28, changed))
    x = 28 + frames
    both = disc(x, 16, RADIUS if alone else smaller) | disc(x, 26, smaller)
    assert bool(divide(16 + frames, both, NOTHING)) == divided


@dataclass
class Surest:
    joint: np.ndarray

    def __call__(self, ids: Sequence[int]) -> np.ndarray:
        return np.where(self.joint, 4.0, -8.0).astype(np.float32)


@pytest.mark.parametrize("hand", [False, True])
def test_who_starts_quickly_before_a_look_alike_keeps_its_body(hand: bool) -> None:
    """They have no texture, and from frame 9 on the decoder gives all to the one in front."""
    merges = Merges()
    grey = np.full([GREY_SCALE * side for side in HW], 90, dtype=np.uint8)
    similar = [lambda i, k: 3 not in (i, k)] * 3
    for t in range(20 if hand else 22):
        over = disc(44, 30, 9) if hand and t >= 12 else NOTHING
        one = disc(12 + 3 * max(0, t - 4), 20, 10) & ~over
        other = disc(40, 24, 10) & ~one & ~over
        joint = one | other
        masks = {1: one, 2: other} if t < 9 else {1: joint, 2: NOTHING}
        surest = Surest(joint)
        frame = FrameObjects(t, masks | {3: over}, surest, grey, frozenset(), *similar)
        for group in merges.divide(frame):
            masks |= group
    assert min(iou(masks[1], one), iou(masks[2], other)) > 0.9


def test_who_is_smaller_where_it_meets_a_look_alike_is_known_as_it_is_then() -> None:
    merges = Merges()
    scene = Scene()
    for t in range(25):
        other = disc(60 - t, 24) if t < 22 else disc(58.5 - t, 24, RADIUS - 1.5)
        merges.divide(scene.frame(t, {1: disc(20, 24), 2: other}))
        assert merges.layers[2].touching == (t >= 22)
    assert merges.layers[2].area == pytest.approx(disc(34, 24, RADIUS - 1.5).sum(), rel=0.05)


def test_who_lost_cells_to_a_look_alike_where_they_met_keeps_its_shape() -> None:
    merges = Merges()
    scene = Scene()
    for t in range(23):
        one, other = disc(20, 24), disc(60 - t, 24)
        if t == 22:  # where they meet, cells of it go over
            taken = other & (np.indices(HW)[1] < 35)
            one, other = one | taken, other & ~taken
        merges.divide(scene.frame(t, {1: one, 2: other}))
    assert merges.layers[2].touching
    assert np.count_nonzero(merges.layers[2].whole) == disc(39, 24).sum()
