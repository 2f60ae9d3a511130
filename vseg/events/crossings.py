"""Whether segments cross, and on which side of a line a point is; x right, y down."""

from collections.abc import Sequence

Point = tuple[float, float]


def side_of(begin: Point, end: Point, point: Point) -> float:
    """Twice the signed area of the triangle: positive to the right of begin to end."""
    dx = end[0] - begin[0]
    dy = end[1] - begin[1]
    return dx * (point[1] - begin[1]) - dy * (point[0] - begin[0])


def place_on(begin: Point, end: Point, start: Point, stop: Point) -> tuple[float, float]:
    """Where the line through begin and end is met on the way from start to stop, which are on
    different sides of it: the shares of the segment and of the way.
    """
    before = side_of(begin, end, start)
    after = side_of(begin, end, stop)
    way = before / (before - after)
    x = start[0] + way * (stop[0] - start[0]) - begin[0]
    y = start[1] + way * (stop[1] - start[1]) - begin[1]
    dx = end[0] - begin[0]
    dy = end[1] - begin[1]
    return (x * dx + y * dy) / (dx * dx + dy * dy), way


def crossing_edges(polygon: Sequence[Point]) -> tuple[int, int] | None:
    """The numbers of the first two edges of a polygon that cross or touch, though they are no
    neighbours; None for a simple one.
    """
    count = len(polygon)
    edges = [(polygon[k], polygon[(k + 1) % count]) for k in range(count)]
    for first in range(count):
        for second in range(first + 2, count):
            neighbours = first == 0 and second == count - 1
            if not neighbours and _meet(*edges[first], *edges[second]):
                return first, second
    return None


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    sides = [side_of(a, b, c), side_of(a, b, d), side_of(c, d, a), side_of(c, d, b)]
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    touching = zip(sides, ends, strict=True)
    return any(s == 0 and _between(*three) for s, three in touching)


def _between(begin: Point, end: Point, point: Point) -> bool:
    """Whether a point on the line through begin and end is between them."""
    return all(min(begin[k], end[k]) <= point[k] <= max(begin[k], end[k]) for k in range(2))
