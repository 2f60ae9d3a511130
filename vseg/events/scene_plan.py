"""Zones and lines in the pixels of a frame, checked.

Enters: a `ZoneFile` and the size of the frames.  Leaves: a `ScenePlan`, and warnings about
what can be meant but does nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from vseg.errors import BadZones
from vseg.events.crossings import Point, crossing_edges, side_of
from vseg.events.ground import Ground
from vseg.events.zone_file import LineSettings, NearSettings, ZoneFile, ZoneSettings
from vseg.ops.masks import mask_box
from vseg.ops.polygon import rasterise

_MOST_FRAMES = 10.0
"""Nobody draws a point so many frames away: larger fractions are pixels.  A round value."""


@dataclass(frozen=True, eq=False)
class WatchedZone:
    """A zone as the pixels that it holds.  box: x1 y1 x2 y2 around them."""

    settings: ZoneSettings
    pixels: Bool[np.ndarray, "H W"]
    corners: tuple[Point, ...]
    box: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        return self.settings.name


@dataclass(frozen=True)
class CountingLine:
    """A line in pixels.  margin: in pixels."""

    settings: LineSettings
    begin: Point
    end: Point
    margin: float

    @property
    def name(self) -> str:
        return self.settings.name

    def offset_of(self, point: Point) -> float:
        """Pixels of a point from the line through both ends, positive to its right."""
        return side_of(self.begin, self.end, point) / math.dist(self.begin, self.end)


@dataclass(frozen=True)
class ScenePlan:
    """Everything that is asked of a scene.  side: the shorter side of the frame; warnings: in
    words.
    """

    height: int
    width: int
    max_gap_s: float
    zones: tuple[WatchedZone, ...]
    lines: tuple[CountingLine, ...]
    near: tuple[NearSettings, ...]
    ground: Ground | None
    warnings: tuple[str, ...]

    @property
    def side(self) -> int:
        return min(self.height, self.width)


def scene_plan(file: ZoneFile, height: int, width: int) -> ScenePlan:
    """The zones of a file for frames of this size.  Raises BadZones naming the zone."""
    _check_names(file)
    _check_unit(file)
    scale = _scale(file, height, width)
    zones = tuple(_zone(one, scale, height, width) for one in file.zone)
    lines = tuple(_line(one, scale, min(height, width)) for one in file.line)
    for one in file.zone:
        if one.speed_limit is not None and file.ground is None:
            raise BadZones(
                f"zone {one.name!r} has a speed_limit, and there is no [ground]",
                hint="add [ground] with four points of the image and of the ground in metres",
            )
    return ScenePlan(
        height,
        width,
        file.max_gap_s,
        zones,
        lines,
        file.near,
        _ground(file, scale),
        tuple(_warnings(file, zones, lines, (height, width))),
    )


def _check_names(file: ZoneFile) -> None:
    named: list[ZoneSettings | LineSettings | NearSettings]
    named = [*file.zone, *file.line, *file.near]
    names = [one.name for one in named]
    if not names:
        raise BadZones(
            "there is no zone, line or near", hint="add [[zone]] with a name and a polygon"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadZones(f"the name {twice[0]!r} is given twice", hint="rename one of them")


def _check_unit(file: ZoneFile) -> None:
    """Raise BadZones for fractions that must be pixels: a zone of them would hold the whole
    frame.
    """
    if file.unit != "fractions":
        return
    places = [(f"zone {one.name!r}", one.polygon) for one in file.zone]
    places += [(f"line {one.name!r}", (one.begin, one.end)) for one in file.line]
    for name, points in places:
        far = next((p for p in points if max(map(abs, p)) > _MOST_FRAMES), None)
        if far is not None:
            raise BadZones(
                f"{name} has the point {far[0]:g}, {far[1]:g}, in fractions of the frame",
                hint='if these are pixels, say so at the top of the file: unit = "pixels"',
            )


def _scale(file: ZoneFile, height: int, width: int) -> Point:
    if file.unit == "fractions":
        return float(width), float(height)
    if file.size is None:
        return 1.0, 1.0
    return width / file.size[0], height / file.size[1]


def _scaled(points: Iterable[Point], scale: Point) -> tuple[Point, ...]:
    return tuple((x * scale[0], y * scale[1]) for x, y in points)


def _without_repeats(corners: Sequence[Point]) -> tuple[Point, ...]:
    """The corners of a polygon, each once: many formats close one by its first corner."""
    return tuple(one for k, one in enumerate(corners) if one != corners[k - 1])


def _zone(settings: ZoneSettings, scale: Point, height: int, width: int) -> WatchedZone:
    name = f"zone {settings.name!r}"
    corners = _without_repeats(_scaled(settings.polygon, scale))
    if len(corners) < 3:
        raise BadZones(
            f"{name} has fewer than three different corners: it holds no pixel",
            hint="give the corners in their order around the zone",
        )
    crossing = crossing_edges(corners)
    if crossing is not None:
        first, second = crossing
        raise BadZones(
            f"{name} crosses itself: its edge {first} meets its edge {second}",
            hint="give the corners in their order around the zone",
        )
    pixels = rasterise(np.array(corners, dtype=np.float64), height, width)
    if not pixels.any():
        raise BadZones(
            f"{name} holds no pixel of a {width}x{height} frame", hint=_where_it_is(corners)
        )
    if settings.heading == (0.0, 0.0):
        raise BadZones(f"{name}: heading is no direction", hint="give x y, such as [1, 0]")
    return WatchedZone(settings, pixels, corners, mask_box(pixels))


def _where_it_is(corners: Sequence[Point]) -> str:
    xs, ys = zip(*corners, strict=True)
    extent = f"x {min(xs):g} to {max(xs):g}, y {min(ys):g} to {max(ys):g}"
    return f"it spans {extent} in pixels; unit says whether points are fractions or pixels"


def _line(settings: LineSettings, scale: Point, side: int) -> CountingLine:
    name = f"line {settings.name!r}"
    begin, end = _scaled((settings.begin, settings.end), scale)
    if begin == end:
        raise BadZones(f"{name} has no length", hint="give it two different ends")
    directions = (settings.forward, settings.backward)
    if directions[0] == directions[1]:
        raise BadZones(
            f"{name}: both directions are called {directions[0]!r}", hint="rename one"
        )
    if settings.allowed is not None and settings.allowed not in directions:
        raise BadZones(
            f"{name} allows {settings.allowed!r}, which is none of its directions",
            hint=f"they are {directions[0]} and {directions[1]}",
        )
    return CountingLine(settings, begin, end, settings.margin * side)


def _ground(file: ZoneFile, scale: Point) -> Ground | None:
    if file.ground is None:
        return None
    image = np.array(_scaled(file.ground.image, scale), dtype=np.float64)
    metres = np.array(file.ground.metres, dtype=np.float64)
    return Ground(image, metres, file.ground.error_px)


def _warnings(
    file: ZoneFile,
    zones: Sequence[WatchedZone],
    lines: Sequence[CountingLine],
    hw: tuple[int, int],
) -> Iterable[str]:
    for line in lines:
        if not _can_be_crossed(line, *hw):
            yield (
                f"line {line.name!r} cannot be crossed: within the frame there is no room on "
                f"both of its sides; {_where_it_is((line.begin, line.end))}"
            )
    for zone in zones:
        if zone.settings.rule == "foot" and zone.box[1] == 0 and zone.box[3] <= 2:
            yield f"zone {zone.name!r} is at the top of the frame, where no foot is"
    enter_s = [one.enter_s for one in file.zone] + [one.enter_s for one in file.near]
    longest = max(enter_s, default=0.0)
    if longest > file.max_gap_s > 0:
        yield f"an object must be inside for {longest:g} s, longer than max_gap_s"


def _can_be_crossed(line: CountingLine, height: int, width: int) -> bool:
    """Whether near some point of the line there is room within the frame on both sides."""
    dx = line.end[0] - line.begin[0]
    dy = line.end[1] - line.begin[1]
    length = math.hypot(dx, dy)
    shares = np.linspace(0.0, 1.0, 65)
    along = np.array(line.begin) + shares[:, None] * (dx, dy)
    # A foot must get beyond the margin, by a pixel at least.
    reach = (line.margin + 1.0) * np.array((-dy, dx)) / length
    sides = [along + reach, along - reach]
    room = [
        (p[:, 0] >= 0) & (p[:, 0] <= width - 1) & (p[:, 1] >= 0) & (p[:, 1] <= height - 1)
        for p in sides
    ]
    return bool((room[0] & room[1]).any())
