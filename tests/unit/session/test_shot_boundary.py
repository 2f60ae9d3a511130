"""Shot boundaries are detected; motion and light are not taken for them."""

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


def test_frames_that_are_no_neighbours_are_not_compared() -> None:
    last: FrameSignature | None = frame_signature(_frame(0, _image(1)), None, CutRule())
    assert not frame_signature(_frame(7, _image(2)), last, CutRule()).cut


def test_the_same_frame_again_says_the_same() -> None:
    before = frame_signature(_frame(4, _image(1)), None, CutRule())
    cut = frame_signature(_frame(5, _image(2)), before, CutRule())
    assert cut.cut and frame_signature(_frame(5, _image(2)), cut, CutRule()) is cut
