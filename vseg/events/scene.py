"""The scene of one frame as the rules see it, and how they say what happened.

Times of rules are those of a steady clock, which never goes back; events have the times of the
source.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int64

from vseg.events.ground import Ground, GroundSpeed
from vseg.events.scene_event import (
    EventObject,
    EventPhase,
    EventStamp,
    SceneEvent,
    SceneEventKind,
)
from vseg.events.scene_objects import SceneObject, SceneObjects


@dataclass(slots=True, eq=False)
class Scene:
    """One frame.  now, previous: of the steady clock, this frame and the one before.  begun:
    when the watching began.  objects: the visible ones.  columns, rows: of their feet.
    tracked: all that are not forgotten.
    """

    time_s: float
    frame: int
    now: float
    previous: float
    begun: float
    objects: Sequence[SceneObject]
    columns: Int64[np.ndarray, " O"]
    rows: Int64[np.ndarray, " O"]
    tracked: SceneObjects
    ground: Ground | None
    stamp: EventStamp
    events: list[SceneEvent] = field(default_factory=list)

    def say(
        self,
        kind: SceneEventKind,
        phase: EventPhase,
        place: str | None,
        tracked: SceneObject | None,
        **more: Any,
    ) -> str:
        """Emit an event; its key.  more: other fields of the event, times as `at` gives
        them.
        """
        own: dict[str, Any] = {}
        if tracked is not None:
            own = {
                "object": self.described(tracked),
                "certainty": round(tracked.certainty, 3),
                "seen": tracked.seen_s == self.now,
            }
        whole = own | more | self.stamp.next_fields()
        event = SceneEvent(kind, phase, self.at(self.now), self.frame, place, **whole)
        self.events.append(event)
        return event.key

    def at(self, steady: float) -> float:
        """A time of the steady clock as that of the source, to the microsecond."""
        return round(self.time_s - (self.now - steady), 6)

    def described(self, tracked: SceneObject) -> EventObject:
        """The object as it was when it was last visible; without a box where it is not."""
        visible = tracked.seen_s == self.now
        speed = self.speed_of(tracked)
        return EventObject(
            tracked.id,
            tracked.label,
            round(tracked.score, 3),
            box=tracked.crop.xyxy if visible else None,
            foot=tracked.foot,
            area=tracked.crop.area if visible else 0,
            ground=self._ground_of(tracked),
            speed=None if speed is None else round(speed.value, 3),
            speed_error=None if speed is None else round(speed.error, 3),
        )

    def feet_inside(
        self, pixels: Bool[np.ndarray, "H W"], labels: Collection[str]
    ) -> list[bool]:
        """Whether the foot of each visible object is in a zone, and it has one of the labels;
        any label, if there are none.
        """
        inside: list[bool] = pixels[self.rows, self.columns].tolist()
        if not labels:
            return inside
        return [
            flag and one.label in labels
            for flag, one in zip(inside, self.objects, strict=True)
        ]

    def speed_of(self, tracked: SceneObject) -> GroundSpeed | None:
        """The speed of an object on the ground, computed once for each new sample of its
        foot.
        """
        at = tracked.samples[-1][0]
        if tracked.speed_at != at and self.ground is not None:
            tracked.speed_at = at
            tracked.speed = self.ground.speed(tracked.samples)
        return tracked.speed

    def _ground_of(self, tracked: SceneObject) -> tuple[float, float] | None:
        """Where it stands, to the millimetre; None beyond the horizon."""
        if self.ground is None:
            return None
        x, y = self.ground.place(*tracked.foot)
        return (round(x, 3), round(y, 3)) if math.isfinite(x) else None

    def was_hidden(self, tracked: SceneObject) -> bool:
        """Whether a visible object was not visible on the frame before."""
        return tracked.before is not None and tracked.before_s < self.previous


@runtime_checkable
class SceneRule(Protocol):
    """Watches one thing in one scene."""

    def update(self, scene: Scene) -> None:
        """Take a frame, and say what happened on it."""
        ...

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """Two ids are one object; called after the objects themselves were joined."""
        ...

    def end(self, scene: Scene) -> None:
        """Say the end of what goes on, and forget the objects."""
        ...
