"""Look-alikes that meet: their joint mask is divided by how each of them moves.

Enters: the masks of a frame by object, and the frame in grey.  Leaves: masks to put in their
place.  A decoder knows objects by their appearance and cannot tell look-alikes apart while one
passes before the other: the border between their masks stays where it was, so that each ends
on the other's body, or one mask spreads over both and the other vanishes.  The masks together
are right.  So they are divided by layers (`vseg.session.identity.layers`): every object goes
on as the pixels that are visible of it move, and which of two is in front the pixels say where
both were expected.  Where nothing overlaps, the decoder's masks stand.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from vseg.session.identity.bodies import one_body_each
from vseg.session.identity.depth_order import DepthOrder
from vseg.session.identity.frame_objects import (
    FrameObjects,
    joint_mask,
    overlap,
    without_fragments,
)
from vseg.session.identity.layers import MOST_FRAMES_APART, Cells, Grey, MotionLayer

# With less than this share of its cells in the joint mask, an object is not where it was
# expected. Of a crossing of 15 pairs IDF1 is 94.9 with 0.5 and 82.0 with 0.75.
_COVERED = 0.5
# Dilated by this, masks up to four cells apart touch.
_TOUCHING = np.ones((5, 5), dtype=np.uint8)

Touching = dict[int, set[int]]


@dataclass(slots=True)
class Merges:
    """The layers of one video's objects by id, which of them is in front, and the last frame;
    read and written by snapshots.

    direction: of the last step, 1 or -1; 0 before the second frame.
    """

    layers: dict[int, MotionLayer] = field(default_factory=dict)
    depth: DepthOrder = field(default_factory=DepthOrder)
    grey: Grey | None = None
    frame_index: int = 0
    direction: int = 0

    def divide(self, frame: FrameObjects) -> list[dict[int, Cells]]:
        """By groups of look-alikes that overlap, or were apart from one another with pieces
        of each other's bodies, the mask of each; updates the layers.
        """
        if frame.frame_index == self.frame_index and self.layers.keys() - frame.masks.keys():
            # Prompted on a frame whose other objects were tracked before: these stay.
            said = {i: frame.masks[i] for i in frame.prompted if frame.masks[i].any()}
            self.layers |= {i: MotionLayer.of(mask) for i, mask in said.items()}
            return []
        apart = one_body_each(frame)
        frame = replace(frame, masks={**frame.masks, **apart})
        frames = self._arrive(frame)
        before = self.grey
        if before is not None and frames:
            for i, layer in self.layers.items():
                if layer.touching:
                    self.layers[i] = layer.advanced(before, frame.grey, frames)
        touching = self._touching(frame)
        self._meet(frame, touching, frames)
        expected = {i: layer.expected() for i, layer in self.layers.items()}
        groups = []
        for ids in self._overlapping(frame, expected, touching):
            shares = self._shares(frame, ids, expected, frames)
            if shares:
                groups.append(shares)
        self._keep(frame, groups, touching)
        divided = {i for group in groups for i in group}
        apart = {i: mask for i, mask in apart.items() if i not in divided}
        return [*groups, apart] if apart else groups

    def forget(self, object_id: int) -> None:
        """Drop the object's layer."""
        self.layers.pop(object_id, None)
        self.depth.forget(object_id)

    def clear(self) -> None:
        """Drop all layers, as at a shot boundary."""
        self.layers.clear()
        self.depth.in_front.clear()
        self.grey = None
        self.direction = 0

    def _arrive(self, frame: FrameObjects) -> int:
        """The number of frames since the last one, negative against the direction of time;
        forgets what says nothing of this frame.
        """
        frames = frame.frame_index - self.frame_index
        direction = int(np.sign(frames))
        same_size = self.grey is not None and self.grey.shape == frame.grey.shape
        turned = bool(self.direction * direction < 0)
        if not same_size or abs(frames) > MOST_FRAMES_APART or turned:
            self.clear()
            frames = 0
        for i in self.layers.keys() - frame.masks.keys():
            self.forget(i)
        self.frame_index = frame.frame_index
        # A step that nothing is expected after says nothing of the direction either.
        self.direction = int(np.sign(frames)) or self.direction
        return frames

    def _touching(self, frame: FrameObjects) -> Touching:
        """By object, the similar ones that it touches, hidden or not."""
        places = dict(frame.masks)
        for i, layer in self.layers.items():
            # One that was visible until now may be under another's mask.
            vanished = layer.visible.any() and not places[i].any()
            if layer.touching or vanished:
                places[i] = places[i] | layer.expected()
        near = {
            i: cv2.dilate(place.astype(np.uint8), _TOUCHING) > 0
            for i, place in places.items()
            if place.any()
        }
        touching: Touching = {i: set() for i in frame.masks}
        ids = list(near)
        for k, one in enumerate(ids):
            for other in ids[:k]:
                if (near[one] & near[other]).any() and frame.similar(one, other):
                    touching[one].add(other)
                    touching[other].add(one)
        return touching

    def _meet(self, frame: FrameObjects, touching: Touching, frames: int) -> None:
        """Measure the objects that touch nothing, or only from this frame on."""
        for i in frame.masks:
            measured = self._measured(frame, i, touching[i], frames)
            if measured is None or not measured.whole.any():
                self.forget(i)
            else:
                self.layers[i] = measured

    def _measured(
        self, frame: FrameObjects, object_id: int, others: Collection[int], frames: int
    ) -> MotionLayer | None:
        touching = bool(others)
        mask = frame.masks[object_id]
        layer = self.layers.get(object_id)
        if object_id in frame.prompted:
            return MotionLayer.of(mask, touching=touching)
        undivided = touching and layer is not None and layer.touching and not layer.divided
        equal = all(frame.nearly_equal(object_id, i) for i in others)
        if layer is None or (undivided and equal and layer.outdated()):
            own = self._own_mask(frame, object_id, others) if equal else None
            if layer is None or own is not None:
                return own
        if touching and not layer.touching:
            theirs = np.any([frame.masks[i] for i in others], axis=0)
            return layer.met(mask, frames, theirs)
        if touching:
            moved = undivided and equal and layer.elsewhere(mask)
            return layer.found(mask, frames) if moved else layer
        if layer.touching and not mask.any():
            return None  # hidden by nothing: it is not where it was expected
        return layer.apart(mask, frames)

    def _own_mask(
        self, frame: FrameObjects, object_id: int, others: Collection[int]
    ) -> MotionLayer | None:
        """The layer of an object by its mask alone; none where a look-alike that it touches is
        not whole, for what it shows may be of that one.
        """
        layers = [(self.layers.get(i), frame.masks[i]) for i in others]
        if any(layer is None or not layer.shows_whole(mask) for layer, mask in layers):
            return None
        return MotionLayer.of(frame.masks[object_id], touching=bool(others))

    def _overlapping(
        self, frame: FrameObjects, expected: Mapping[int, Cells], touching: Touching
    ) -> list[list[int]]:
        """Groups of objects of which one hides another or has its place; none with an object
        that was prompted here.
        """
        group_of = {i: {i} for i in self.layers}
        for one in self.layers:
            for other in sorted(touching[one] & self.layers.keys()):
                if other in group_of[one]:
                    continue
                masks = frame.masks[one], frame.masks[other]
                if overlap((expected[one], expected[other]), masks):
                    joined = group_of[one] | group_of[other]
                    group_of |= dict.fromkeys(joined, joined)
        groups = {min(group): sorted(group) for group in group_of.values()}
        return [g for g in groups.values() if len(g) > 1 and not frame.prompted & set(g)]

    def _shares(
        self,
        frame: FrameObjects,
        ids: Sequence[int],
        expected: Mapping[int, Cells],
        frames: int,
    ) -> dict[int, Cells]:
        """The joint mask of a group divided among its objects; nothing where fewer than two
        are where they were expected.
        """
        joint = joint_mask(frame, ids, expected)
        # Under what is not of the group, as a hand, nobody is seen.
        others = [mask for i, mask in frame.masks.items() if i not in ids]
        seen = joint | ~np.any(others, axis=0) if others else np.ones_like(joint)
        equal = all(frame.nearly_equal(i, k) for i in ids for k in ids if i < k)
        expected = self._fit(ids, expected, joint, seen, frames if equal else 0)
        here = []
        for i in ids:
            layer = self.layers[i]
            cells = np.count_nonzero(expected[i] & joint)
            covered = cells >= _COVERED * np.count_nonzero(expected[i] & seen)
            if covered and (layer.divided or not layer.outdated()):
                here.append(i)
            else:
                self.forget(i)
        if len(here) < 2 or not any(frame.masks[i].any() for i in here):
            return {}
        if self.grey is not None and frames:
            moving = {i: self.layers[i] for i in here}
            greys = self.grey, frame.grey
            self.depth.compare(moving, greys, joint, frame.masks, frames)
        order = self.depth.from_behind(here)
        nearest = np.stack(
            [
                cv2.distanceTransform((~expected[i]).view(np.uint8), cv2.DIST_L2, 3)
                for i in order
            ]
        )
        owner = nearest.argmin(axis=0)
        for k, i in enumerate(order):
            owner[expected[i]] = k
        areas = [self.layers[i].area for i in order]
        return dict(zip(order, without_fragments(owner, joint, areas), strict=True))

    def _fit(
        self,
        ids: Sequence[int],
        expected: Mapping[int, Cells],
        joint: Cells,
        seen: Cells,
        frames: int,
    ) -> dict[int, Cells]:
        """Where the objects of a group are expected, after those that are hidden in part were
        moved to what the others do not account for.  seen: where nothing else covers them.
        """
        fitted = {i: expected[i] for i in ids}
        if frames:
            for i in ids:
                rest = np.any([fitted[k] for k in ids if k != i], axis=0)
                layer = self.layers[i].fitted(joint & ~rest, seen & ~joint, frames)
                if layer is not self.layers[i]:
                    self.layers[i], fitted[i] = layer, layer.expected()
        return fitted

    def _keep(
        self, frame: FrameObjects, groups: list[dict[int, Cells]], touching: Touching
    ) -> None:
        """Note what is visible of every object on this frame."""
        shares = {i: mask for group in groups for i, mask in group.items()}
        whole = {
            i: layer.shows_whole(frame.masks[i]) and i not in shares
            for i, layer in self.layers.items()
        }
        for i, layer in self.layers.items():
            mask = shares.get(i, frame.masks[i])
            # Who is whole next to one that is not may have cells of it.
            if layer.touching and all(whole.get(k, True) for k in (i, *touching[i])):
                self.layers[i] = layer.seen_whole(mask)
            else:
                # Beside what is prompted here nothing is divided, and goes on after that.
                goes_on = layer.divided and bool(frame.prompted & touching[i])
                self.layers[i] = replace(layer, visible=mask, divided=i in shares or goes_on)
        self.depth.keep(touching)
        self.grey = frame.grey
