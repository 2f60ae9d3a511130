"""The objects of a scene: where they stand, since when, how sure.

Enters: the masks of a frame.  Leaves: one `SceneObject` for each, which the rules read.
What has not been visible for longer than the gap that is allowed is forgotten.
"""

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from vseg.events.crossings import Point
from vseg.events.foot import sure_foot_of
from vseg.events.ground import GroundSpeed
from vseg.frame_masks import FrameMasks
from vseg.types import MaskCrop

SAMPLES = 11
SAMPLE_S = 0.1
"""Speeds are of the last second: shorter, and the sway of an outline is a speed; longer, and
who has stopped still moves.  Not tuned.
"""

_CERTAINTY_S = 1.0
"""Over what time predicted qualities are averaged, exponentially."""


@dataclass(slots=True, eq=False)
class SceneObject:
    """One object.  first_s, seen_s: of the steady clock, when it was first and last visible.
    before: its foot on the frame before, and before_s: the time of that.  certainty: the mean
    predicted quality of its recent masks.  samples: time, x and y of its feet.
    speed: over the samples, of which the newest was that of `speed_at`.
    """

    id: int
    label: str | None
    first_s: float
    seen_s: float
    foot: Point
    crop: MaskCrop
    score: float
    certainty: float
    before: Point | None = None
    before_s: float = -math.inf
    samples: deque[tuple[float, float, float]] = field(
        default_factory=lambda: deque(maxlen=SAMPLES)
    )
    speed: GroundSpeed | None = None
    speed_at: float = -math.inf

    def go_on(self, now: float, foot: Point, crop: MaskCrop, score: float) -> None:
        """It is visible on one more frame."""
        self.before = self.foot
        self.before_s = self.seen_s
        self.seen_s = now
        self.foot = foot
        self.crop = crop
        self.score = score

    def sample(self) -> None:
        """Keep its foot for its speed, if the last one is not too new."""
        if not self.samples or self.seen_s - self.samples[-1][0] >= SAMPLE_S:
            self.samples.append((self.seen_s, *self.foot))


class SceneObjects:
    """All objects that were visible lately."""

    def __init__(self, max_gap_s: float) -> None:
        self._max_gap_s = max_gap_s
        self._by_id: dict[int, SceneObject] = {}
        self._now = -math.inf

    def get(self, object_id: int) -> SceneObject | None:
        """An object that is not forgotten."""
        return self._by_id.get(object_id)

    def update(
        self,
        masks: FrameMasks,
        labels: Mapping[int, str],
        tentative: Collection[int],
        now: float,
    ) -> Sequence[SceneObject]:
        """The objects that are visible on this frame and not tentative, by ascending id."""
        weight = 1.0 - math.exp(-max(0.0, now - self._now) / _CERTAINTY_S)
        self._now = now
        rows = zip(
            masks.object_ids, masks.visible.tolist(), masks.scores.tolist(), strict=True
        )
        shown = [
            (i, masks.crops[i], score)
            for i, is_visible, score in rows
            if is_visible and i not in tentative
        ]
        shown = [row for row in shown if row[1].mask.size]
        scene = [crop for _, crop, _ in shown]
        visible = []
        for object_id, crop, score in shown:
            tracked = self._by_id.get(object_id)
            before = None if tracked is None else tracked.foot
            foot = sure_foot_of(crop, before, scene)
            if tracked is None:
                tracked = SceneObject(object_id, None, now, now, foot, crop, score, score)
                self._by_id[object_id] = tracked
            else:
                tracked.go_on(now, foot, crop, score)
                tracked.certainty += weight * (score - tracked.certainty)
            tracked.label = labels.get(object_id)
            tracked.sample()
            visible.append(tracked)
        self._forget()
        return visible

    def join(self, kept: int, gone: int) -> None:
        """Two ids are one object: what is known of the one that is gone is of the other."""
        other = self._by_id.pop(gone, None)
        own = self._by_id.get(kept)
        if other is None:
            return
        if own is None:
            self._by_id[kept] = other
            other.id = kept
        else:
            own.first_s = min(own.first_s, other.first_s)
            if other.seen_s > own.before_s and own.seen_s == self._now:
                own.before = other.foot
                own.before_s = other.seen_s
                own.samples = other.samples
                own.samples.append((own.seen_s, *own.foot))

    def clear(self) -> None:
        """Forget all."""
        self._by_id.clear()

    def _forget(self) -> None:
        oldest = self._now - self._max_gap_s
        gone = [one.id for one in self._by_id.values() if one.seen_s < oldest]
        for object_id in gone:
            del self._by_id[object_id]
