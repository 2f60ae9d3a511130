"""The way of one object with regard to a line."""

from dataclasses import dataclass

from vseg.events.crossings import Point, place_on
from vseg.events.scene_plan import CountingLine


@dataclass(slots=True, eq=False)
class Walk:
    """first_s, seen_s, first, foot: the first and the last time and foot.  offset: of the foot
    from the line.  side: 1 right, -1 left of it, 0 until the foot was beyond the margin;
    first_side: the first one that it was on.  met_s: when it met the segment on its way from
    `side`, None where it did not; seen: whether that was seen.  direction, keys: of its last
    crossing.
    """

    first_s: float
    seen_s: float
    first: Point
    foot: Point
    offset: float
    side: int
    first_side: int
    met_s: float | None = None
    seen: bool = True
    direction: str | None = None
    label: str = ""
    keys: tuple[str, ...] = ()

    def go_on_as(self, other: "Walk") -> None:
        """Continue with what is known of the same object under another id."""
        if other.seen_s >= self.seen_s:
            self.seen_s = other.seen_s
            self.foot = other.foot
            self.offset = other.offset
            self.side = other.side or self.side
            self.met_s = other.met_s
        self.direction = other.direction or self.direction
        self.keys = other.keys or self.keys


def missed_meeting(line: CountingLine, earlier: Walk, later: Walk) -> float | None:
    """When an object met a line between two walks that are both its own; None if it did
    not.
    """
    if earlier.side * later.first_side >= 0 or later.first_s < earlier.seen_s:
        return None
    if earlier.offset * line.offset_of(later.first) >= 0:
        return None
    along, way = place_on(line.begin, line.end, earlier.foot, later.first)
    if not 0.0 <= along <= 1.0:
        return None
    return earlier.seen_s + way * (later.first_s - earlier.seen_s)
