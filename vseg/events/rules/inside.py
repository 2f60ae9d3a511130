"""Stays in a zone: who is inside, since when, and for too long.

A stay begins at the first frame inside and is told once it has lasted `enter_s`; it ends at
the first frame outside, told once `leave_s` have passed.  Who is hidden stays inside for
`max_gap_s` and has then left when it was last visible, which nobody has seen.
"""

import math
from typing import Any

import numpy as np

from vseg.events.rules.stay_repairs import joined_stay
from vseg.events.rules.stays import UNLABELLED, EndedStay, EndedStays, Stay, counts_of
from vseg.events.scene import Scene
from vseg.events.scene_event import EventObject, EventPhase, SceneEventKind
from vseg.events.scene_objects import SceneObject
from vseg.events.scene_plan import WatchedZone
from vseg.events.steady_clock import has_lasted


class InsideRule:
    """Who is in one zone.  last_end: when the newest stay that was told ended."""

    def __init__(self, zone: WatchedZone, max_gap_s: float) -> None:
        self._zone = zone
        self._rules = zone.settings
        self._max_gap_s = max_gap_s
        self._stays: dict[int, Stay] = {}
        self._ended = EndedStays()
        self.last_end: float | None = None

    @property
    def stays(self) -> list[Stay]:
        """The stays that were told and go on."""
        return [stay for stay in self._stays.values() if stay.key is not None]

    def update(self, scene: Scene) -> None:
        """Begin, go on with and end stays."""
        for tracked, inside in zip(scene.objects, self._inside(scene), strict=True):
            stay = self._stays.get(tracked.id)
            if inside:
                if stay is None:
                    stay = Stay(tracked, scene.now, scene.now)
                    self._stays[tracked.id] = stay
                stay.last = scene.now
                stay.outside = None
                self._go_on(stay, scene)
            elif stay is not None:
                self._step_out(stay, scene)
        for stay in list(self._stays.values()):
            if stay.tracked.seen_s != scene.now:
                self._hide(stay, scene)

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """Make one stay of those of two ids, and correct what was counted twice."""
        own = self._stays.pop(kept, None)
        other = self._stays.pop(gone, None)
        ended = (self._ended.take(kept), self._ended.take(gone))
        joined = joined_stay((own, other), ended)
        if joined.ended is not None:
            self._ended.add(kept, joined.ended)
            self._correct(kept, joined.ended, joined.corrects, gone, scene)
        stay = joined.stay
        if stay is None:
            return
        stay.tracked = scene.tracked.get(kept) or stay.tracked
        self._stays[kept] = stay
        said = f"object {gone} is object {kept}"
        if joined.corrects:
            self._say(
                "correction", "update", stay, scene, corrects=joined.corrects, detail=said
            )
        elif stay is other and stay.key is not None:
            self._say("inside", "update", stay, scene, detail=said)

    def end(self, scene: Scene) -> None:
        """End all stays where they were last seen."""
        for stay in self.stays:
            outside = stay.outside
            end = stay.last if outside is None else outside
            self._end(stay, scene, end, seen=outside is not None)
        self._stays.clear()
        self._ended.clear()

    def _inside(self, scene: Scene) -> list[bool]:
        labels = self._rules.labels
        if self._rules.rule == "foot":
            return scene.feet_inside(self._zone.pixels, labels)
        return [
            (not labels or one.label in labels) and self._share(one) >= self._rules.share
            for one in scene.objects
        ]

    def _share(self, tracked: SceneObject) -> float:
        """The share of a mask's pixels that are in the zone."""
        x1, y1, x2, y2 = tracked.crop.xyxy
        left, top, right, bottom = self._zone.box
        if x1 >= right or x2 <= left or y1 >= bottom or y2 <= top:
            return 0.0
        within = self._zone.pixels[y1:y2, x1:x2] & tracked.crop.mask
        return int(np.count_nonzero(within)) / tracked.crop.area

    def _go_on(self, stay: Stay, scene: Scene) -> None:
        if stay.key is None:
            if not has_lasted(stay.begin, scene.now, self._rules.enter_s):
                return
            stay.key = ""  # counted from here on, also in the event that tells it
            stay.label = stay.tracked.label or UNLABELLED
            stay.due = stay.begin + self._rules.update_s
            stay.key = self._say("inside", "start", stay, scene)
        loiter_s = self._rules.loiter_s
        loiters = loiter_s is not None and has_lasted(stay.begin, scene.now, loiter_s)
        if loiters and stay.loiter_key is None:
            stay.loiter_key = self._say("loitering", "start", stay, scene)
        if has_lasted(stay.due, scene.now, 0.0):
            # Times that a gap has passed over are not told one by one.
            passed = math.floor((scene.now - stay.begin) / self._rules.update_s + 1e-6)
            stay.due = stay.begin + (passed + 1) * self._rules.update_s
            self._say("inside", "update", stay, scene)
            if stay.loiter_key is not None:
                self._say("loitering", "update", stay, scene)

    def _step_out(self, stay: Stay, scene: Scene) -> None:
        """A visible object is outside."""
        if stay.key is None:
            del self._stays[stay.tracked.id]
            return
        if stay.outside is None:
            if scene.was_hidden(stay.tracked):
                # Where it went out, nobody saw.
                self._end(stay, scene, stay.last, seen=False)
                return
            stay.outside = scene.now
        if has_lasted(stay.outside, scene.now, self._rules.leave_s):
            self._end(stay, scene, stay.outside, seen=True)

    def _hide(self, stay: Stay, scene: Scene) -> None:
        """An object that has a stay is not visible."""
        if stay.outside is not None and stay.key is not None:
            if has_lasted(stay.outside, scene.now, self._rules.leave_s):
                self._end(stay, scene, stay.outside, seen=True)
        elif scene.now - stay.tracked.seen_s > self._max_gap_s:
            if stay.key is None:
                del self._stays[stay.tracked.id]
            else:
                self._end(stay, scene, stay.last, seen=False)

    def _end(self, stay: Stay, scene: Scene, end: float, seen: bool) -> None:
        del self._stays[stay.tracked.id]
        self.last_end = end
        start_key = stay.key
        assert start_key is not None, "only what was told can end"
        if stay.loiter_key is not None:
            self._say("loitering", "end", stay, scene, end=end, seen=seen)
        end_key = self._say("inside", "end", stay, scene, end=end, seen=seen)
        ended = EndedStay(stay.begin, end, seen, start_key, end_key)
        self._ended.add(stay.tracked.id, ended)

    def _say(
        self,
        kind: SceneEventKind,
        phase: EventPhase,
        stay: Stay,
        scene: Scene,
        *,
        end: float | None = None,
        **more: Any,
    ) -> str:
        """Tell of a stay; the key.  end: when it ended, now if None."""
        until = scene.now if end is None else end
        return scene.say(
            kind,
            phase,
            self._zone.name,
            stay.tracked,
            begin_s=scene.at(stay.begin),
            seconds=round(until - stay.begin, 6),
            **self._occupancy(),
            **more,
        )

    def _occupancy(self) -> dict[str, Any]:
        counts = counts_of(self._stays.values())
        return {"count": sum(counts.values()), "counts": counts}

    def _correct(
        self,
        kept: int,
        ended: EndedStay,
        corrects: tuple[str, ...],
        gone: int,
        scene: Scene,
    ) -> None:
        """Tell what the stays of two ids, which both ended, are as one."""
        if not corrects:
            return
        scene.say(
            "correction",
            "end",
            self._zone.name,
            None,
            object=EventObject(kept),
            begin_s=scene.at(ended.begin),
            seconds=round(ended.end - ended.begin, 6),
            seen=ended.seen,
            corrects=corrects,
            detail=f"object {gone} is object {kept}",
            **self._occupancy(),
        )
