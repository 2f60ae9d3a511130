"""Parts of a mask that stay where they are while their object moves on."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch
from jaxtyping import Bool, UInt8

from vseg.config import IdentitySettings
from vseg.session.identity.identities import Identities
from vseg.session.identity.identity_input import IdentityInput, grey_image
from vseg.session.identity.layers import Grey
from vseg.session.identity.left_behind import LeftBehind
from vseg.session.identity.pack import pack_identities, unpack_identities
from vseg.tensors import Decoded
from vseg.types import Frame

HW = (40, 100)  # cells of four pixels
Cells = Bool[np.ndarray, "40 100"]


@dataclass
class Scene:
    """A textured body that moves over a textured background, on which a part of its mask
    lies.  speeds: cells per frame, of the body and of all else.
    """

    body: float = 1.0
    rest: float = 0.0
    carried: bool = False  # the part is of the body

    def image(self, t: int) -> UInt8[np.ndarray, "160 400 3"]:
        """Frame t."""
        image = _moved(_texture(1), self.rest * t)
        body = self.part_at(t) | self.body_at(t) if self.carried else self.body_at(t)
        on = cv2.resize(body.astype(np.uint8), image.shape[1::-1], interpolation=0) > 0
        image[on] = _moved(_texture(2), self.body * t)[on]
        return image

    def grey(self, t: int) -> Callable[[], Grey]:
        """The same in grey."""
        return lambda: grey_image(self.image(t), HW)

    def body_at(self, t: int) -> Cells:
        """The body's cells."""
        return _box(20 + self.body * t, 14)

    def part_at(self, t: int) -> Cells:
        """The cells of the part."""
        return _box(8 + (self.body if self.carried else self.rest) * t, 6)

    def held(self, frames: int, left: LeftBehind | None = None, begin: int = 0) -> list[bool]:
        """Of each frame, whether its mask keeps both parts whole."""
        left = LeftBehind() if left is None else left
        kept = []
        for t in range(begin, begin + frames):
            found = left.find(t, self.grey(t), {7: self.body_at(t) | self.part_at(t)})
            if found:
                np.testing.assert_array_equal(found[7], self.part_at(t))
            kept.append(not found)
        return kept


def _texture(seed: int) -> UInt8[np.ndarray, "160 400 3"]:
    noise = np.random.default_rng(seed).integers(0, 255, (16, 40, 3), dtype=np.uint8)
    return cv2.resize(noise, (400, 160), interpolation=cv2.INTER_CUBIC)


def _moved(image: np.ndarray, cells: float) -> np.ndarray:
    shift = np.array([[1, 0, 4 * cells], [0, 1, 0]], dtype=np.float32)
    return cv2.warpAffine(image, shift, image.shape[1::-1], borderMode=cv2.BORDER_WRAP)


def _box(x: float, width: int) -> Cells:
    mask = np.zeros(HW, dtype=bool)
    mask[12:28, round(x) : round(x) + width] = True
    return mask


@pytest.mark.parametrize(
    "scene",
    [Scene(), Scene(body=0.0, rest=-0.5)],
    ids=["the object moves", "the camera follows it"],
)
def test_what_stays_with_its_surroundings_is_taken_from_the_mask(scene: Scene) -> None:
    kept = scene.held(13)
    first = kept.index(False)
    assert 4 <= first <= 10  # not by one wrong motion
    assert not any(kept[first:])


@pytest.mark.parametrize(
    "scene",
    [Scene(carried=True), Scene(body=0.0), Scene(body=-0.5, rest=-0.5)],
    ids=["behind a pole", "standing still", "only the camera moves"],
)
def test_else_an_object_in_parts_stays_whole(scene: Scene) -> None:
    assert all(scene.held(10))


def test_a_part_is_judged_anew_where_the_object_was_whole() -> None:
    left = LeftBehind()
    assert all(Scene().held(4, left))
    left.find(4, Scene().grey(4), {7: Scene().body_at(4)})
    assert all(Scene().held(4, left, begin=5))


def test_nothing_is_compared_across_a_jump() -> None:
    left = LeftBehind()
    assert all(Scene().held(4, left))
    assert all(Scene().held(4, left, begin=12))


def test_a_mask_in_specks_is_looked_at_in_its_largest_parts() -> None:
    specks = np.zeros(HW, dtype=bool)
    specks[::6, ::6] = True
    left = LeftBehind()
    for t in range(3):
        left.find(t, Scene().grey(t), {7: specks})
    assert np.count_nonzero(left.masks[7].behind) <= 8


@dataclass
class Stage:
    """What identities make of a scene whose masks are decoded with both parts."""

    identities: Identities
    prompted: range = range(0)

    def keeps(self, t: int) -> bool:
        """Whether the mask of frame t has both parts whole."""
        scene = Scene()
        mask = torch.from_numpy(scene.body_at(t) | scene.part_at(t))
        one = torch.ones(1)
        decoded = Decoded(torch.where(mask, 5.0, -5.0)[None], one, one, torch.ones(1, 4))
        given = (False,)
        inputs = IdentityInput(t, (7,), (t in self.prompted,), given, decoded, scene.image(t))
        resolved = self.identities.resolve(inputs)
        assert torch.equal(resolved.decoded.logits, resolved.here.logits)
        left = (resolved.decoded.logits[0] > 0).numpy()
        assert left[scene.body_at(t)].all()
        return bool(left[scene.part_at(t)].all())


def test_a_restored_session_takes_it_on_the_same_frame() -> None:
    stage = Stage(Identities(IdentitySettings()))
    kept = [stage.keeps(t) for t in range(12)]
    first = kept.index(False)
    whole = Stage(Identities(IdentitySettings()))
    for t in range(first):
        assert whole.keeps(t)
    tensors, stored = pack_identities(whole.identities)
    again = Stage(Identities(IdentitySettings()))
    unpack_identities(again.identities, tensors, json.loads(json.dumps(stored)))
    assert not again.keeps(first)


def test_the_rule_can_be_switched_off() -> None:
    stage = Stage(Identities(IdentitySettings(coherent=False)))
    assert all(stage.keeps(t) for t in range(12))


def test_an_object_prompted_in_parts_is_in_parts_in_a_restored_session_too() -> None:
    stage = Stage(Identities(IdentitySettings()), prompted=range(1))
    assert all(stage.keeps(t) for t in range(4))
    tensors, stored = pack_identities(stage.identities)
    again = Stage(Identities(IdentitySettings()))
    unpack_identities(again.identities, tensors, json.loads(json.dumps(stored)))
    assert all(again.keeps(t) for t in range(4, 12))
    again.identities.forget(7)
    assert not all(again.keeps(t) for t in range(12))


def test_a_new_shot_begins_anew() -> None:
    stage = Stage(Identities(IdentitySettings()))
    assert all(stage.keeps(t) for t in range(4))
    stage.identities.interrupt(Frame(3, None, 0.1, Scene().image(3)))
    assert all(stage.keeps(t) for t in range(4, 8))


def test_a_frame_too_small_for_optical_flow_is_left_as_it_is() -> None:
    mask = np.zeros((7, 30), dtype=bool)
    mask[2:5, 2:6] = mask[2:5, 20:24] = True
    left = LeftBehind()
    image = np.zeros((14, 60), dtype=np.uint8)
    for t in range(2):
        assert not left.find(t, lambda: image, {7: mask})
