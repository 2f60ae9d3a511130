"""What cameras and codecs do to images: shake and focus blur, few pixels, grain, compression.

Enters and leaves: the images of one sequence, in place and order; masks are untouched.
"""

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.synthetic.backdrop import draw_grain
from vseg.training.data.augment.paste import smeared

UnlabelledImages = tuple[UInt8[np.ndarray, "S S 3"], ...]


def filmed(rng: np.random.Generator, images: UnlabelledImages) -> UnlabelledImages:
    """The images with one of the defects, at random."""
    return (_shaken, _unfocused, _enlarged, _grainy, _compressed)[rng.integers(5)](rng, images)


def _shaken(rng: np.random.Generator, images: UnlabelledImages) -> UnlabelledImages:
    """Some of the images blurred along a line, each along another."""
    side = len(images[0])
    result = []
    for image in images:
        drift = rng.normal(0, 0.02 * side, 2) * (rng.random() < 0.6)
        result.append(smeared(image, drift) if np.hypot(*drift) > 1.5 else image)
    return tuple(result)


def _unfocused(rng: np.random.Generator, images: UnlabelledImages) -> UnlabelledImages:
    """A Gaussian blur that grows or shrinks."""
    first, last = rng.uniform(0.3, 1.8, 2) * len(images[0]) / 224
    sigmas = np.linspace(first, last, len(images))
    return tuple(
        np.asarray(cv2.GaussianBlur(i, (0, 0), s)) for i, s in zip(images, sigmas, strict=True)
    )


def _enlarged(rng: np.random.Generator, images: UnlabelledImages) -> UnlabelledImages:
    """Low-resolution copies, enlarged again."""
    side = len(images[0])
    few = round(rng.uniform(0.35, 0.9) * len(images[0]))
    small = [cv2.resize(i, (few, few), interpolation=cv2.INTER_AREA) for i in images]
    return tuple(np.asarray(cv2.resize(s, (side, side))) for s in small)


def _grainy(rng: np.random.Generator, images: UnlabelledImages) -> UnlabelledImages:
    """Sensor noise of up to 14 grey levels."""
    side = len(images[0])
    grain = draw_grain(rng, side, side, float(rng.uniform(2, 14)))
    return tuple(grain.on(image, rng) for image in images)


def _compressed(rng: np.random.Generator, images: UnlabelledImages) -> UnlabelledImages:
    """JPEG of low quality, each image on its own."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 60))]
    files = [cv2.imencode(".jpg", image, quality)[1] for image in images]
    return tuple(np.asarray(cv2.imdecode(f, cv2.IMREAD_COLOR), dtype=np.uint8) for f in files)
