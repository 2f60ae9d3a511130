"""Light and degradation change images, not their number, size or range."""

import numpy as np
import pytest

from vseg.training.data.augment.degradation import degraded
from vseg.training.data.augment.lighting import hazy, relit
from vseg.training.data.clip import scaled


@pytest.mark.parametrize("effect", [relit, hazy, degraded])
def test_images_change_and_repeat(effect) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    images = tuple(rng.integers(40, 200, (64, 64, 3), dtype=np.uint8) for _ in range(4))
    kept = [image.copy() for image in images]
    changed = 0
    for seed in range(25):
        one = effect(np.random.default_rng(seed), images)
        two = effect(np.random.default_rng(seed), images)
        assert len(one) == 4
        for a, b in zip(one, two, strict=True):
            assert a.shape == (64, 64, 3) and a.dtype == np.uint8
            np.testing.assert_array_equal(a, b)
        changed += any((a != b).any() for a, b in zip(one, images, strict=True))
    assert changed >= 15
    for before, after in zip(kept, images, strict=True):
        np.testing.assert_array_equal(before, after)


def test_light_differs_from_image_to_image() -> None:
    grey = (np.full((64, 64, 3), 120, np.uint8),) * 5
    spread = [
        np.std([i.mean() for i in relit(np.random.default_rng(s), grey)]) for s in range(20)
    ]
    assert np.mean(np.array(spread) > 0.5) > 0.5


def test_gain_multiplies() -> None:
    image = np.full((20, 30, 3), 100, np.uint8)
    gain = np.full((4, 4, 3), 1.5, np.float32)
    np.testing.assert_array_equal(scaled(image, gain), np.full((20, 30, 3), 150))
