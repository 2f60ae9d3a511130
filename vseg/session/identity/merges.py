"""When look-alikes meet, one mask may swallow both bodies; they are told apart by how they
moved.

Enters: the masks of a frame by object.  Leaves: masks to hand over, of who was swallowed and
who held them.  A decoder knows things by their looks and cannot tell twins apart while they
touch: one mask spreads over both, the other vanishes.  That is noticed (somebody vanishes
where a look-alike's mask lies), and from then on the mask is divided by where each one's
motion before the meeting leads: by the nearest while it is one piece, part by part once it has
fallen apart.  Trackers of blobs merge and split like this (McKenna et al., Tracking groups of
people, 2000); here it happens only where the masks themselves have failed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float64
from scipy.optimize import linear_sum_assignment

_GONE = 0.25
"""Who is left with less than this share of its body has vanished; no share of a mask is
smaller either.
"""
_PART = 0.35
"""A piece of a mask is a body from this share of the smallest body on."""
_GROWN = 1.2
"""A mask holds another body from this many times its own body on; below it merely hides the
other.
"""
_COVERS = 0.1
"""A mask has swallowed a body if it lies on this share of the place where that should be."""
_APART = 0.5
"""Two bodies can be told apart from this distance on, in radii of the smaller one."""
_FORESIGHT = 30
"""Frames for which a motion is believed to go on as it was."""
_PATIENCE = 150
"""Frames for which a swallowed object is waited for."""
_SMOOTH = 0.25
_REACH = np.ones((5, 5), dtype=np.uint8)

Cells = Bool[np.ndarray, "h w"]
Place = Float64[np.ndarray, " 2"]


@dataclass(frozen=True, slots=True)
class Body:
    """One object as it was last seen alone, in cells of the logits: x, y; cells per frame;
    cells.

    held_by: whose mask has swallowed it; None while it has a mask of its own.
    """

    frame_index: int
    centre: tuple[float, float]
    velocity: tuple[float, float]
    area: float
    held_by: int | None = None

    def expected(self, frame_index: int) -> Place:
        """Where its motion leads by then."""
        ahead = int(np.clip(frame_index - self.frame_index, -_FORESIGHT, _FORESIGHT))
        (x, y), (vx, vy) = self.centre, self.velocity
        return np.array([x + ahead * vx, y + ahead * vy])

    @property
    def radius(self) -> float:
        return float(np.sqrt(self.area / np.pi))


@dataclass(frozen=True, slots=True)
class Group:
    """The masks of one frame by object, empty where one is not seen.

    prompted: objects that the user spoke of.  alike(one, other): whether one may be taken for
    the other.
    """

    frame_index: int
    masks: Mapping[int, Cells]
    prompted: frozenset[int]
    alike: Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Divided:
    """masks: to put in place of what was decoded.  holders: by object, whose mask that was cut
    from.

    unclear: objects that are in a merge, divided or not: nothing should be learned from them.
    """

    masks: dict[int, Cells]
    holders: dict[int, int]
    unclear: frozenset[int]


@dataclass(slots=True)
class Merges:
    """The bodies of one video's objects by id; read and written by snapshots."""

    bodies: dict[int, Body] = field(default_factory=dict)

    def divide(self, group: Group) -> Divided:
        """What is to be handed over on this frame; learns from who is alone."""
        met = _touching(group)
        gone = {
            i for i, mask in group.masks.items() if self._vanished(i, mask)
        } - group.prompted
        for object_id in sorted(gone):
            self._miss(group, object_id)
        for object_id in sorted(group.masks.keys() - gone):
            self._note(group, object_id, met[object_id])
        masks: dict[int, Cells] = {}
        holders: dict[int, int] = {}
        unclear: set[int] = set()
        for holder, members in self._merged(group):
            if np.count_nonzero(group.masks[holder]) < _GROWN * self.bodies[holder].area:
                continue
            unclear |= set(members)
            shares = self._shares(group, holder, members)
            masks |= shares
            holders |= dict.fromkeys(shares, holder)
        return Divided(masks, holders, frozenset(unclear))

    def forget(self, object_id: int) -> None:
        """Drop what is known of an object's body."""
        self.bodies.pop(object_id, None)

    def _vanished(self, object_id: int, mask: Cells) -> bool:
        body = self.bodies.get(object_id)
        return body is not None and int(np.count_nonzero(mask)) < _GONE * body.area

    def _note(self, group: Group, object_id: int, met: bool) -> None:
        """Learn from an object that is alone."""
        mask = group.masks[object_id]
        body = self.bodies.get(object_id)
        holds = any(other.held_by == object_id for other in self.bodies.values())
        if not mask.any():
            if object_id in group.prompted:  # the user says that nobody holds it either
                self.forget(object_id)
            return
        if object_id in group.prompted:
            self.bodies[object_id] = _alone(group.frame_index, mask, None)
        elif not met and not holds:
            self.bodies[object_id] = _alone(group.frame_index, mask, body)
        elif body is not None and body.held_by is not None:
            self.bodies[object_id] = replace(body, held_by=None)

    def _miss(self, group: Group, object_id: int) -> None:
        """Note whose mask lies where the object should be; forget one that nobody holds."""
        body = self.bodies[object_id]
        if body.held_by is None:
            holder = _holder(group, object_id, body)
        else:
            late = abs(group.frame_index - body.frame_index) > _PATIENCE
            holder = body.held_by if body.held_by in group.masks and not late else None
        if holder is None:
            del self.bodies[object_id]
        else:
            self.bodies[object_id] = replace(body, held_by=holder)

    def _merged(self, group: Group) -> Iterator[tuple[int, list[int]]]:
        """Each mask that holds several bodies, and whose: the holder's own first."""
        held: dict[int, list[int]] = {}
        for object_id in group.masks:
            body = self.bodies.get(object_id)
            if body is not None and body.held_by in self.bodies:
                held.setdefault(body.held_by, []).append(object_id)
        yield from ((holder, [holder, *members]) for holder, members in held.items())

    def _shares(self, group: Group, holder: int, members: Sequence[int]) -> dict[int, Cells]:
        """The holder's mask divided among the members; nothing where they cannot be told
        apart.
        """
        mask = group.masks[holder]
        bodies = [self.bodies[i] for i in members]
        places = np.stack([body.expected(group.frame_index) for body in bodies])
        smallest = min(body.area for body in bodies)
        count, pieces, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= _PART * smallest]
        if len(large) < 2:
            return _nearest(mask, places, members, smallest)
        far = np.linalg.norm(places[:, None] - centres[large][None], axis=2)
        shares = {}
        for member, piece in zip(*linear_sum_assignment(far), strict=True):
            object_id = members[member]
            k = large[piece]
            shares[object_id] = pieces == k
            x, y = centres[k].tolist()
            found = replace(
                self.bodies[object_id], frame_index=group.frame_index, held_by=None
            )
            self.bodies[object_id] = replace(found, centre=(x, y))
        return shares


def _alone(frame_index: int, mask: Cells, before: Body | None) -> Body:
    """An object that touches none of its kind, with its motion since it was last seen so."""
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    area = moments["m00"]
    x = moments["m10"] / area
    y = moments["m01"] / area
    if before is None or before.held_by is not None:
        return Body(frame_index, (x, y), (0.0, 0.0), area)
    size = (1 - _SMOOTH) * before.area + _SMOOTH * area
    since = frame_index - before.frame_index
    if abs(since) != 1:
        return Body(frame_index, (x, y), before.velocity, size)
    (vx, vy), (px, py) = before.velocity, before.centre
    vx += _SMOOTH * ((x - px) / since - vx)
    vy += _SMOOTH * ((y - py) / since - vy)
    return Body(frame_index, (x, y), (vx, vy), size)


def _holder(group: Group, object_id: int, body: Body) -> int | None:
    """The look-alike whose mask lies most on the place where the object should be."""
    around = np.zeros(group.masks[object_id].shape, dtype=np.uint8)
    x, y = body.expected(group.frame_index).round().astype(int).tolist()
    cv2.circle(around, (x, y), max(2, int(body.radius)), 1, -1)
    place = around > 0
    covers = {i: int(np.count_nonzero(mask & place)) for i, mask in group.masks.items()}
    covers[object_id] = 0
    enough = [i for i, cells in covers.items() if cells > _COVERS * np.count_nonzero(place)]
    alike = [i for i in enough if group.alike(object_id, i)]
    return max(alike, key=lambda i: covers[i], default=None)


def _nearest(
    mask: Cells, places: Float64[np.ndarray, "M 2"], members: Sequence[int], smallest: float
) -> dict[int, Cells]:
    """Each cell to the nearest place; nothing where two are too near, or one would get too
    little.
    """
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    apart[np.diag_indices(len(places))] = np.inf
    if apart.min() < _APART * np.sqrt(smallest / np.pi):
        return {}
    ys, xs = np.nonzero(mask)
    whose = np.hypot(xs - places[:, :1], ys - places[:, 1:]).argmin(axis=0)
    if np.bincount(whose, minlength=len(members)).min() < _GONE * smallest:
        return {}
    shares = {}
    for k, object_id in enumerate(members):
        shares[object_id] = np.zeros_like(mask)
        shares[object_id][ys[whose == k], xs[whose == k]] = True
    return shares


def _touching(group: Group) -> dict[int, bool]:
    """Whether each object's mask touches that of one of its kind."""
    met = dict.fromkeys(group.masks, False)
    seen = [i for i, mask in group.masks.items() if mask.any()]
    wide = {i: cv2.dilate(group.masks[i].astype(np.uint8), _REACH) > 0 for i in seen}
    for k, one in enumerate(seen):
        for other in seen[:k]:
            if (wide[one] & wide[other]).any() and group.alike(one, other):
                met[one] = met[other] = True
    return met
