"""What scene events come to: how many, how long, and how the counts went over time.

Enters: all events of a run.  Leaves: a row for each place, kind, label and direction, and
curves of counts.  Events that were corrected do not count; their corrections do.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vseg.events.rules.stays import UNLABELLED
from vseg.events.scene_event import SceneEvent


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row.  count: how often it happened.  mean_s, longest_s: how long it took, None of
    what takes no time.  most: how many were inside at once, None of what is no stay.
    """

    place: str
    kind: str
    label: str
    direction: str | None
    count: int
    mean_s: float | None
    longest_s: float | None
    most: int | None


@dataclass(frozen=True, slots=True)
class CountCurve:
    """A count over time: it is `counts[k]` from `times_s[k]` on."""

    place: str
    direction: str | None
    times_s: tuple[float, ...]
    counts: tuple[int, ...]


def event_rows(events: Sequence[SceneEvent]) -> list[EventRow]:
    """The rows by place, kind, label and direction."""
    wrong = {key for event in events for key in event.corrects}
    groups: dict[tuple[str, str, str, str], list[SceneEvent]] = defaultdict(list)
    for event in events:
        if event.place is None or event.key in wrong:
            continue
        # A correction that ends something stands for the end of a stay.
        kind = "inside" if event.kind == "correction" else event.kind
        if event.kind != "correction" or event.phase == "end":
            groups[event.place, kind, _label(event), event.direction or ""].append(event)
    return [
        _row(*name, found)
        for name, found in sorted(groups.items(), key=lambda one: one[0])
        if any(event.phase in ("start", "instant") for event in found)
    ]


def count_curves(events: Sequence[SceneEvent]) -> list[CountCurve]:
    """How many were in each zone and had crossed each line, over time."""
    steps: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for event in events:
        counted = event.kind in ("inside", "crossing", "correction")
        if counted and event.place is not None and event.count is not None:
            at = _moment(event)
            steps[event.place, event.direction or ""].append((at, event.count))
    return [
        CountCurve(
            place,
            direction or None,
            tuple(at for at, _ in sorted(found, key=lambda step: step[0])),
            tuple(count for _, count in sorted(found, key=lambda step: step[0])),
        )
        for (place, direction), found in sorted(steps.items())
    ]


def _moment(event: SceneEvent) -> float:
    """When the count changed, which was decided a little later."""
    begin = event.time_s if event.begin_s is None else event.begin_s
    if event.kind == "inside" and event.phase == "end":
        return begin + (event.seconds or 0.0)
    return begin if event.phase in ("start", "instant") else event.time_s


def _label(event: SceneEvent) -> str:
    return (event.object.label if event.object else None) or UNLABELLED


def _row(
    place: str, kind: str, label: str, direction: str, found: Iterable[SceneEvent]
) -> EventRow:
    held = list(found)
    over = [event for event in held if event.phase == "end"]
    ends = [event.seconds for event in over if event.seconds is not None]
    inside = [event.count or 0 for event in held] if kind == "inside" else []
    return EventRow(
        place,
        kind,
        label,
        direction or None,
        count=sum(event.phase in ("start", "instant") for event in held),
        mean_s=round(sum(ends) / len(ends), 3) if ends else None,
        longest_s=round(max(ends), 3) if ends else None,
        most=max(inside) if inside else None,
    )
