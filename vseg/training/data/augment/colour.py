"""Photometric augmentation of one RGB image: what lighting, exposure and cameras change.

Ranges are round values; not tuned.
"""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8


def draw_jitter(rng: np.random.Generator, strength: float) -> Float32[np.ndarray, "3 4"]:
    """A random colour matrix [A | b] for values in [0, 1]: gain, contrast, saturation, white
    balance.
    """
    gain = np.exp(rng.uniform(-0.35, 0.35) * strength)
    contrast = np.exp(rng.uniform(-0.3, 0.3) * strength)
    saturation = np.exp(rng.uniform(-0.7, 0.4) * strength) if rng.random() > 0.05 else 0.0
    balance = np.exp(rng.uniform(-0.12, 0.12, 3) * strength)
    # One time of twenty the image is grey.
    grey = np.full((3, 3), 1 / 3)
    matrix = saturation * np.eye(3) + (1 - saturation) * grey
    matrix = gain * contrast * balance[:, None] * matrix
    # 0.45: contrast changes around a mean a little below mid-grey, as photographs have.
    offset = np.full((3, 1), 0.45 * (1 - contrast)) + rng.uniform(-0.06, 0.06) * strength
    return np.concatenate([matrix, offset], axis=1).astype(np.float32)


def jitter(
    image: UInt8[np.ndarray, "H W 3"], matrix: Float32[np.ndarray, "3 4"]
) -> UInt8[np.ndarray, "H W 3"]:
    """The image under a colour matrix; values saturate."""
    scaled = matrix.copy()
    scaled[:, 3] *= 255
    return np.asarray(cv2.transform(image, scaled), dtype=np.uint8)


def blur(
    image: UInt8[np.ndarray, "H W 3"], rng: np.random.Generator
) -> UInt8[np.ndarray, "H W 3"]:
    """The image under a slight Gaussian blur, or reduced and enlarged again, by chance."""
    if rng.random() < 0.5:
        return np.asarray(
            cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)), dtype=np.uint8
        )
    h, w = image.shape[:2]
    factor = rng.uniform(0.4, 0.9)
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), dtype=np.uint8
    )
