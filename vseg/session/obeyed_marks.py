"""Points that a decoded mask does not obey: it is moved around them until it does.

Enters: mask logits of an image, and the prompts of every object.  Leaves: logits that are
positive under every positive point and negative under every negative one.  A network may leave
a click without effect, and then every further click at the same place too.  The logits are
taken as a Gaussian process that the points were observed of, as in "Interactive Segmentation
as Gaussian Process Classification" (Zhou et al., CVPR 2023): what is wrong at a point is
corrected around it, where the image has the same colour; points that are obeyed hold it there.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from vseg.interfaces.promptable_model import ObjectPrompts
from vseg.types import Points

# Chosen on objects of held-out COCO stills and of training clips, ten clicks each: see
# docs/prompts.md.
_SURE = 4.0
"""The least logit of a point, times its sign.  Zoomed in after every click, 52 stills take
10.5 clicks until IoU 85 with 4, and 11.1 where points are corrected to 4 only if they are not
obeyed at all; 11.4 without any of this.  Before colours were compared, and not zoomed in on
at the first click: 10.6 with 4, 11.1 with 1."""
_REACH = 0.7
"""The kernel's standard deviation, in distances from the point to the mask's edge: a click is
in the middle of what is wrong.  Without colours, as above, it is 10.6 with 0.7, 10.8 with 1.
"""
_LEAST_REACH = 2.0
"""In cells: the radius of the disc that a point is drawn as."""
_MOST_REACH = 30.0
"""In cells; not tuned."""
_COLOUR = 50.0
"""The standard deviation of colours, of 255."""
_NOISE = 1e-3
"""Of the observations: two points on one cell may contradict each other."""
_FURTHEST = 3.0
"""Standard deviations beyond which the kernel, below 0.011, is taken as 0."""

Cells = Float32[np.ndarray, "h w"]


def with_obeyed_marks(
    logits: Float[Tensor, "O h4 w4"],
    objects: Sequence[ObjectPrompts],
    image: UInt8[np.ndarray, "H W 3"],
) -> Float[Tensor, "O h4 w4"]:
    """The logits, corrected where an object's points are not clearly obeyed.

    image: what the cells cover.
    """
    obeyed = logits
    small = None
    for row, prompts in enumerate(objects):
        points = [p for p in prompts if isinstance(p, Points)]
        if not points:
            continue
        if small is None:
            size = (int(logits.shape[2]), int(logits.shape[1]))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        before = logits[row].float().cpu().numpy()
        corrected = _corrected(before, points, image.shape[:2], small)
        if corrected is not None:
            if obeyed is logits:
                obeyed = logits.clone()
            obeyed[row] = torch.from_numpy(corrected).to(logits.device, logits.dtype)
    return obeyed


def _corrected(
    logits: Cells,
    points: Sequence[Points],
    image_hw: tuple[int, ...],
    colours: UInt8[np.ndarray, "h w 3"],
) -> Cells | None:
    """None where nothing is to be corrected.  colours: of the cells."""
    xy = np.concatenate([p.xy for p in points])
    sign = np.where(np.concatenate([p.positive for p in points]), 1.0, -1.0)
    scale = np.array([logits.shape[1] / image_hw[1], logits.shape[0] / image_hw[0]])
    last = (logits.shape[1] - 1, logits.shape[0] - 1)
    at = np.clip(((xy + 0.5) * scale).astype(np.int64), 0, last)
    columns, rows = at.T
    missing = np.maximum(_SURE - sign * logits[rows, columns], 0) * sign
    if not missing.any():
        return None
    reaches = np.clip(_REACH * _depth(logits)[rows, columns], _LEAST_REACH, _MOST_REACH)
    kernels = np.stack(
        [_kernel(*one, colours) for one in zip(at, reaches.tolist(), strict=True)]
    )
    covariance = kernels[:, rows, columns].T + _NOISE * np.eye(len(at))
    weights = np.linalg.lstsq(covariance, missing, rcond=None)[0].astype(np.float32)
    return np.asarray(logits + np.tensordot(weights, kernels, 1), dtype=np.float32)


def _depth(logits: Cells) -> Cells:
    """The distance of every cell to the mask's edge, in cells, on both sides."""
    inside = (logits > 0).astype(np.uint8)
    distances = [cv2.distanceTransform(side, cv2.DIST_L2, 3) for side in (inside, 1 - inside)]
    return np.asarray(np.where(inside, *distances), dtype=np.float32)


def _kernel(
    at: Int64[np.ndarray, "2"], reach: float, colours: UInt8[np.ndarray, "h w 3"]
) -> Cells:
    """How much every cell follows a point: by its distance and its colour; 1 at the point."""
    height, width = colours.shape[:2]
    x, y = (int(v) for v in at)
    far = int(_FURTHEST * reach)
    rows = slice(max(0, y - far), min(height, y + far + 1))
    columns = slice(max(0, x - far), min(width, x + far + 1))
    near = (colours[rows, columns].astype(np.float32) - colours[y, x]) / _COLOUR
    down = ((np.arange(height)[rows] - y) / reach) ** 2
    along = ((np.arange(width)[columns] - x) / reach) ** 2
    exponent = np.square(near).sum(axis=2) + (down[:, None] + along[None]).astype(np.float32)
    kernel = np.zeros((height, width), dtype=np.float32)
    kernel[rows, columns] = np.exp(-exponent / 2)
    return kernel
