"""Who moves in a zone as it should not: against the allowed direction, or too fast."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from vseg.events.rules.spells import Spell, Spells
from vseg.events.scene import Scene
from vseg.events.scene_event import EventPhase
from vseg.events.scene_objects import SceneObject
from vseg.events.scene_plan import WatchedZone

Condition = Callable[[SceneObject, Scene], bool]


class MovingRule:
    """Who is in one zone and fulfils a condition."""

    def __init__(
        self,
        kind: Literal["wrong_way", "speeding"],
        zone: WatchedZone,
        condition: Condition,
        max_gap_s: float,
    ) -> None:
        rules = zone.settings
        self._kind = kind
        self._zone = zone
        self._condition = condition
        self._max_gap_s = max_gap_s
        self._spells: Spells[int] = Spells(rules.enter_s, rules.leave_s, rules.update_s)
        self._tracked: dict[int, SceneObject] = {}

    def update(self, scene: Scene) -> None:
        """Ask who is in the zone."""
        zone = self._zone
        inside = scene.feet_inside(zone.pixels, zone.settings.labels)
        for tracked, within in zip(scene.objects, inside, strict=True):
            holds = within and self._condition(tracked, scene)
            if holds or tracked.id in self._tracked:
                self._turn(tracked, holds, scene)
        for tracked in list(self._tracked.values()):
            if scene.now - tracked.seen_s > self._max_gap_s:
                self._finish(tracked, scene, seen=False)

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """What holds for the id that is gone holds for the other."""
        other = self._tracked.pop(gone, None)
        self._spells.rename(gone, kept)
        if other is not None:
            self._tracked[kept] = scene.tracked.get(kept) or other

    def end(self, scene: Scene) -> None:
        """End what goes on."""
        for tracked in list(self._tracked.values()):
            self._finish(tracked, scene, seen=tracked.seen_s == scene.now)

    def _turn(self, tracked: SceneObject, holds: bool, scene: Scene) -> None:
        phase = self._spells.turn(tracked.id, holds, scene.now)
        spell = self._spells.get(tracked.id)
        if spell is None:
            self._tracked.pop(tracked.id, None)
            return
        self._tracked[tracked.id] = tracked
        if phase == "end":
            self._finish(tracked, scene, seen=True)
        elif phase is not None:
            key = self._say(phase, tracked, spell, scene)
            if phase == "start":
                spell.key = key
                spell.due = self._spells.next_due(spell, scene.now)

    def _finish(self, tracked: SceneObject, scene: Scene, seen: bool) -> None:
        spell = self._spells.take(tracked.id)
        self._tracked.pop(tracked.id, None)
        if spell is not None and spell.key is not None:
            self._say("end", tracked, spell, scene, seen=seen)

    def _say(
        self,
        phase: EventPhase,
        tracked: SceneObject,
        spell: Spell,
        scene: Scene,
        **more: Any,
    ) -> str:
        until = spell.until if phase == "end" else scene.now
        return scene.say(
            self._kind,
            phase,
            self._zone.name,
            tracked,
            begin_s=scene.at(spell.begin),
            seconds=round(until - spell.begin, 6),
            **more,
        )


@dataclass(frozen=True, slots=True)
class Against:
    """Whether an object moves against a direction.

    heading: x y of the allowed one; angle: how many degrees from it are still allowed; least:
    what moves less than so many pixels in its last second stands.
    """

    heading: tuple[float, float]
    angle: float
    least: float

    def __call__(self, tracked: SceneObject, scene: Scene) -> bool:
        _, x, y = tracked.samples[0]
        dx = tracked.foot[0] - x
        dy = tracked.foot[1] - y
        way = math.hypot(dx, dy)
        if way <= self.least:
            return False
        along = (dx * self.heading[0] + dy * self.heading[1]) / math.hypot(*self.heading)
        return along < way * math.cos(math.radians(self.angle))


@dataclass(frozen=True, slots=True)
class FasterThan:
    """Whether an object is faster than a limit in metres a second, by more than the standard
    error of its speed.
    """

    limit: float

    def __call__(self, tracked: SceneObject, scene: Scene) -> bool:
        if scene.ground is None or len(tracked.samples) < 2:
            return False
        begin_s, *first = tracked.samples[0]
        end_s, *last = tracked.samples[-1]
        way = math.dist(scene.ground.place(*first), scene.ground.place(*last))
        # The regression costs more, and is asked where first and last foot say the same.
        if not way > self.limit * (end_s - begin_s):
            return False
        speed = scene.speed_of(tracked)
        return speed is not None and speed.value - speed.error > self.limit
