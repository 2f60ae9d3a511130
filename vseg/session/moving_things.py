"""Things that nobody prompted and that move on their own beside an object: a hand that is
going to take it, somebody who passes.

Enters: how the pixels of a frame moved, and the masks of its objects.  Leaves: the mask of
such a thing.  Before it touches the object it is easily told from it, afterwards it is not: so
it is tracked from then on, unseen, as a look-alike is (`vseg.session.distractor_finder`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from vseg.interfaces.affinity_model import AffinityModel
from vseg.ops.masks import mask_box
from vseg.session.encoded_image import EncodedImage
from vseg.session.identity.optical_flow import Flow, median_flow
from vseg.session.image_predictor import ImagePredictor
from vseg.tensors import CERTAIN_LOGIT, Decoded
from vseg.types import Mask, Points

# Cells per frame by which a thing moves otherwise than the background, and than the object.
# Half of it is enough for the rest of what is decoded. Round values.
_MOVES = 0.5
# What is near an object, by the square root of its area; of the object's area, the least and
# the most that moves there, and the least in cells. Not tuned.
_NEAR = 0.75
_AREAS = (0.15, 6.0)
_LEAST = 30
# What is decoded from a click on what moves is it, if it has this share of that, if no more
# than this share of it is on what is tracked, if this share of it moves on its own, and if its
# IoU is predicted to be this. On a clip of hands that move cups, of hands and arms 0.82 to 1
# move on their own, of the whole person 0.1 to 0.6.
_COVERED = 0.55
_TRACKED = 0.15
_OWN = 0.75
_QUALITY = 0.65
# If less than this share of what one pass over the click shows moves, the rest, which takes
# five times as long, is not decoded. On nine real clips 0.7 and more did of all 18 things that
# were accepted in the end, and less than this of half of 105 others.
_MAYBE_OWN = 0.5
# Residuals of the background's motion that RANSAC counts as none, in cells, and the least
# share of the background that must agree.
_AGREES = 0.4
_BACKGROUND = 0.5
# Every so many cells of the background are asked.
_SPARSE = 4
# Flow near the edge of what is tracked is that of both sides.
_EDGE = np.ones((5, 5), dtype=np.uint8)
_SPECK = np.ones((3, 3), dtype=np.uint8)

Cells = Bool[np.ndarray, "h w"]


@dataclass(frozen=True, slots=True)
class MovingThing:
    """Cells that move on their own near an object; row: of the object."""

    row: int
    cells: Cells


@dataclass(frozen=True, slots=True)
class OwnMotion:
    """How the cells of a frame moved, and how far otherwise than the background."""

    flow: Flow
    apart: Float32[np.ndarray, "h w"]

    @classmethod
    def of(cls, flow: Flow, tracked: Cells) -> "OwnMotion | None":
        """tracked: cells of all that is tracked.  None where no background is found."""
        background = _background(flow, ~_with_edge(tracked))
        return None if background is None else cls(flow, _length(flow - background))

    def things(self, masks: Sequence[Cells], tracked: Cells) -> list[MovingThing]:
        """What moves on its own near these masks, the largest first."""
        own = (self.apart > _MOVES) & ~_with_edge(tracked)
        found = []
        for row, mask in enumerate(masks):
            area = np.count_nonzero(mask)
            if area < _LEAST:
                continue
            there = around(mask, int(_NEAR * np.sqrt(area)))
            if not own[there].any():
                continue
            otherwise = _length(self.flow - median_flow(self.flow, mask)) > _MOVES
            moves = cv2.morphologyEx((own & otherwise).view(np.uint8), cv2.MORPH_OPEN, _SPECK)
            count, labels, stats, _ = cv2.connectedComponentsWithStats(moves)
            least, most = max(_LEAST, _AREAS[0] * area), _AREAS[1] * area
            for number in range(1, count):
                fits = least <= stats[number, cv2.CC_STAT_AREA] <= most
                if fits and (labels[there] == number).any():
                    found.append(MovingThing(row, labels == number))
        return sorted(found, key=lambda thing: -np.count_nonzero(thing.cells))

    def mask_of(
        self, thing: Cells, model: AffinityModel, image: EncodedImage, tracked: Cells
    ) -> Mask | None:
        """The mask of what moves there, decoded from a click; None if that is not it."""
        predictor = ImagePredictor(model)
        click = [(_innermost(thing, image),)]
        first = _cells(predictor.refine(image, click)) & ~tracked
        if self._share_apart(first) < _MAYBE_OWN:
            return None
        decoded = predictor.decode(image, click)
        found = _cells(decoded)
        alone = found & ~tracked
        fits = (
            alone.any()
            and np.count_nonzero(found & thing) >= _COVERED * np.count_nonzero(thing)
            and np.count_nonzero(found & tracked) <= _TRACKED * np.count_nonzero(found)
            and self._share_apart(alone) >= _OWN
            and float(decoded.quality[0]) >= _QUALITY
        )
        if not fits:
            return None
        height, width = image.frame.hw
        logits = decoded.logits[0].float().cpu().numpy()
        shown = np.where(alone, logits, -CERTAIN_LOGIT).astype(np.float32)
        return Mask(np.asarray(cv2.resize(shown, (width, height)) > 0))

    def _share_apart(self, cells: Cells) -> float:
        """The share of some cells that moves on its own; 1 of none."""
        return float(np.mean(self.apart[cells] > _MOVES / 2)) if cells.any() else 1.0


def _cells(decoded: Decoded) -> Cells:
    """Those of the one object that is decoded."""
    return np.asarray((decoded.logits[0] > 0).cpu().numpy())


def _innermost(cells: Cells, image: EncodedImage) -> Points:
    """A click on the cell that is farthest from all others."""
    height, width = image.frame.hw
    inside = cv2.distanceTransform(cells.view(np.uint8), cv2.DIST_L2, 3)
    y, x = np.unravel_index(int(inside.argmax()), cells.shape)
    place = (x + 0.5) * width / cells.shape[1], (y + 0.5) * height / cells.shape[0]
    return Points(((float(place[0]), float(place[1])),), (1,))


def _with_edge(tracked: Cells) -> Cells:
    return np.asarray(cv2.dilate(tracked.view(np.uint8), _EDGE) > 0)


def _length(flow: Flow) -> Float32[np.ndarray, "h w"]:
    return np.asarray(np.hypot(flow[..., 0], flow[..., 1]), dtype=np.float32)


def around(mask: Cells, reach: int) -> tuple[slice, slice]:
    """The box around a mask that has cells, grown by so many."""
    x1, y1, x2, y2 = mask_box(mask)
    return slice(max(0, y1 - reach), y2 + reach), slice(max(0, x1 - reach), x2 + reach)


def _background(flow: Flow, free: Cells) -> Flow | None:
    """How the camera makes each cell move: the similarity that most of the free cells agree
    on; None if too few do.
    """
    ys, xs = _SPARSE * np.array(np.nonzero(free[::_SPARSE, ::_SPARSE]))
    if len(ys) < _LEAST:
        return None
    places = np.stack([xs, ys], axis=1).astype(np.float32)
    matrix, agree = cv2.estimateAffinePartial2D(
        places, places + flow[ys, xs], method=cv2.RANSAC, ransacReprojThreshold=_AGREES
    )
    if matrix is None or agree.mean() < _BACKGROUND:
        return None
    height, width = free.shape
    # Not a product of matrices: the threads of such a small one spin for longer than it takes.
    x, y = np.arange(width), np.arange(height)[:, None]
    moved = [m[0] * x + m[1] * y + m[2] for m in matrix - np.eye(2, 3)]
    return np.stack(moved, axis=-1).astype(np.float32)
