"""zones.toml as checked values: zones, lines, pairs that come near, and the ground.

Enters: a TOML file.  Leaves: a `ZoneFile`; nothing here knows the size of a frame yet, see
`vseg.events.scene_plan`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from vseg.checked_settings import Settings, load_toml


def _one_line(name: str) -> str:
    """A name that can be shown in a table and by a terminal."""
    if name.isspace() or not name.isprintable():
        raise ValueError("a name is one line of printable characters")
    return name


Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Point = tuple[Coordinate, Coordinate]
# As wide as the northings of map grids such as UTM.
Metres = Annotated[float, Field(ge=-1e8, le=1e8)]
GroundPoint = tuple[Metres, Metres]
Side = Annotated[int, Field(ge=1, le=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_one_line)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Share = Annotated[float, Field(gt=0, le=1)]

ENTER_S = 0.2
LEAVE_S = 0.5
"""How long an object must be on the other side before a stay begins or ends: what walks along
a border does not flicker.  Between Frigate's 3 frames of 5 a second and a step of a walker,
about half a second; not tuned.
"""

MAX_GAP_S = 3.0
"""How long an object that is hidden keeps its zones.  What stands in front of a walker passes
within about 2 s; not tuned.
"""

MARGIN = 0.01
"""How far beyond a line a foot must be, in shares of the frame's shorter side: outlines of
masks sway by about 2 pixels of 480; twice that.
"""

STILL = 0.02
"""What moves less than this share of the frame's shorter side stands still: twice MARGIN, so
that what sways does not walk.
"""


class ZoneSettings(Settings):
    """A zone.  rule: "foot", the lowest part of the mask is inside, or "share", this share of
    its pixels is.

    labels: of the objects that count, empty for all.  update_s: how often a stay is told again
    while it lasts.  loiter_s, crowded_from and crowded_s, left_s, removed_s, heading,
    speed_limit: rules that are off unless given; seconds, objects, x y of the allowed
    direction in the image, metres a second.
    """

    name: Name
    polygon: tuple[Point, ...] = Field(min_length=3, max_length=200)
    labels: tuple[str, ...] = ()
    rule: Literal["foot", "share"] = "foot"
    share: Share = 0.5
    enter_s: Seconds = ENTER_S
    leave_s: Seconds = LEAVE_S
    update_s: Annotated[float, Field(gt=0)] = 10.0
    loiter_s: Annotated[float, Field(gt=0)] | None = None
    crowded_from: Annotated[int, Field(ge=1)] | None = None
    crowded_s: Seconds = 0.0
    left_s: Annotated[float, Field(gt=0)] | None = None
    removed_s: Annotated[float, Field(gt=0)] | None = None
    still: Share = STILL
    heading: Point | None = None
    heading_angle: Annotated[float, Field(gt=0, lt=180)] = 90.0
    speed_limit: Annotated[float, Field(gt=0)] | None = None


class LineSettings(Settings):
    """A line.  Seen from `begin` to `end`, forward is from its left to its right.

    margin: how far beyond it a foot must be, in shares of the frame's shorter side.  allowed:
    the only direction that is not the wrong way.
    """

    name: Name
    begin: Point
    end: Point
    labels: tuple[str, ...] = ()
    forward: Name = "forward"
    backward: Name = "backward"
    allowed: str | None = None
    margin: Annotated[float, Field(ge=0, le=0.5)] = MARGIN


class NearSettings(Settings):
    """Two objects that come near each other: one of `labels` and one of `others`, empty for
    all.

    distance: between their feet, in metres with a ground, else in shares of the frame's
    shorter side.
    """

    name: Name
    labels: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    distance: Annotated[float, Field(gt=0)]
    enter_s: Seconds = ENTER_S
    leave_s: Seconds = LEAVE_S
    update_s: Annotated[float, Field(gt=0)] = 10.0


class GroundSettings(Settings):
    """Four points of the image and where they are on the ground, x y in metres.

    error_px: how exactly points and feet are known, in pixels; speeds get their error from it.
    """

    image: tuple[Point, Point, Point, Point]
    metres: tuple[GroundPoint, GroundPoint, GroundPoint, GroundPoint]
    error_px: Annotated[float, Field(gt=0, le=100)] = 2.0


class ZoneFile(Settings):
    """Everything in zones.toml.  unit: of all points of the image.  size: width and height at
    which pixels were drawn, where it is not that of the frames.
    """

    unit: Literal["fractions", "pixels"] = "fractions"
    size: tuple[Side, Side] | None = None
    max_gap_s: Seconds = MAX_GAP_S
    ground: GroundSettings | None = None
    zone: tuple[ZoneSettings, ...] = ()
    line: tuple[LineSettings, ...] = ()
    near: tuple[NearSettings, ...] = ()


def read_zone_file(path: Path) -> ZoneFile:
    """The zones in a TOML file.  Raises BadConfig naming the file and the key."""
    return load_toml(path, ZoneFile)
