"""Shot boundaries are detected; motion and light are not taken for them."""

import cv2
import numpy as np

from vseg.session.identity.shot_boundary import CutRule, FrameSignature, frame_signature
from vseg.types import Frame


def _frame(index: int, image: np.ndarray) -> Frame:
    return Frame(index, index, index / 25, np.ascontiguousarray(image, dtype=np.uint8))


def _image(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (8, 12, 3))
    return np.kron(blocks, np.ones((16, 16, 1))).astype(np.uint8)


def _cuts(images: list[np.ndarray], first: int = 0, step: int = 1) -> list[int]:
    found = []
    last = None
    for k, image in enumerate(images):
        last = frame_signature(_frame(first + k * step, image), last, CutRule())
        if last.cut:
            found.append(first + k * step)
    return found


def test_another_image_is_a_cut_in_both_directions() -> None:
    shots = [_image(1)] * 6 + [_image(2)] * 6
    assert _cuts(shots) == [6]
    assert _cuts(shots, first=11, step=-1) == [5]


def test_panning_and_fading_are_not() -> None:
    wide = np.concatenate([_image(1), _image(3)], axis=1)
    assert _cuts([wide[:, x : x + 192] for x in range(0, 190, 8)]) == []
    assert _cuts([(_image(1) * (1 - k / 20)).astype(np.uint8) for k in range(20)]) == []


def _street(car_x: int | None, exposure: float = 1.0) -> np.ndarray:
    """A static camera over a textured ground; a car fills most of its view at `car_x`."""
    rng = np.random.default_rng(5)
    image = cv2.resize(rng.integers(60, 120, (24, 36, 3)).astype(np.uint8), (192, 128))
    if car_x is not None:
        car = cv2.resize(rng.integers(0, 256, (10, 12, 3)).astype(np.uint8), (150, 100))
        shown = car[:, max(0, -car_x) : 192 - car_x]
        image[14:114, max(0, car_x) : max(0, car_x) + shown.shape[1]] = shown
    noise = rng.normal(0, 2, image.shape)
    return np.asarray(np.clip(image * exposure + noise, 0, 255), dtype=np.uint8)


def test_skipped_frames_of_a_static_camera_are_no_cut() -> None:
    """Between two frames a car comes, goes, or jumps by its length; the exposure follows."""
    skipped = [None, None, None, 20, None, -60, 90, None, 20, -80, 100, None]
    exposures = [1.0, 1.0, 1.0, 0.7, 1.0, 0.8, 0.7, 1.1, 0.6, 0.8, 0.7, 1.0]
    views = [_street(x, e) for x, e in zip(skipped, exposures, strict=True)]
    assert _cuts(views) == []
    assert _cuts([*views, *[_image(2)] * 3, *views[:3]]) == [12, 15]


def test_a_letterbox_does_not_hide_a_cut() -> None:
    shots = [_image(1)] * 3 + [_image(2)] * 3
    boxed = [image.copy() for image in shots]
    for image in boxed:
        image[:20] = 0
        image[-20:] = 0
    assert _cuts(boxed) == [3]


def test_frames_that_are_no_neighbours_are_not_compared() -> None:
    last: FrameSignature | None = frame_signature(_frame(0, _image(1)), None, CutRule())
    assert not frame_signature(_frame(7, _image(2)), last, CutRule()).cut


def test_the_same_frame_again_says_the_same() -> None:
    before = frame_signature(_frame(4, _image(1)), None, CutRule())
    cut = frame_signature(_frame(5, _image(2)), before, CutRule())
    assert cut.cut and frame_signature(_frame(5, _image(2)), cut, CutRule()) is cut
