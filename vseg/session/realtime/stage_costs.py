"""What the stages of an update cost on this machine, measured while it runs.

Enters: seconds of encoding a frame, and of tracking so many objects on it.  Leaves: seconds
that 19 of 20 updates stay below, also for numbers of objects and sizes not yet measured.  Held
are the newest measurements alone: a machine that becomes slower or faster is followed.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

# Measurements of a size that estimates are made from: 64 are two seconds of a camera, and the
# share of 0.95 of them leaves out three.  The first ones of a size are left out, in which
# kernels are built for its shapes.  Round values.
_KEPT = 64
_FIRST = 2
_SHARE = 0.95
# Weight of the assumption that nothing costs anything, against that of one measurement: it
# decides only what the measurements do not, as where the number of objects never changed.
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds that most updates at one size stay below.

    encode: of a frame.  frame: of tracking, whatever the number of objects.  each: of every
    object.  remembered: of every one that may be remembered.
    """

    encode: float
    frame: float
    each: float
    remembered: float


class SizeCosts:
    """Of frames at one size."""

    def __init__(self) -> None:
        self._seen = 0
        self._encode: deque[float] = deque(maxlen=_KEPT)
        # Seconds, objects, and objects that could be remembered.
        self._track: deque[tuple[float, int, int]] = deque(maxlen=_KEPT)
        self._estimate: Estimate | None = None

    def note(self, encode_s: float, track_s: float, objects: int, remembered: int) -> None:
        """Take in one update."""
        self._seen += 1
        if self._seen > _FIRST:
            self._encode.append(encode_s)
            self._track.append((track_s, objects, remembered))
            self._estimate = None

    def renew(self) -> None:
        """Forget what was measured; no kernels are built again."""
        self._encode.clear()
        self._track.clear()

    @property
    def known(self) -> bool:
        """Whether there is a measurement."""
        return bool(self._encode)

    @property
    def estimate(self) -> Estimate:
        """Made of the measurements there are."""
        if self._estimate is None:
            self._estimate = self._estimated()
        return self._estimate

    def _estimated(self) -> Estimate:
        """By least squares, and beyond that what all but a few updates need."""
        rows = np.array(self._track, dtype=np.float64)
        seconds = rows[:, 0]
        inputs = np.column_stack([np.ones(len(rows)), rows[:, 1:]])
        shares = _shares(inputs, seconds)
        beyond = float(np.quantile(seconds - inputs @ shares, _SHARE))
        frame, each, remembered = shares.tolist()
        encode = float(np.quantile(self._encode, _SHARE))
        return Estimate(encode, frame + max(0.0, beyond), each, remembered)


class StageCosts:
    """Costs by the short side of the frames."""

    def __init__(self) -> None:
        self._sizes: dict[int, SizeCosts] = {}

    def note(
        self, side: int, encode_s: float, track_s: float, objects: int, remembered: int
    ) -> None:
        """Take in one update."""
        costs = self._sizes.setdefault(side, SizeCosts())
        costs.note(encode_s, track_s, objects, remembered)

    def renew(self, side: int) -> None:
        """Forget what was measured at this size: it is not true any more."""
        if side in self._sizes:
            self._sizes[side].renew()

    def encode_s(self, side: int) -> float:
        """Of a frame of this short side; 0 while nothing was measured at any."""
        nearest = self._nearest(side)
        if nearest is None:
            return 0.0
        return self._sizes[nearest].estimate.encode * _scale(side, nearest)

    def track_s(self, side: int, objects: int, remembered: int) -> float:
        """Of so many objects on it."""
        nearest = self._nearest(side)
        if nearest is None:
            return 0.0
        of = self._sizes[nearest].estimate
        seconds = of.frame + of.each * objects + of.remembered * remembered
        return seconds * _scale(side, nearest)

    def _nearest(self, side: int) -> int | None:
        """The measured size that is nearest."""
        known = [s for s, costs in self._sizes.items() if costs.known]
        return min(known, key=lambda s: abs(s - side), default=None)


def _scale(side: int, measured: int) -> float:
    """Every stage works on cells, whose number grows with the square of the side."""
    # A model of one size has none: its side is 0.
    return 1.0 if side == measured else (side / measured) ** 2


def _shares(
    inputs: Float64[np.ndarray, "N 3"], seconds: Float64[np.ndarray, " N"]
) -> Float64[np.ndarray, " 3"]:
    """Seconds for an update, an object and a remembered one; none is below 0."""
    gram = inputs.T @ inputs + _RIDGE * np.eye(3)
    return np.asarray(np.linalg.solve(gram, inputs.T @ seconds).clip(0))
