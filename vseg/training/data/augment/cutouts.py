"""Things to lay over an image: objects cut from stills, look-alikes, posts and blobs.

Enters: an image and the mask of a thing in it.  Leaves: its colours and its soft alpha,
cropped.  The alpha is drawn in by half a pixel, so that no fringe of the old background comes
along; the mask in the new image is where this alpha is over a half, so it is exact all the
same.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8

from vseg.training.data.augment.colour import draw_jitter, jitter

_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Cutout:
    """colours: RGB, meaningless where alpha (0 to 255) is 0.  corner: (x, y) of it in its
    image.
    """

    colours: UInt8[np.ndarray, "h w 3"]
    alpha: UInt8[np.ndarray, "h w"]
    corner: tuple[int, int] = (0, 0)

    @property
    def centre(self) -> Float64[np.ndarray, " 2"]:
        """The middle of the crop, in its own pixels."""
        h, w = self.alpha.shape
        return np.array([(w - 1) / 2, (h - 1) / 2])

    @property
    def size(self) -> Float64[np.ndarray, " 2"]:
        """(width, height) of the thing without the crop's margin."""
        h, w = self.alpha.shape
        return np.array([w - 2 * _MARGIN, h - 2 * _MARGIN], np.float64)


def cut(image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]) -> Cutout:
    """The masked part of an image with a margin of two pixels; the mask must not be empty."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    m = _MARGIN
    inner = (slice(y, y + h), slice(x, x + w))
    hard = np.pad(mask[inner].astype(np.uint8) * 255, m)
    soft = cv2.GaussianBlur(hard, (3, 3), 0)
    colours = cv2.copyMakeBorder(
        np.ascontiguousarray(image[inner]), m, m, m, m, cv2.BORDER_REPLICATE
    )
    return Cutout(np.asarray(colours), _drawn_in(np.asarray(soft)), (x - m, y - m))


def _drawn_in(soft: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    return np.asarray(np.clip((soft - 72.0) * (255 / 183), 0, 255), dtype=np.uint8)


def resized(cutout: Cutout, size: Float64[np.ndarray, " 2"]) -> Cutout:
    """The cut-out with the thing in it `size` pixels wide and high, so that pasting need not
    shrink it.
    """
    h, w = cutout.alpha.shape
    m = 2 * _MARGIN
    factor = size / cutout.size
    new = np.maximum(np.rint((np.array([w, h]) - m) * factor), 1).astype(int)
    area = cv2.INTER_AREA
    linear = cv2.INTER_LINEAR
    flag = area if factor.min() < 1 else linear
    inside = (slice(_MARGIN, h - _MARGIN), slice(_MARGIN, w - _MARGIN))
    colours = cv2.resize(
        cutout.colours[inside], (int(new[0]), int(new[1])), interpolation=flag
    )
    alpha = cv2.resize(cutout.alpha[inside], (int(new[0]), int(new[1])), interpolation=flag)
    around = (_MARGIN,) * 4
    return Cutout(
        np.asarray(cv2.copyMakeBorder(colours, *around, cv2.BORDER_REPLICATE)),
        np.asarray(cv2.copyMakeBorder(alpha, *around, cv2.BORDER_CONSTANT, value=(0,))),
    )


def mirrored(cutout: Cutout) -> Cutout:
    """The cut-out, left and right exchanged."""
    return Cutout(
        np.ascontiguousarray(cutout.colours[:, ::-1]),
        np.ascontiguousarray(cutout.alpha[:, ::-1]),
    )


def toned(
    rng: np.random.Generator,
    cutout: Cutout,
    image: UInt8[np.ndarray, "H W 3"],
    strength: float,
) -> Cutout:
    """The cut-out in other colours, up to `strength`, its brightness partly that of
    `image`.
    """
    matrix = draw_jitter(rng, strength)
    own = np.array(cv2.mean(cutout.colours, mask=cutout.alpha)[:3])
    around = np.array(cv2.mean(image)[:3])
    shift = rng.uniform(0, 0.6) * (around - matrix[:, :3] @ own - 255 * matrix[:, 3]) / 255
    matrix[:, 3] += shift.astype(np.float32)
    return Cutout(jitter(cutout.colours, matrix), cutout.alpha)


def post(
    rng: np.random.Generator,
    texture: UInt8[np.ndarray, "H W 3"],
    size: Float64[np.ndarray, " 2"],
) -> Cutout:
    """A straight-edged thing of about `size`: a post, a wall, a passing lorry."""
    w, h = np.maximum(size, 3).astype(int)
    return _filled(texture, np.full((h, w), 255, np.uint8), rng)


def blob(
    rng: np.random.Generator,
    texture: UInt8[np.ndarray, "H W 3"],
    size: Float64[np.ndarray, " 2"],
) -> Cutout:
    """A rounded thing of about `size`: a bush, a balloon, a head in front of the lens."""
    w, h = np.maximum(size, 5).astype(int)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = np.ones(48)
    for wave in (2, 3, 5):
        radius += rng.normal(0, 0.16 / wave) * np.cos(wave * angles + rng.uniform(0, 6.28))
    radius /= radius.max()
    outline = np.stack(
        [w / 2 * (1 + radius * np.cos(angles)), h / 2 * (1 + radius * np.sin(angles))]
    )
    alpha = np.zeros((h, w), np.uint8)
    fixed = [np.rint(16 * (outline.T - 0.5)).astype(np.int32)]
    cv2.fillPoly(alpha, fixed, 255, cv2.LINE_AA, shift=4)
    return _filled(texture, alpha, rng)


def _filled(
    texture: UInt8[np.ndarray, "H W 3"],
    alpha: UInt8[np.ndarray, "h w"],
    rng: np.random.Generator,
) -> Cutout:
    """The shape, filled with a random part of an image."""
    h, w = alpha.shape
    th, tw = texture.shape[:2]
    zoom = max(h / th, w / tw, 1e-3) * float(np.exp(rng.uniform(0, 1.0)))
    rows, columns = (max(1, min(round(n / zoom), most)) for n, most in ((h, th), (w, tw)))
    y = int(rng.integers(th - rows + 1))
    x = int(rng.integers(tw - columns + 1))
    part = np.ascontiguousarray(texture[y : y + rows, x : x + columns])
    colours = cv2.resize(part, (w, h), interpolation=cv2.INTER_LINEAR)
    around = (_MARGIN,) * 4
    return Cutout(
        np.asarray(cv2.copyMakeBorder(colours, *around, cv2.BORDER_REPLICATE)),
        np.asarray(cv2.copyMakeBorder(alpha, *around, cv2.BORDER_CONSTANT, value=(0,))),
    )
