"""The one schema of what happens in a scene, whoever says it and whoever is told.

docs/event.schema.json is made from the classes below; every sink writes `event_json`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter, ValidationError

from vseg.errors import BadEvent

SceneEventKind = Literal[
    "inside",
    "loitering",
    "crowded",
    "crossing",
    "wrong_way",
    "left",
    "removed",
    "near",
    "speeding",
    "correction",
    "gap",
    "degraded",
]
"""inside: an object is in a zone.  loitering: it stays there for long.  crowded: too many are
in a zone.  crossing: an object crosses a line.  wrong_way: it crosses a line, or moves in a
zone, against the allowed direction.  left: an object that came into view stands still for
long; removed: one that stood still for long is taken away.  near: two objects are close to
each other.  speeding: an object moves faster than a limit.  correction: an identity was
repaired, and an earlier count is wrong.  gap: a source gave no image for a while.  degraded: a
part of the output does not do what it should, `detail` says what.
"""

EventPhase = Literal["start", "update", "end", "instant"]
"""start, update, end: of what takes time, and instant: of what takes none."""


@dataclass(frozen=True, slots=True)
class EventObject:
    """An object of a scene event as it was on the event's frame.

    box: x1 y1 x2 y2 and foot: x y, in video pixels; area: in pixels, 0 where it is not
    visible.  score: the predicted IoU of its mask.  ground: x y on the ground in metres, speed
    in metres a second, and the standard error of the speed; None without ground points, or
    before there is a speed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    id: int
    label: str | None = None
    score: float = 0.0
    box: tuple[int, int, int, int] | None = None
    foot: tuple[float, float] | None = None
    area: int = 0
    ground: tuple[float, float] | None = None
    speed: float | None = None
    speed_error: float | None = None


@dataclass(frozen=True, slots=True)
class SceneEvent:
    """One thing that happened in a scene.

    time_s: of the source's clock, and frame: the number of the frame, on which it was
    decided; begin_s: since when it goes on, and seconds: how long that is.  place: the zone or
    the line.  direction: the name of the direction of a crossing.  count: of a zone, how many
    are inside after the event; of a line, how many have crossed in this direction; counts: the
    same by label.  distance: between two objects, in metres with ground points and else in
    pixels.  certainty: the mean predicted quality of the masks that decided it, in [0, 1].
    seen: False where the object was not visible when it happened, such as the end of a stay
    of which nobody saw the object leave.  corrects: the keys of events that do not hold, in
    whose place a correction stands.  snapshot: the file of the object's image.  detail: more,
    in words.

    key: unique and the same whenever the event is sent again.  camera, time: of the source,
    and the UTC time (RFC 3339) at which a live source showed it.  All three are given by an
    `EventStamp`.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kind: SceneEventKind
    phase: EventPhase
    time_s: float
    frame: int
    place: str | None = None
    object: EventObject | None = None
    other: EventObject | None = None
    begin_s: float | None = None
    seconds: float | None = None
    direction: str | None = None
    count: int | None = None
    counts: dict[str, int] | None = None
    distance: float | None = None
    certainty: float | None = None
    seen: bool = True
    corrects: tuple[str, ...] = ()
    snapshot: str | None = None
    detail: str | None = None
    key: str = ""
    camera: str = ""
    time: str | None = None
    v: Literal[1] = 1


_EVENT = TypeAdapter(SceneEvent)


def event_json(event: SceneEvent) -> str:
    """The event as one line of JSON, without the fields that it does not have."""
    return _EVENT.dump_json(event, exclude_none=True).decode()


def parse_event(line: str | bytes) -> SceneEvent:
    """The event of a line of JSON.  Raises BadEvent."""
    try:
        return _EVENT.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise BadEvent(
            f"this is no scene event: {where}: {first['msg']}",
            hint="docs/event.schema.json says what an event holds",
        ) from error


def event_schema() -> dict[str, Any]:
    """The JSON Schema of an event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_EVENT.json_schema(mode="validation"),
    }


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class EventStamp:
    """Gives the events of one camera their keys and times, in the order in which they happen.

    session: of this watching, so that keys of a restarted process differ from those before.
    clock: the wall clock of a live source; None for a stored one, whose events then equal
    those of every other time that it is read.
    """

    def __init__(
        self, camera: str, session: str, clock: Callable[[], datetime] | None = utc_now
    ) -> None:
        self._prefix = f"{camera}/{session}"
        self._camera = camera
        self._clock = clock
        self._given = 0

    def on(self, event: SceneEvent) -> SceneEvent:
        """The event with its key, camera and time."""
        return replace(event, **self.next_fields())

    def next_fields(self) -> dict[str, Any]:
        """The key, the camera and the time of the next event."""
        self._given += 1
        now = None if self._clock is None else self._clock()
        return {
            "key": f"{self._prefix}/{self._given}",
            "camera": self._camera,
            "time": None if now is None else now.isoformat(timespec="milliseconds"),
        }
