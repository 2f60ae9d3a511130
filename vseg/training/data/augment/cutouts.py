"""Cut-outs to paste over an image: objects of stills, textured bars and blobs.

Enters: an image and the mask of an object in it.  Leaves: its colours and its soft alpha,
cropped.  The alpha is drawn in by half a pixel, so that no fringe of the old background comes
along; the mask in the new image is where this alpha is over a half, so it is exact all the
same.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8

from vseg.ops.masks import mask_box
from vseg.training.data.augment.colour import draw_jitter, jitter

_MARGIN = 2  # pixels around the object, which blurring and resampling reach into
# After a 3 x 3 Gaussian, a pixel just outside a straight edge has 64 of 255, one just inside
# 191.  What has no more than 72 becomes transparent: no pixel of the old background shows.
_TRANSPARENT = 72.0
_OPAQUE = 255
_BLOB_CORNERS = 48
_BLOB_WAVES = (2, 3, 5)  # bumps around a blob


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
        """(width, height) of the object without the crop's margin."""
        h, w = self.alpha.shape
        return np.array([w - 2 * _MARGIN, h - 2 * _MARGIN], np.float64)


def cut(image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]) -> Cutout:
    """The masked part of an image with a margin of two pixels; the mask must not be empty."""
    x1, y1, x2, y2 = mask_box(mask)
    inner = (slice(y1, y2), slice(x1, x2))
    hard = np.pad(mask[inner].astype(np.uint8) * _OPAQUE, _MARGIN)
    soft = cv2.GaussianBlur(hard, (3, 3), 0)
    colours = cv2.copyMakeBorder(
        np.ascontiguousarray(image[inner]), *(_MARGIN,) * 4, cv2.BORDER_REPLICATE
    )
    corner = (x1 - _MARGIN, y1 - _MARGIN)
    return Cutout(np.asarray(colours), _drawn_in(np.asarray(soft)), corner)


def _drawn_in(soft: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """The alpha without its outer half: stretched so that _TRANSPARENT becomes 0."""
    stretched = (soft - _TRANSPARENT) * (_OPAQUE / (_OPAQUE - _TRANSPARENT))
    return np.asarray(np.clip(stretched, 0, _OPAQUE), dtype=np.uint8)


def resized(cutout: Cutout, size: Float64[np.ndarray, " 2"]) -> Cutout:
    """The cut-out with its object `size` pixels wide and high, so that pasting need not shrink
    it.
    """
    h, w = cutout.alpha.shape
    factor = size / cutout.size
    new = np.maximum(np.rint((np.array([w, h]) - 2 * _MARGIN) * factor), 1).astype(int)
    new_size = (int(new[0]), int(new[1]))
    flag = cv2.INTER_AREA if factor.min() < 1 else cv2.INTER_LINEAR
    inside = (slice(_MARGIN, h - _MARGIN), slice(_MARGIN, w - _MARGIN))
    colours = cv2.resize(cutout.colours[inside], new_size, interpolation=flag)
    alpha = cv2.resize(cutout.alpha[inside], new_size, interpolation=flag)
    return _with_margin(np.asarray(colours), np.asarray(alpha))


def _with_margin(
    colours: UInt8[np.ndarray, "h w 3"], alpha: UInt8[np.ndarray, "h w"]
) -> Cutout:
    """Both with a transparent margin of the colours at the rim."""
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


def recoloured(
    rng: np.random.Generator,
    cutout: Cutout,
    image: UInt8[np.ndarray, "H W 3"],
    strength: float,
) -> Cutout:
    """The cut-out under a colour jitter of `strength`, its mean drawn towards that of `image`
    by up to 60 %.
    """
    matrix = draw_jitter(rng, strength)
    own = np.array(cv2.mean(cutout.colours, mask=cutout.alpha)[:3])
    around = np.array(cv2.mean(image)[:3])
    shift = rng.uniform(0, 0.6) * (around - matrix[:, :3] @ own - 255 * matrix[:, 3]) / 255
    matrix[:, 3] += shift.astype(np.float32)
    return Cutout(jitter(cutout.colours, matrix), cutout.alpha)


def textured_bar(
    rng: np.random.Generator,
    texture: UInt8[np.ndarray, "H W 3"],
    size: Float64[np.ndarray, " 2"],
) -> Cutout:
    """A rectangle of about `size`, as a post, a wall or a passing lorry."""
    w, h = np.maximum(size, 3).astype(int)
    return _filled(texture, np.full((h, w), 255, np.uint8), rng)


def textured_blob(
    rng: np.random.Generator,
    texture: UInt8[np.ndarray, "H W 3"],
    size: Float64[np.ndarray, " 2"],
) -> Cutout:
    """A rounded shape of about `size`, as a bush, a balloon or a head before the camera."""
    w, h = np.maximum(size, 5).astype(int)
    angles = np.linspace(0, 2 * np.pi, _BLOB_CORNERS, endpoint=False)
    radius = np.ones(_BLOB_CORNERS)
    for wave in _BLOB_WAVES:
        radius += rng.normal(0, 0.16 / wave) * np.cos(wave * angles + rng.uniform(0, 6.28))
    radius /= radius.max()
    outline = np.stack(
        [w / 2 * (1 + radius * np.cos(angles)), h / 2 * (1 + radius * np.sin(angles))]
    )
    alpha = np.zeros((h, w), np.uint8)
    # cv2 takes fixed-point corners with 4 fractional bits, of pixel centres.
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
    rows = max(1, min(round(h / zoom), th))
    columns = max(1, min(round(w / zoom), tw))
    y = int(rng.integers(th - rows + 1))
    x = int(rng.integers(tw - columns + 1))
    part = np.ascontiguousarray(texture[y : y + rows, x : x + columns])
    colours = cv2.resize(part, (w, h), interpolation=cv2.INTER_LINEAR)
    return _with_margin(np.asarray(colours), alpha)
