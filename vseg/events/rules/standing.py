"""What was left in a zone and stands still, and what stood still and is taken away."""

import math
from dataclasses import dataclass
from typing import Any

from vseg.events.crossings import Point
from vseg.events.rules.stays import REMEMBERED
from vseg.events.scene import Scene
from vseg.events.scene_event import EventPhase, SceneEventKind
from vseg.events.scene_objects import SceneObject
from vseg.events.scene_plan import WatchedZone
from vseg.events.steady_clock import has_lasted


@dataclass(slots=True, eq=False)
class Stand:
    """One object at one spot.  since: when it came to stand there; away: since when it is
    elsewhere.  left, removed: the keys of what was told of it.
    """

    tracked: SceneObject
    spot: Point
    since: float
    away: float | None = None
    left: str | None = None
    removed: str | None = None


class StandingRule:
    """Who stands still in one zone.  still: how far a foot may sway, in pixels."""

    def __init__(self, zone: WatchedZone, still: float, max_gap_s: float) -> None:
        self._zone = zone
        self._rules = zone.settings
        self._still = still
        self._max_gap_s = max_gap_s
        self._stands: dict[int, Stand] = {}

    def update(self, scene: Scene) -> None:
        """Follow who is in the zone, or was."""
        inside = scene.feet_inside(self._zone.pixels, self._rules.labels)
        for tracked, within in zip(scene.objects, inside, strict=True):
            stand = self._stands.get(tracked.id)
            if stand is not None:
                stand.tracked = tracked
                self._follow(stand, scene, within)
            elif within:
                self._stands[tracked.id] = Stand(tracked, tracked.foot, scene.now)
        for stand in list(self._stands.values()):
            hidden_s = scene.now - stand.tracked.seen_s
            if hidden_s > self._max_gap_s and stand.removed is None:
                self._go(stand, scene, stand.tracked.seen_s, seen=False)
        self._forget(len(scene.objects))

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """The stand of the id that is gone is that of the other, unless that has one."""
        other = self._stands.pop(gone, None)
        if other is not None and kept not in self._stands:
            other.tracked = scene.tracked.get(kept) or other.tracked
            self._stands[kept] = other

    def end(self, scene: Scene) -> None:
        """End what was left; nothing is removed only because the watching ends."""
        for stand in self._stands.values():
            if stand.left is not None:
                self._say("left", "end", stand, scene, scene.now)
        self._stands.clear()

    def _follow(self, stand: Stand, scene: Scene, within: bool) -> None:
        """An object that has a stand is visible."""
        if math.dist(stand.tracked.foot, stand.spot) <= self._still:
            stand.away = None
            self._stay(stand, scene)
            return
        if stand.away is None:
            stand.away = scene.now
        if has_lasted(stand.away, scene.now, self._rules.leave_s):
            self._go(stand, scene, stand.away, seen=True)
            self._stands.pop(stand.tracked.id, None)
            if within:
                tracked = stand.tracked
                self._stands[tracked.id] = Stand(tracked, tracked.foot, scene.now)

    def _stay(self, stand: Stand, scene: Scene) -> None:
        """It is where it was."""
        if stand.removed is not None:
            key = stand.removed
            stand.removed = None
            self._say(
                "correction",
                "instant",
                stand,
                scene,
                scene.now,
                corrects=(key,),
                detail=f"object {stand.tracked.id} was hidden, and is where it was",
            )
        left_s = self._rules.left_s
        # What stands there from the beginning was not left there.
        if left_s is None or stand.left is not None or stand.since <= scene.begun:
            return
        if has_lasted(stand.since, scene.now, left_s):
            stand.left = self._say("left", "start", stand, scene, scene.now)

    def _go(self, stand: Stand, scene: Scene, until: float, seen: bool) -> None:
        """It is not where it was."""
        if stand.left is not None:
            self._say("left", "end", stand, scene, until, seen=seen)
            stand.left = None
        removed_s = self._rules.removed_s
        stood = removed_s is not None and has_lasted(stand.since, until, removed_s)
        if stood and stand.removed is None:
            stand.removed = self._say("removed", "instant", stand, scene, until, seen=seen)
        elif not seen:
            self._stands.pop(stand.tracked.id, None)

    def _forget(self, visible: int) -> None:
        """Of what was removed, remember the newest only."""
        over = len(self._stands) - visible - REMEMBERED
        gone = [i for i, stand in self._stands.items() if stand.removed is not None]
        for object_id in gone[: max(0, over)]:
            del self._stands[object_id]

    def _say(
        self,
        kind: SceneEventKind,
        phase: EventPhase,
        stand: Stand,
        scene: Scene,
        until: float,
        **more: Any,
    ) -> str:
        return scene.say(
            kind,
            phase,
            self._rules.name,
            stand.tracked,
            begin_s=scene.at(stand.since),
            seconds=round(until - stand.since, 6),
            **more,
        )
