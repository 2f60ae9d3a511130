"""What enters and leaves every tracker, checked once, here.

Boxes are x1 y1 x2 y2 in pixels, right and bottom exclusive.  Times are seconds and must grow
from frame to frame; they need not be evenly spaced.  Track ids are positive, counted per
tracker, never reused.
"""

from dataclasses import dataclass
from enum import IntEnum
from numbers import Real

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.errors import TrackerError
from vseg_trackers.masks import PackedMasks


class TrackState(IntEnum):
    """TENTATIVE until confirmed; OCCLUDED, then LOST while missed.  A track that ended is
    reported no more, and its id never returns.
    """

    TENTATIVE = 0
    CONFIRMED = 1
    OCCLUDED = 2
    LOST = 3


_ARRAYS = (
    ("boxes", "(N, 4)", 2, "fiu"),
    ("scores", "(N,)", 1, "fiu"),
    ("labels", "(N,)", 1, "iu"),
    ("embeddings", "(N, C)", 2, "fiu"),
    ("camera", "(2, 3)", 2, "fiu"),
)
"""Fields of detections: their shapes, how many axes those have, and NumPy's letters of the
kinds of numbers that they hold."""
_OPTIONAL = frozenset({"labels", "embeddings", "camera"})


@dataclass(frozen=True, slots=True)
class Detections:
    """The boxes of one frame, at most one per object.

    A box may have a side of 0 (detectors clip at the border); it overlaps nothing.
    scores in [0, 1]; labels: class ids (all 0 without any); a track has the class of most
    of its detections.
    masks, embeddings (the appearance of each; only their directions count): one for each box,
    used by MaskletAssociator.  camera: how pixels of the previous frame moved to this one,
    x' = A x + t as [A | t]; what moved with the image is expected there.
    Raises TrackerError for what is no such array, and naming the first row that is not a
    number, inverted or out of range.
    """

    time_s: float
    boxes: Float[np.ndarray, "N 4"]
    scores: Float[np.ndarray, " N"]
    labels: Int[np.ndarray, " N"] | None = None
    masks: PackedMasks | None = None
    embeddings: Float[np.ndarray, "N C"] | None = None
    camera: Float[np.ndarray, "2 3"] | None = None

    @staticmethod
    def of_masks(
        time_s: float,
        masks: PackedMasks,
        scores: Float[np.ndarray, " N"],
        labels: Int[np.ndarray, " N"] | None = None,
        embeddings: Float[np.ndarray, "N C"] | None = None,
    ) -> "Detections":
        """Detections that are masks; their boxes are the crops'."""
        return Detections(time_s, masks.boxes.astype(float), scores, labels, masks, embeddings)

    def __post_init__(self) -> None:
        if not isinstance(self.time_s, Real) or not np.isfinite(self.time_s):
            raise TrackerError(f"time_s is {self.time_s!r:.60}, not a time in seconds")
        self._check_arrays()
        self._check_counts()
        # A comparison with NaN is false, so asking for what is right finds NaN as well.
        upright = self.boxes[:, 2:] >= self.boxes[:, :2]
        finite = np.isfinite(self.boxes)
        likely = (self.scores >= 0) & (self.scores <= 1)
        # Counting is the quickest test; which row it was matters only when one is wrong.
        num_right = sum(map(np.count_nonzero, (upright, finite, likely)))
        if num_right < upright.size + finite.size + likely.size:
            self._refuse(upright.all(axis=1) & finite.all(axis=1) & likely)
        if self.embeddings is not None:
            check_embeddings(self.embeddings)
        if self.camera is not None and not np.isfinite(self.camera).all():
            raise TrackerError(
                f"camera {self.camera.tolist()} has a value that is not a number"
            )

    def _check_arrays(self) -> None:
        for name, shape, axes, kinds in _ARRAYS:
            values = getattr(self, name)
            if values is None and name in _OPTIONAL:
                continue
            array = isinstance(values, np.ndarray)
            if not array or values.ndim != axes or values.dtype.kind not in kinds:
                what = f"{values.dtype} {values.shape}" if array else type(values).__name__
                numbers = "int" if kinds == "iu" else "float"
                raise TrackerError(
                    f"{name} is {what}, not an array {shape} of numbers; give "
                    f"np.array({name}, {numbers})"
                )
        if self.boxes.shape[1] != 4:
            raise TrackerError(f"boxes have {self.boxes.shape[1]} numbers, not x1, y1, x2, y2")
        if self.camera is not None and self.camera.shape != (2, 3):
            raise TrackerError(f"camera has the shape {self.camera.shape}, not (2, 3)")
        if self.masks is not None and not isinstance(self.masks, PackedMasks):
            raise TrackerError(
                f"masks is {type(self.masks).__name__}; give PackedMasks.of(masks)"
            )

    def _check_counts(self) -> None:
        for name, values in (
            ("scores", self.scores),
            ("labels", self.labels),
            ("masks", self.masks),
            ("embeddings", self.embeddings),
        ):
            if values is not None and len(values) != len(self.boxes):
                raise TrackerError(f"{len(self.boxes)} boxes but {len(values)} {name}")

    def _refuse(self, right: Bool[np.ndarray, " N"]) -> None:
        row = int(np.argmin(right))
        box = self.boxes[row].tolist()
        score = float(self.scores[row])
        if not np.isfinite(box).all():
            raise TrackerError(f"row {row}: box {box} has a value that is not a number")
        if box[2] < box[0] or box[3] < box[1]:
            raise TrackerError(f"row {row}: box {box} is inverted; give x1, y1, x2, y2")
        raise TrackerError(f"row {row}: score {score} is outside [0, 1]")

    def __len__(self) -> int:
        return len(self.boxes)


def check_embeddings(embeddings: Float[np.ndarray, "N C"]) -> None:
    """Raises TrackerError naming the first row that is not a direction."""
    length = np.sqrt((embeddings * embeddings).sum(axis=1))
    right = np.isfinite(length) & (length > 0)
    if not right.all():
        row = int(np.argmin(right))
        raise TrackerError(
            f"row {row}: embedding of length {length[row]:g} has no direction; give finite "
            "numbers, not all 0, or no embeddings at all"
        )


@dataclass(frozen=True, slots=True)
class Track:
    """One identity at one time.

    box: the filter's estimate: corrected by this frame's detection (it trembles less than
    detections do), or predicted while missed.  row: of that detection among the frame's, None
    while missed.  label: the class of most of its detections so far.  first_s, last_s: first
    and latest time it was detected.
    """

    track_id: int
    state: TrackState
    box: tuple[float, float, float, float]
    score: float
    label: int
    row: int | None
    first_s: float
    last_s: float
