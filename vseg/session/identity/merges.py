"""When similar objects meet, one mask may cover both; it is split by how they moved.

Enters: the masks of a frame by object.  Leaves: masks to put in their place, for objects that
were covered and those that held them.  A decoder knows objects by their appearance and cannot
tell similar ones apart while they touch: one mask spreads over both, the other vanishes.  That
is detected (an object vanishes where a similar object's mask lies), and from then on the mask
is split by where the objects' motion before the meeting leads: every cell to the nearest
while the mask is one component, component by component once it has fallen apart.  Trackers of
blobs merge and split like this (McKenna et al., Tracking groups of people, 2000); here it
happens only where the masks themselves have failed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float64

from vseg.session.identity.identity_input import IdentityInput

# How the values of these thresholds were chosen is not recorded.
# An object with less than this share of its area has vanished; no share of a split mask is
# smaller either.
_VANISHED_AREA = 0.25
# A component of a mask is an object from this share of the smallest object's area on.
_COMPONENT_AREA = 0.35
# A mask covers another object from this many times its own area on; below it merely hides the
# other.
_GROWN = 1.2
# A mask covers an object if it lies on this share of the disc where that should be.
_COVERS = 0.1
# Two objects can be told apart from this distance on, in radii of the smaller one.
_SEPARATE = 0.5
# Frames for which a motion is extrapolated.
_EXTRAPOLATED_FRAMES = 30
# Frames for which a covered object is waited for.
_PATIENCE = 150
# Share of a new frame in velocity and area: a running mean over about four frames.
_SMOOTHING = 0.25
# Dilated by this, masks up to four cells apart touch.
_TOUCHING = np.ones((5, 5), dtype=np.uint8)

MaskCells = Bool[np.ndarray, "h w"]
Position = Float64[np.ndarray, " 2"]


@dataclass(frozen=True, slots=True)
class Blob:
    """One object as it was when its mask was last its own, in cells of the logits.

    centre: x, y.  velocity: cells per frame.  area: cells.  held_by: the object whose mask
    covers it; None while it has a mask of its own.
    """

    frame_index: int
    centre: tuple[float, float]
    velocity: tuple[float, float]
    area: float
    held_by: int | None = None

    def expected(self, frame_index: int) -> Position:
        """Where its motion leads by then."""
        frames = frame_index - self.frame_index
        frames = int(np.clip(frames, -_EXTRAPOLATED_FRAMES, _EXTRAPOLATED_FRAMES))
        (x, y), (vx, vy) = self.centre, self.velocity
        return np.array([x + frames * vx, y + frames * vy])

    @property
    def radius(self) -> float:
        """Of a disc of the same area."""
        return float(np.sqrt(self.area / np.pi))


@dataclass(frozen=True, slots=True)
class FrameObjects:
    """The masks of one frame by object, empty where one is not visible.

    prompted: objects that the user prompted.  similar(one, other): whether one may be taken
    for the other.
    """

    frame_index: int
    masks: Mapping[int, MaskCells]
    prompted: frozenset[int]
    similar: Callable[[int, int], bool]

    @classmethod
    def of(
        cls,
        inputs: IdentityInput,
        masks: Bool[np.ndarray, "O h w"],
        similar: Callable[[int, int], bool],
    ) -> "FrameObjects":
        """Those that were decoded on the whole frame, not in crops."""
        ids = inputs.object_ids
        elsewhere = inputs.elsewhere or (False,) * len(ids)
        return cls(
            inputs.frame_index,
            {i: m for i, m, away in zip(ids, masks, elsewhere, strict=True) if not away},
            frozenset(i for i, here in zip(ids, inputs.prompted, strict=True) if here),
            similar,
        )


@dataclass(frozen=True, slots=True)
class Split:
    """masks: to put in place of what was decoded.  holders: by object, whose mask that was cut
    from.

    merged: objects that are in a merge, split or not: nothing should be learned from them.
    """

    masks: dict[int, MaskCells]
    holders: dict[int, int]
    merged: frozenset[int]


@dataclass(slots=True)
class Merges:
    """The blobs of one video's objects by id; read and written by snapshots."""

    blobs: dict[int, Blob] = field(default_factory=dict)

    def split(self, frame: FrameObjects) -> Split:
        """The masks to split on this frame; updates the blobs of objects that are separate."""
        touching = _touching_similar(frame)
        vanished = {
            i for i, mask in frame.masks.items() if self._vanished(i, mask)
        } - frame.prompted
        # Vanished objects first: an object that holds another's mask is not measured.
        for object_id in sorted(vanished):
            self._find_holder(frame, object_id)
        for object_id in sorted(frame.masks.keys() - vanished):
            self._update(frame, object_id, touching[object_id])
        masks: dict[int, MaskCells] = {}
        holders: dict[int, int] = {}
        merged: set[int] = set()
        for holder, members in self._merged(frame):
            # A mask of the holder's own size merely hides the other: nothing is to be split.
            if np.count_nonzero(frame.masks[holder]) < _GROWN * self.blobs[holder].area:
                continue
            merged |= set(members)
            shares = self._shares(frame, holder, members)
            masks |= shares
            holders |= dict.fromkeys(shares, holder)
        return Split(masks, holders, frozenset(merged))

    def forget(self, object_id: int) -> None:
        """Drop the object's blob."""
        self.blobs.pop(object_id, None)

    def _vanished(self, object_id: int, mask: MaskCells) -> bool:
        blob = self.blobs.get(object_id)
        return blob is not None and int(np.count_nonzero(mask)) < _VANISHED_AREA * blob.area

    def _update(self, frame: FrameObjects, object_id: int, touching: bool) -> None:
        """Measure an object's blob where its mask is its own."""
        mask = frame.masks[object_id]
        blob = self.blobs.get(object_id)
        holds = any(other.held_by == object_id for other in self.blobs.values())
        if not mask.any():
            if object_id in frame.prompted:
                # The prompt says that it is not there; then no other mask covers it either.
                self.forget(object_id)
            return
        if object_id in frame.prompted:
            self.blobs[object_id] = _measured(frame.frame_index, mask, None)
        elif not touching and not holds:
            self.blobs[object_id] = _measured(frame.frame_index, mask, blob)
        elif blob is not None and blob.held_by is not None:
            self.blobs[object_id] = replace(blob, held_by=None)

    def _find_holder(self, frame: FrameObjects, object_id: int) -> None:
        """Note whose mask covers a vanished object; forget one that nobody's does."""
        blob = self.blobs[object_id]
        if blob.held_by is None:
            holder = _holder(frame, object_id, blob)
        else:
            late = abs(frame.frame_index - blob.frame_index) > _PATIENCE
            holder = blob.held_by if blob.held_by in frame.masks and not late else None
        if holder is None:
            del self.blobs[object_id]
        else:
            self.blobs[object_id] = replace(blob, held_by=holder)

    def _merged(self, frame: FrameObjects) -> Iterator[tuple[int, list[int]]]:
        """The masks that cover several objects, and which: the holder first."""
        held: dict[int, list[int]] = {}
        for object_id in frame.masks:
            blob = self.blobs.get(object_id)
            if blob is not None and blob.held_by in self.blobs:
                held.setdefault(blob.held_by, []).append(object_id)
        yield from ((holder, [holder, *members]) for holder, members in held.items())

    def _shares(
        self, frame: FrameObjects, holder: int, members: Sequence[int]
    ) -> dict[int, MaskCells]:
        """The holder's mask split among the members; nothing where they cannot be told
        apart.
        """
        from scipy.optimize import linear_sum_assignment  # half a second: for merges only

        mask = frame.masks[holder]
        blobs = [self.blobs[i] for i in members]
        expected = np.stack([blob.expected(frame.frame_index) for blob in blobs])
        smallest = min(blob.area for blob in blobs)
        count, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        least = _COMPONENT_AREA * smallest
        large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= least]
        # Still one component: the objects touch, and only their motion tells them apart.
        if len(large) < 2:
            return _nearest_cells(mask, expected, members, smallest)
        distance = np.linalg.norm(expected[:, None] - centres[large][None], axis=2)
        shares = {}
        for member, component in zip(*linear_sum_assignment(distance), strict=True):
            object_id = members[member]
            k = large[component]
            shares[object_id] = labels == k
            x, y = centres[k].tolist()
            self.blobs[object_id] = replace(
                self.blobs[object_id],
                frame_index=frame.frame_index,
                centre=(x, y),
                held_by=None,
            )
        return shares


def _measured(frame_index: int, mask: MaskCells, before: Blob | None) -> Blob:
    """The blob of an object that touches no similar one, and its motion since `before`."""
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    area = moments["m00"]
    x = moments["m10"] / area
    y = moments["m01"] / area
    # After a merge the motion before it says nothing any more.
    if before is None or before.held_by is not None:
        return Blob(frame_index, (x, y), (0.0, 0.0), area)
    smoothed = (1 - _SMOOTHING) * before.area + _SMOOTHING * area
    frames = frame_index - before.frame_index
    if abs(frames) != 1:
        # What it did between says little of how it moves now.
        return Blob(frame_index, (x, y), before.velocity, smoothed)
    vx, vy = before.velocity
    x_before, y_before = before.centre
    vx += _SMOOTHING * ((x - x_before) / frames - vx)
    vy += _SMOOTHING * ((y - y_before) / frames - vy)
    return Blob(frame_index, (x, y), (vx, vy), smoothed)


def _holder(frame: FrameObjects, object_id: int, blob: Blob) -> int | None:
    """The similar object whose mask covers most of the disc where the object should be."""
    drawn = np.zeros(frame.masks[object_id].shape, dtype=np.uint8)
    x, y = blob.expected(frame.frame_index).round().astype(int).tolist()
    cv2.circle(drawn, (x, y), max(2, int(blob.radius)), 1, -1)
    disc = drawn > 0
    covered = {i: int(np.count_nonzero(mask & disc)) for i, mask in frame.masks.items()}
    covered[object_id] = 0
    least = _COVERS * np.count_nonzero(disc)
    candidates = [i for i, cells in covered.items() if cells > least]
    similar = [i for i in candidates if frame.similar(object_id, i)]
    return max(similar, key=lambda i: covered[i], default=None)


def _nearest_cells(
    mask: MaskCells,
    expected: Float64[np.ndarray, "M 2"],
    members: Sequence[int],
    smallest: float,
) -> dict[int, MaskCells]:
    """Every cell to the member expected nearest; nothing where two of them are too close, or
    one would get too little.
    """
    distance = np.linalg.norm(expected[:, None] - expected[None], axis=2)
    distance[np.diag_indices(len(expected))] = np.inf
    if distance.min() < _SEPARATE * np.sqrt(smallest / np.pi):
        return {}
    ys, xs = np.nonzero(mask)
    nearest = np.hypot(xs - expected[:, :1], ys - expected[:, 1:]).argmin(axis=0)
    if np.bincount(nearest, minlength=len(members)).min() < _VANISHED_AREA * smallest:
        return {}
    shares = {}
    for k, object_id in enumerate(members):
        shares[object_id] = np.zeros_like(mask)
        shares[object_id][ys[nearest == k], xs[nearest == k]] = True
    return shares


def _touching_similar(frame: FrameObjects) -> dict[int, bool]:
    """By object, whether its mask touches that of a similar one."""
    touching = dict.fromkeys(frame.masks, False)
    visible = [i for i, mask in frame.masks.items() if mask.any()]
    dilated = {i: cv2.dilate(frame.masks[i].astype(np.uint8), _TOUCHING) > 0 for i in visible}
    for k, one in enumerate(visible):
        for other in visible[:k]:
            if (dilated[one] & dilated[other]).any() and frame.similar(one, other):
                touching[one] = touching[other] = True
    return touching
