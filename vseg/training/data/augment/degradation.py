"""What cameras and codecs do to images: shake and focus blur, few pixels, grain, compression.

Enters and leaves: the images of one sequence, in place and order; masks are untouched.
"""

import cv2
import numpy as np

from vseg.synthetic.backdrop import draw_grain
from vseg.training.data.augment.paste import motion_blurred
from vseg.training.data.clip import Images

# Strengths are round values, chosen by eye on sheets of drawn sequences
# (benchmarks/sequences_sheet.py); not tuned.
_SHAKE = 0.02  # standard deviation of the shake, in shares of the side
_P_SHAKEN = 0.6
_MIN_SHAKE_PX = 1.5
_FOCUS_SIGMA = (0.3, 1.8)  # pixels, at a side of 224
_SCALE = (0.35, 0.9)
_NOISE = (2, 14)  # standard deviation in grey levels
_JPEG_QUALITY = (18, 60)


def degraded(rng: np.random.Generator, images: Images) -> Images:
    """The images with one of the defects, at random."""
    kinds = (_shaken, _defocused, _low_resolution, _noisy, _compressed)
    return kinds[rng.integers(len(kinds))](rng, images)


def _shaken(rng: np.random.Generator, images: Images) -> Images:
    """The images, some of them blurred along a random line."""
    side = len(images[0])
    blurred = []
    for image in images:
        drift = rng.normal(0, _SHAKE * side, 2) * (rng.random() < _P_SHAKEN)
        shaken = np.hypot(*drift) > _MIN_SHAKE_PX
        blurred.append(motion_blurred(image, drift) if shaken else image)
    return tuple(blurred)


def _defocused(rng: np.random.Generator, images: Images) -> Images:
    """The images under a Gaussian blur that grows or shrinks."""
    first, last = rng.uniform(*_FOCUS_SIGMA, 2) * len(images[0]) / 224
    sigmas = np.linspace(first, last, len(images))
    return tuple(
        np.asarray(cv2.GaussianBlur(i, (0, 0), s)) for i, s in zip(images, sigmas, strict=True)
    )


def _low_resolution(rng: np.random.Generator, images: Images) -> Images:
    """The images reduced and enlarged again."""
    side = len(images[0])
    reduced = round(rng.uniform(*_SCALE) * side)
    small = [cv2.resize(i, (reduced, reduced), interpolation=cv2.INTER_AREA) for i in images]
    return tuple(np.asarray(cv2.resize(s, (side, side))) for s in small)


def _noisy(rng: np.random.Generator, images: Images) -> Images:
    """The images with sensor noise of up to 14 grey levels."""
    side = len(images[0])
    grain = draw_grain(rng, side, side, float(rng.uniform(*_NOISE)))
    return tuple(grain.on(image, rng) for image in images)


def _compressed(rng: np.random.Generator, images: Images) -> Images:
    """The images after JPEG of low quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*_JPEG_QUALITY))]
    files = [cv2.imencode(".jpg", image, quality)[1] for image in images]
    return tuple(np.asarray(cv2.imdecode(f, cv2.IMREAD_COLOR), dtype=np.uint8) for f in files)
