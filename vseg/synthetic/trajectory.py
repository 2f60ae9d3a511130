"""A scene to order: trajectories of its objects, and occluders at given places.

Enters: trajectories and occluders, in shares of the frame.  Leaves: motions in world pixels,
which equal frame pixels while the camera stands still.  Everything else of the scene is drawn
from its seed.
"""

from dataclasses import dataclass
from itertools import pairwise

from vseg.errors import BadConfig
from vseg.synthetic.motion import Waypoints

Number = int | float


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Waypoints of (frame, x, y), joined by straight lines at constant speed.

    x, y: the object's centre as shares of the frame's width and height; below 0 and above 1 it
    is outside.  It stands still before the first waypoint and after the last.
    """

    waypoints: tuple[tuple[Number, Number, Number], ...]

    def __post_init__(self) -> None:
        frames = [frame for frame, _, _ in self.waypoints]
        if not frames or any(b <= a for a, b in pairwise(frames)):
            raise BadConfig(
                f"scene: a trajectory has waypoints at the frames {frames}",
                hint="give at least one waypoint, by ascending frame",
            )

    def motions(self, height: int, width: int) -> tuple[Waypoints, Waypoints]:
        """The movement along x and along y in a frame of this size."""
        frames = tuple(float(frame) for frame, _, _ in self.waypoints)
        return (
            Waypoints(frames, tuple(width * float(x) for _, x, _ in self.waypoints)),
            Waypoints(frames, tuple(height * float(y) for _, _, y in self.waypoints)),
        )


@dataclass(frozen=True, slots=True)
class Occluder:
    """A still post before all objects, from top to bottom.  x, width: its centre and its width
    as shares of the frame's.
    """

    x: Number
    width: Number

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise BadConfig(
                f"scene: an occluder is {self.width} wide", hint="give more than 0"
            )
