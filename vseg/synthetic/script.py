"""A scene to order: where each object is, and what stands before it, told stop by stop.

Enters: trajectories and occluders, in shares of the frame.  Leaves: tracks in world pixels,
which equal frame pixels while the camera stands still.  What is not told stays with the
scene's seed.
"""

from dataclasses import dataclass
from itertools import pairwise

from vseg.errors import BadConfig
from vseg.synthetic.motion import Legs

Number = int | float


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The path of an object: stops of (frame, x, y), with straight lines at even speed between
    them.

    x, y: the object's middle as shares of the frame's width and height; below 0 and above 1 it
    is outside.  It stands still before the first stop and after the last.
    """

    stops: tuple[tuple[Number, Number, Number], ...]

    def __post_init__(self) -> None:
        frames = [frame for frame, _, _ in self.stops]
        if not frames or any(b <= a for a, b in pairwise(frames)):
            raise BadConfig(
                f"scene: a course stops at the frames {frames}",
                hint="give at least one stop, by ascending frame",
            )

    def tracks(self, height: int, width: int) -> tuple[Legs, Legs]:
        """The movement along x and along y in a frame of this size."""
        frames = tuple(float(frame) for frame, _, _ in self.stops)
        return (
            Legs(frames, tuple(width * float(x) for _, x, _ in self.stops)),
            Legs(frames, tuple(height * float(y) for _, _, y in self.stops)),
        )


@dataclass(frozen=True, slots=True)
class Occluder:
    """A still post before all objects, from top to bottom.  x: its middle; shares of the
    width.
    """

    x: Number
    width: Number

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise BadConfig(f"scene: a blind is {self.width} wide", hint="give more than 0")
