"""Who moves in a zone as it should not: against the allowed direction, or too fast."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from vseg.events.rules.spells import Spell, Spells
from vseg.events.scene import Scene
from vseg.events.scene_event import EventPhase
from vseg.events.scene_plan import WatchedZone
from vseg.events.watched import WatchedObject

Condition = Callable[[WatchedObject, Scene], bool]


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
        self._watched: dict[int, WatchedObject] = {}

    def update(self, scene: Scene) -> None:
        """Ask who is in the zone."""
        zone = self._zone
        inside = scene.feet_inside(zone.pixels, zone.settings.labels)
        for watched, within in zip(scene.objects, inside, strict=True):
            holds = within and self._condition(watched, scene)
            if holds or watched.id in self._watched:
                self._turn(watched, holds, scene)
        for watched in list(self._watched.values()):
            if scene.now - watched.seen_s > self._max_gap_s:
                self._finish(watched, scene, seen=False)

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """What holds for the id that is gone holds for the other."""
        other = self._watched.pop(gone, None)
        self._spells.rename(gone, kept)
        if other is not None:
            self._watched[kept] = scene.watched.get(kept) or other

    def end(self, scene: Scene) -> None:
        """End what goes on."""
        for watched in list(self._watched.values()):
            self._finish(watched, scene, seen=watched.seen_s == scene.now)

    def _turn(self, watched: WatchedObject, holds: bool, scene: Scene) -> None:
        phase = self._spells.turn(watched.id, holds, scene.now)
        spell = self._spells.get(watched.id)
        if spell is None:
            self._watched.pop(watched.id, None)
            return
        self._watched[watched.id] = watched
        if phase == "end":
            self._finish(watched, scene, seen=True)
        elif phase is not None:
            key = self._say(phase, watched, spell, scene)
            if phase == "start":
                spell.key = key
                spell.due = self._spells.next_due(spell, scene.now)

    def _finish(self, watched: WatchedObject, scene: Scene, seen: bool) -> None:
        spell = self._spells.take(watched.id)
        self._watched.pop(watched.id, None)
        if spell is not None and spell.key is not None:
            self._say("end", watched, spell, scene, seen=seen)

    def _say(
        self,
        phase: EventPhase,
        watched: WatchedObject,
        spell: Spell,
        scene: Scene,
        **more: Any,
    ) -> str:
        until = spell.until if phase == "end" else scene.now
        return scene.say(
            self._kind,
            phase,
            self._zone.name,
            watched,
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

    def __call__(self, watched: WatchedObject, scene: Scene) -> bool:
        _, x, y = watched.samples[0]
        dx = watched.foot[0] - x
        dy = watched.foot[1] - y
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

    def __call__(self, watched: WatchedObject, scene: Scene) -> bool:
        if scene.ground is None or len(watched.samples) < 2:
            return False
        begin_s, *first = watched.samples[0]
        end_s, *last = watched.samples[-1]
        way = math.dist(scene.ground.place(*first), scene.ground.place(*last))
        # The regression costs more, and is asked where first and last foot say the same.
        if not way > self.limit * (end_s - begin_s):
            return False
        speed = scene.speed_of(watched)
        return speed is not None and speed.value - speed.error > self.limit
