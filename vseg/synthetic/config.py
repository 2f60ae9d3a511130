"""What a synthetic scene contains: the configuration, and a way to draw one at random."""

import math
from dataclasses import dataclass, replace

import numpy as np

from vseg.errors import BadConfig
from vseg.synthetic.trajectory import Occluder, Trajectory

# A label map is 8-bit, and 255 means "unknown" in palette PNGs.
MAX_OBJECTS = 254


@dataclass(frozen=True, slots=True)
class SceneConfig:
    """What is in a synthetic scene; the seed decides everything left open.

    look_alikes: all objects share one surface and nearly one shape.  occluders: still layers
    in front of the objects, not objects themselves; at occluder_size 1 they hide parts of most
    objects, at 3 whole ones for many frames.  leave_and_return: every object with an odd id
    goes out of the frame and comes back about every 120 frames.  cut_at: from this frame on
    the same objects are elsewhere, before another background.  size, speed, camera_motion,
    lighting, occluder_size: 1 is ordinary; speed, camera_motion and lighting may be 0.  noise:
    standard deviation in grey levels.  trajectories: one per object, by id, in place of what
    the seed would draw.  placed_occluders: posts at given places, beside the drawn occluders.
    """

    height: int = 240
    width: int = 426
    num_frames: int = 100
    fps: int = 25
    seed: int = 0
    num_objects: int = 3
    look_alikes: bool = False
    occluders: int = 1
    leave_and_return: bool = False
    cut_at: int | None = None
    size: float = 1.0
    speed: float = 1.0
    camera_motion: float = 1.0
    lighting: float = 1.0
    noise: float = 2.0
    occluder_size: float = 1.0
    trajectories: tuple[Trajectory, ...] = ()
    placed_occluders: tuple[Occluder, ...] = ()

    def __post_init__(self) -> None:
        least = {
            "height": 16,
            "width": 16,
            "num_frames": 1,
            "fps": 1,
            "seed": 0,
            "num_objects": 0,
            "occluders": 0,
            "size": 0.005,
            "speed": 0,
            "camera_motion": 0,
            "lighting": 0,
            "noise": 0,
            "occluder_size": 0.05,
        }
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise BadConfig(
                    f"scene: {name} is {getattr(self, name)}", hint=f"give at least {low}"
                )
        if self.num_objects > MAX_OBJECTS:
            raise BadConfig(
                f"scene: num_objects is {self.num_objects}", hint=f"give at most {MAX_OBJECTS}"
            )
        if self.trajectories and len(self.trajectories) != self.num_objects:
            raise BadConfig(
                f"scene: {len(self.trajectories)} trajectories for {self.num_objects} objects",
                hint="give every object one, or none at all",
            )
        if self.cut_at is not None and not 0 < self.cut_at < self.num_frames:
            raise BadConfig(
                f"scene: cut_at is {self.cut_at}",
                hint=f"give at least 1 and less than the {self.num_frames} frames of "
                "the scene",
            )


def random_scene(
    seed: int, *, height: int = 240, width: int = 426, num_frames: int = 100
) -> SceneConfig:
    """A random configuration: how many objects, how similar, how hidden, how fast, how dark.

    Ranges are round values, chosen by eye for scenes that a person can still follow; not
    tuned.
    """
    plain = SceneConfig(height=height, width=width, num_frames=num_frames, seed=seed)
    rng = np.random.default_rng((seed, 0))
    num_objects = int(rng.integers(1, 7))
    # Many large objects would leave nothing of the background.
    largest = 1.5 * min(1.0, math.sqrt(3 / num_objects))
    return replace(
        plain,
        num_objects=num_objects,
        look_alikes=bool(rng.random() < 0.3),
        occluders=int(rng.integers(0, 4)),
        leave_and_return=bool(rng.random() < 0.3),
        cut_at=int(rng.integers(1, num_frames))
        if num_frames > 1 and rng.random() < 0.05
        else None,
        size=float(np.exp(rng.uniform(math.log(0.5), math.log(largest)))),
        speed=float(np.exp(rng.uniform(np.log(0.4), np.log(2.0)))),
        camera_motion=float(rng.uniform(0, 1.5)),
        lighting=float(rng.uniform(0, 1.3)),
        noise=float(rng.uniform(0, 5)),
    )
