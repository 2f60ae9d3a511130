"""Who crosses a line, and which way.

The way of a foot meets the segment, and then goes on to beyond the margin of the line's other
side: a foot that sways on the line crosses once or not at all.  Who was hidden meanwhile has
crossed where the straight way meets the line, which nobody has seen.
"""

from collections import Counter, OrderedDict
from typing import Any

from vseg.events.crossings import place_on
from vseg.events.rules.stays import REMEMBERED, UNLABELLED
from vseg.events.rules.walks import Walk, missed_meeting
from vseg.events.scene import Scene
from vseg.events.scene_objects import SceneObject
from vseg.events.scene_plan import CountingLine


class CrossingRule:
    """Who crosses one line.  totals: by direction and label, counted on from what they are."""

    def __init__(
        self, line: CountingLine, max_gap_s: float, totals: dict[str, Counter[str]]
    ) -> None:
        self._line = line
        self._settings = line.settings
        self._max_gap_s = max_gap_s
        self._walks: OrderedDict[int, Walk] = OrderedDict()
        self._totals = totals

    def update(self, scene: Scene) -> None:
        """Follow every foot."""
        labels = self._settings.labels
        for tracked in scene.objects:
            if not labels or tracked.label in labels:
                self._follow(tracked, scene)
        while len(self._walks) > REMEMBERED + len(scene.objects):
            self._walks.popitem(last=False)

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """Withdraw a crossing that was told of both ids, or tell one that neither made."""
        own = self._walks.get(kept)
        other = self._walks.pop(gone, None)
        if other is None:
            return
        if own is None:
            self._walks[kept] = other
            return
        tracked = scene.tracked.get(kept)
        said = f"object {gone} is object {kept}"
        missed_s = missed_meeting(self._line, own, other)
        # The same way twice, and nobody saw it go back: it was counted twice.
        if other.keys and own.direction == other.direction:
            self._withdraw(tracked, other, scene, said)
        elif missed_s is not None and tracked is not None:
            own.side = other.first_side
            self._tell(own, tracked, missed_s, scene, seen=False, detail=said)
        own.go_on_as(other)

    def end(self, scene: Scene) -> None:
        """Forget the objects, keep the totals."""
        self._walks.clear()

    def _follow(self, tracked: SceneObject, scene: Scene) -> None:
        walk = self._walks.get(tracked.id)
        offset = self._line.offset_of(tracked.foot)
        if walk is None:
            side = self._side(offset)
            walk = Walk(scene.now, scene.now, tracked.foot, tracked.foot, offset, side, side)
            self._walks[tracked.id] = walk
            return
        self._walks.move_to_end(tracked.id)
        if scene.now - walk.seen_s > self._max_gap_s:
            walk.side = 0
            walk.met_s = None
        elif walk.offset * offset < 0:
            self._meet(walk, tracked, scene)
        walk.seen_s = scene.now
        walk.foot = tracked.foot
        # A foot that is just on the line has not met it yet.
        walk.offset = offset or walk.offset
        side = self._side(offset)
        if side not in (0, walk.side):
            crossed_s = walk.met_s if walk.side else None
            walk.side = side
            walk.first_side = walk.first_side or side
            walk.met_s = None
            if crossed_s is not None:
                self._tell(walk, tracked, crossed_s, scene, seen=walk.seen)

    def _meet(self, walk: Walk, tracked: SceneObject, scene: Scene) -> None:
        """The foot is on the other side of the line than on the frame before."""
        line = self._line
        along, way = place_on(line.begin, line.end, walk.foot, tracked.foot)
        walk.met_s = None
        if 0.0 <= along <= 1.0:
            walk.met_s = walk.seen_s + way * (scene.now - walk.seen_s)
            walk.seen = walk.seen_s >= scene.previous

    def _tell(
        self,
        walk: Walk,
        tracked: SceneObject,
        crossed_s: float,
        scene: Scene,
        **more: Any,
    ) -> None:
        """Count a crossing to the side where the walk is now."""
        settings = self._settings
        walk.direction = settings.forward if walk.side > 0 else settings.backward
        walk.label = tracked.label or UNLABELLED
        totals = self._totals.setdefault(walk.direction, Counter())
        totals[walk.label] += 1
        told = more | {"begin_s": scene.at(crossed_s), "direction": walk.direction}
        counts = {"count": totals.total(), "counts": dict(totals)}
        key = scene.say("crossing", "instant", settings.name, tracked, **told, **counts)
        walk.keys = (key,)
        if settings.allowed not in (None, walk.direction):
            again = scene.say("wrong_way", "instant", settings.name, tracked, **told)
            walk.keys = (key, again)

    def _withdraw(
        self, tracked: SceneObject | None, walk: Walk, scene: Scene, said: str
    ) -> None:
        """Take back the last crossing of a walk."""
        assert walk.direction is not None, "only what was told is withdrawn"
        totals = self._totals[walk.direction]
        totals[walk.label] -= 1
        scene.say(
            "correction",
            "instant",
            self._settings.name,
            tracked,
            direction=walk.direction,
            count=totals.total(),
            counts={label: count for label, count in totals.items() if count},
            corrects=walk.keys,
            detail=said,
        )

    def _side(self, offset: float) -> int:
        """1 or -1 beyond the margin, 0 within."""
        if abs(offset) <= self._line.margin:
            return 0
        return 1 if offset > 0 else -1
