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
from vseg.events.watched import WatchedObject, WatchedObjects


@dataclass(slots=True, eq=False)
class Scene:
    """One frame.  now, previous: of the steady clock, this frame and the one before.  begun:
    when the watching began.  objects: the visible ones.  columns, rows: of their feet.
    watched: all that are not forgotten.
    """

    time_s: float
    frame: int
    now: float
    previous: float
    begun: float
    objects: Sequence[WatchedObject]
    columns: Int64[np.ndarray, " O"]
    rows: Int64[np.ndarray, " O"]
    watched: WatchedObjects
    ground: Ground | None
    stamp: EventStamp
    events: list[SceneEvent] = field(default_factory=list)

    def say(
        self,
        kind: SceneEventKind,
        phase: EventPhase,
        place: str | None,
        watched: WatchedObject | None,
        **more: Any,
    ) -> str:
        """Emit an event; its key.  more: other fields of the event, times as `at` gives
        them.
        """
        own: dict[str, Any] = {}
        if watched is not None:
            own = {
                "object": self.described(watched),
                "certainty": round(watched.certainty, 3),
                "seen": watched.seen_s == self.now,
            }
        whole = own | more | self.stamp.next_fields()
        event = SceneEvent(kind, phase, self.at(self.now), self.frame, place, **whole)
        self.events.append(event)
        return event.key

    def at(self, steady: float) -> float:
        """A time of the steady clock as that of the source, to the microsecond."""
        return round(self.time_s - (self.now - steady), 6)

    def described(self, watched: WatchedObject) -> EventObject:
        """The object as it was when it was last visible; without a box where it is not."""
        visible = watched.seen_s == self.now
        speed = self.speed_of(watched)
        return EventObject(
            watched.id,
            watched.label,
            round(watched.score, 3),
            box=watched.crop.xyxy if visible else None,
            foot=watched.foot,
            area=watched.crop.area if visible else 0,
            ground=self._ground_of(watched),
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

    def speed_of(self, watched: WatchedObject) -> GroundSpeed | None:
        """The speed of an object on the ground, computed once for each new sample of its
        foot.
        """
        at = watched.samples[-1][0]
        if watched.speed_at != at and self.ground is not None:
            watched.speed_at = at
            watched.speed = self.ground.speed(watched.samples)
        return watched.speed

    def _ground_of(self, watched: WatchedObject) -> tuple[float, float] | None:
        """Where it stands, to the millimetre; None beyond the horizon."""
        if self.ground is None:
            return None
        x, y = self.ground.place(*watched.foot)
        return (round(x, 3), round(y, 3)) if math.isfinite(x) else None

    def was_hidden(self, watched: WatchedObject) -> bool:
        """Whether a visible object was not visible on the frame before."""
        return watched.before is not None and watched.before_s < self.previous


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
