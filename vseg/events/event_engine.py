"""All rules of one camera: the masks of a frame in, what happened out.

Enters: masks frame by frame, the labels of objects, which ids are tentative, and which were
repaired.  Leaves: scene events, in the order in which they were decided.  The same frames give
the same events, live or from a run; what is kept is bounded by the objects in view, and by
what a repaired identity may still correct.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from vseg.events.rules.crossing import CrossingRule
from vseg.events.rules.crowding import CrowdingRule
from vseg.events.rules.inside import InsideRule
from vseg.events.rules.moving import Against, FasterThan, MovingRule
from vseg.events.rules.nearness import NearnessRule
from vseg.events.rules.standing import StandingRule
from vseg.events.scene import Scene, SceneRule
from vseg.events.scene_event import EventStamp, SceneEvent
from vseg.events.scene_objects import SceneObject, SceneObjects
from vseg.events.scene_plan import ScenePlan, WatchedZone, scene_plan
from vseg.events.steady_clock import SteadyClock
from vseg.events.zone_file import ZoneFile
from vseg.frame_masks import FrameMasks

Repairs = Sequence[tuple[int, int]]
"""Identities that were found to be one: the id that is kept, and the one that is gone."""


class EventEngine:
    """Watches zones and lines in the frames of one camera.

    file: what to watch for; the frames may change their size, fractions go with it.
    """

    def __init__(self, file: ZoneFile, height: int, width: int, stamp: EventStamp) -> None:
        """Raises BadZones for a zone that makes no sense in frames of this size."""
        self._file = file
        self._stamp = stamp
        self._clock = SteadyClock()
        self._totals: dict[str, dict[str, Counter[str]]] = {}
        self._newest: Scene | None = None
        self._begun: float | None = None
        self._lay_out(height, width)

    @property
    def plan(self) -> ScenePlan:
        """The zones in the pixels of the newest frame."""
        return self._plan

    def update(
        self,
        masks: FrameMasks,
        labels: Mapping[int, str],
        *,
        tentative: Collection[int] = (),
        repairs: Repairs = (),
    ) -> list[SceneEvent]:
        """What happened on this frame.

        labels: of the objects that have one.  tentative: ids that do not count yet.  Raises
        BadZones if the frame has another size, for which a zone makes no sense.
        """
        ended: list[SceneEvent] = []
        if (masks.height, masks.width) != (self._plan.height, self._plan.width):
            ended = self.end()
            self._lay_out(masks.height, masks.width)
        previous = self._clock.now
        now = self._clock.at(masks.time_s)
        if self._begun is None or previous is None:
            self._begun = now
            previous = now
        objects = self._tracked.update(masks, labels, tentative, now)
        scene = self._scene_of(masks, objects, previous)
        if self._clock.back_s:
            went = f"the clock of the source went back by {self._clock.back_s:.3f} s"
            scene.say("degraded", "instant", None, None, detail=went)
        for kept, gone in repairs:
            self._tracked.join(kept, gone)
            for rule in self._rules:
                rule.join(kept, gone, scene)
        for rule in self._rules:
            rule.update(scene)
        self._newest = scene
        return [*ended, *scene.events]

    def check(self, file: ZoneFile) -> None:
        """Raise BadZones for zones that make no sense in frames of this size."""
        scene_plan(file, self._plan.height, self._plan.width)

    def change(self, file: ZoneFile) -> list[SceneEvent]:
        """Watch for something else from now on; the end of what goes on.

        Lines that keep their name keep their totals.  Raises BadZones, and then goes on as
        before.
        """
        self.check(file)
        ended = self.end()
        self._file = file
        self._lay_out(self._plan.height, self._plan.width)
        return ended

    def end(self) -> list[SceneEvent]:
        """The end of what goes on: the source has ended, or what comes next has other ids."""
        scene = self._newest
        if scene is None:
            return []
        scene.events = []
        for rule in self._rules:
            rule.end(scene)
        self._tracked.clear()
        self._newest = None
        self._begun = None
        return scene.events

    def _lay_out(self, height: int, width: int) -> None:
        plan = scene_plan(self._file, height, width)
        self._plan = plan
        self._tracked = SceneObjects(plan.max_gap_s)
        rules: list[SceneRule] = []
        for zone in plan.zones:
            rules += _zone_rules(zone, plan)
        for line in plan.lines:
            totals = self._totals.setdefault(line.name, {})
            rules.append(CrossingRule(line, plan.max_gap_s, totals))
        unit = 1.0 if plan.ground is not None else float(plan.side)
        rules += [
            NearnessRule(near, near.distance * unit, plan.max_gap_s) for near in plan.near
        ]
        self._rules = tuple(rules)

    def _scene_of(
        self, masks: FrameMasks, objects: Sequence[SceneObject], previous: float
    ) -> Scene:
        assert self._clock.now is not None, "the frame has its time"
        assert self._begun is not None, "a frame has come"
        feet = np.array([one.foot for one in objects], dtype=np.int64).reshape(-1, 2)
        return Scene(
            time_s=masks.time_s,
            frame=masks.frame_index,
            now=self._clock.now,
            previous=previous,
            begun=self._begun,
            objects=objects,
            columns=feet[:, 0],
            rows=feet[:, 1],
            tracked=self._tracked,
            ground=self._plan.ground,
            stamp=self._stamp,
        )


def _zone_rules(zone: WatchedZone, plan: ScenePlan) -> list[SceneRule]:
    """The rules that a zone asks for."""
    settings = zone.settings
    gap = plan.max_gap_s
    still = settings.still * plan.side
    inside = InsideRule(zone, gap)
    rules: list[SceneRule] = [inside]
    if settings.crowded_from is not None:
        rules.append(CrowdingRule(settings, inside, settings.crowded_from))
    if settings.left_s is not None or settings.removed_s is not None:
        rules.append(StandingRule(zone, still, gap))
    if settings.heading is not None:
        against = Against(settings.heading, settings.heading_angle, still)
        rules.append(MovingRule("wrong_way", zone, against, gap))
    if settings.speed_limit is not None:
        rules.append(MovingRule("speeding", zone, FasterThan(settings.speed_limit), gap))
    return rules
