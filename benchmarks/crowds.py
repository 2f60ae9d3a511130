"""Boxes of crowds and streets with exact identities, for choosing settings of trackers.

Enters: a seed.  Leaves: Sequences: true boxes, and what a detector would make of them.

Objects stand on the ground before a pinhole camera, so that near ones are larger, quicker and
hide far ones.  `crowd`: people walk both ways past a camera that stands or pans.  `street`: a
camera drives and turns among parked and moving cars.  A detector is surer of what is large
and open to view, misses in bursts (its error is correlated in time), cuts boxes that are
half hidden less exactly, sometimes gives a box twice and sometimes sees what is not there.
The rates and errors are round values of the size that public detections of MOT15 and KITTI
have; none was fitted to a sequence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from benchmarks.box_sequences import Sequence
from vseg.metrics.identity_clip import IdentifiedBoxes
from vseg_trackers import Detections

FOCAL = 700.0  # pixels
CAMERA_M = 1.6  # height above the ground
NEAREST_M = 1.5
LEAST_PX = 12.0  # height of the smallest true box
LEAST_OPEN = 0.1  # of a true box: what is hidden more than this is not annotated
GRID = 8  # points a side at which a box is tested for being hidden


@dataclass(frozen=True)
class Scene:
    """What one sequence is made of.

    size: width and height of the image; at_m: place of each object on the ground (x to the
    right, z ahead) on every frame; sides_m: its width, height and length; camera_m: place of
    the camera; yaw: where it points to, radians.
    """

    name: str
    rate: float
    size: tuple[int, int]
    at_m: Float[np.ndarray, "F N 2"]
    sides_m: Float[np.ndarray, "N 3"]
    camera_m: Float[np.ndarray, "F 2"]
    yaw: Float[np.ndarray, " F"]


@dataclass(frozen=True)
class View:
    """The true boxes of one frame: ids, boxes x1 y1 x2 y2, and the share open to view."""

    ids: Int[np.ndarray, " N"]
    boxes: Float[np.ndarray, "N 4"]
    share_open: Float[np.ndarray, " N"]


def crowds(seeds: int = 4) -> list[Sequence]:
    """The sequences of the first `seeds` seeds, two crowds and two streets each."""
    scenes = [
        scene
        for seed in range(seeds)
        for scene in (
            crowd(seed, rate=25.0, pans=False),
            crowd(100 + seed, rate=8.0, pans=True),
            street(seed, rate=10.0),
            street(100 + seed, rate=25.0),
        )
    ]
    return [observed(scene, seed) for seed, scene in enumerate(scenes)]


def crowd(seed: int, rate: float, pans: bool) -> Scene:
    """Twenty people who walk past within some seconds, most of them to either side."""
    rng = np.random.default_rng(seed)
    num = 20
    times_s = np.arange(round(8 * rate)) / rate
    heading = rng.choice([0.0, np.pi], num) + rng.normal(0, 0.35, num)
    speed = rng.normal(1.3, 0.25, num).clip(0.3)
    velocity = speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    # Each passes the middle of the view at some time of the clip, at its own depth.
    middle = np.stack([rng.normal(0, 1.5, num), rng.uniform(5, 20, num)], axis=1)
    passes_s = rng.uniform(0, times_s[-1], num)
    sway = _wander(rng, (len(times_s), num, 2), 0.15, 1.0, rate)
    at_m = middle + velocity * (times_s[:, None, None] - passes_s[:, None]) + sway
    sides_m = np.stack(
        [rng.normal(0.6, 0.05, num), rng.normal(1.72, 0.09, num), rng.normal(0.5, 0.05, num)],
        axis=1,
    )
    yaw = 0.25 * np.sin(2 * np.pi * times_s / 6 + seed) if pans else np.zeros(len(times_s))
    still = np.zeros((len(times_s), 2))
    name = f"crowd-{'pan-' if pans else ''}{seed % 100}"
    return Scene(name, rate, (960, 540), at_m, sides_m, still, yaw)


def street(seed: int, rate: float) -> Scene:
    """Cars parked on both sides and driving both ways; the camera drives, and turns once."""
    rng = np.random.default_rng(seed)
    times_s = np.arange(round(10 * rate)) / rate
    parked_z = np.concatenate([np.arange(8, 110, 6.5), np.arange(12, 110, 7.5)])
    parked_x = np.where(np.arange(len(parked_z)) < len(np.arange(8, 110, 6.5)), -5.5, 6.0)
    stays = rng.random(len(parked_z)) < 0.7
    place = np.stack([parked_x[stays], parked_z[stays]], axis=1) + rng.normal(
        0, 0.3, (int(stays.sum()), 2)
    )
    drive_z = rng.uniform(10, 120, 7)
    drive = np.stack([np.where(np.arange(7) < 4, -2.0, 1.5), drive_z], axis=1)
    pace = np.where(np.arange(7) < 4, -rng.uniform(6, 12, 7), rng.uniform(3, 9, 7))
    start = np.concatenate([place, drive])
    velocity = np.zeros_like(start)
    velocity[len(place) :, 1] = pace
    at_m = start + velocity * times_s[:, None, None]
    num = len(start)
    sides_m = np.stack(
        [rng.normal(1.8, 0.08, num), rng.normal(1.5, 0.1, num), rng.normal(4.2, 0.3, num)],
        axis=1,
    )
    # It turns and turns back: a bend of half a radian within two seconds or so.
    turn = rng.choice([-1, 1]) * rng.uniform(0.3, 0.7)
    turns_s = rng.uniform(3, 7)
    yaw = turn / (1 + np.exp(-(times_s - turns_s) / 0.4))
    yaw -= turn / (1 + np.exp(-(times_s - turns_s - 2.5) / 0.4))
    camera_m = np.stack([np.zeros(len(times_s)), rng.uniform(2, 7) * times_s], axis=1)
    return Scene(
        f"street-{rate:.0f}-{seed % 100}", rate, (1242, 375), at_m, sides_m, camera_m, yaw
    )


def views(scene: Scene) -> Iterator[View]:
    """The true boxes of every frame."""
    width, height = scene.size
    corner = np.array([[x, z] for x in (-0.5, 0.5) for z in (-0.5, 0.5)])
    for at_m, camera_m, yaw in zip(scene.at_m, scene.camera_m, scene.yaw, strict=True):
        turned = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        corners = (at_m[:, None] + corner * scene.sides_m[:, None, [0, 2]] - camera_m) @ turned
        depth = corners[..., 1].clip(NEAREST_M)
        x = width / 2 + FOCAL * corners[..., 0] / depth
        bottom = height / 2 + FOCAL * CAMERA_M / depth
        top = height / 2 + FOCAL * (CAMERA_M - scene.sides_m[:, 1:2]) / depth
        whole = np.stack([x.min(1), top.min(1), x.max(1), bottom.max(1)], axis=1)
        boxes = whole.clip(0, [width, height, width, height])
        inside = _area(boxes) / np.maximum(_area(whole), 1e-9)
        sound = (corners[..., 1].min(axis=1) > NEAREST_M) & (inside > 0.3)
        sound &= boxes[:, 3] - boxes[:, 1] >= LEAST_PX
        rows = sound.nonzero()[0]
        rows = rows[corners[rows, :, 1].mean(axis=1).argsort()]
        share_open = _share_open(boxes[rows])
        seen = share_open >= LEAST_OPEN
        yield View(rows[seen] + 1, boxes[rows[seen]], share_open[seen])


def observed(scene: Scene, seed: int) -> Sequence:
    """A sequence of the scene as a detector would give it."""
    rng = np.random.default_rng(1000 + seed)
    num_frames, num = scene.at_m.shape[:2]
    mood = _wander(rng, (num_frames, num), 1.5, 0.3, scene.rate)
    drift = _wander(rng, (num_frames, num, 4), 0.025, 0.3, scene.rate)
    truth = []
    detections = []
    for frame, view in enumerate(views(scene)):
        truth.append(IdentifiedBoxes(view.ids, view.boxes))
        rows = view.ids - 1
        tall = view.boxes[:, 3] - view.boxes[:, 1]
        logit = 6.0 * view.share_open - 2.0 * (tall < 30) + mood[frame, rows]
        logit += rng.normal(0, 0.7, len(rows))
        boxes = _inexact(rng, view, drift[frame, rows])
        logit, boxes = _with_errors(rng, logit, boxes, scene.size)
        found = (logit > 0) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        scores = 1 / (1 + np.exp(-logit[found]))
        detections.append(Detections(frame / scene.rate, boxes[found], scores))
    return Sequence(scene.name, truth, detections)


def _inexact(
    rng: np.random.Generator, view: View, drift: Float[np.ndarray, "N 4"]
) -> Float[np.ndarray, "N 4"]:
    """Boxes as a detector places them: the more is hidden, the less exactly."""
    sides = np.tile(view.boxes[:, 2:] - view.boxes[:, :2], 2)
    spread = 0.02 + 0.08 * (1 - view.share_open[:, None])
    return view.boxes + sides * (drift + spread * rng.normal(size=drift.shape))


def _with_errors(
    rng: np.random.Generator,
    logit: Float[np.ndarray, " N"],
    boxes: Float[np.ndarray, "N 4"],
    size: tuple[int, int],
) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, "M 4"]]:
    """With some boxes given twice, and some of nothing, both of lower score."""
    twice = rng.random(len(boxes)) < 0.03
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    doubles = boxes[twice] + 0.12 * sides[twice] * rng.normal(size=(int(twice.sum()), 4))
    num = rng.poisson(0.4)
    centre = rng.uniform((0, 0.4), (1, 0.7), (num, 2)) * size
    half = rng.uniform(10, 40, (num, 1)) * rng.uniform(0.5, 1.0, (num, 2))
    nothing = np.concatenate([centre - half, centre + half], axis=1)
    return (
        np.concatenate([logit, logit[twice] - 3, rng.normal(0.8, 0.8, num)]),
        np.concatenate([boxes, doubles, nothing]),
    )


def _share_open(boxes: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, " N"]:
    """How much of each box no earlier (nearer) one hides, on a grid of points."""
    step = (np.arange(GRID) + 0.5) / GRID
    share_open = np.ones(len(boxes))
    for row in range(1, len(boxes)):
        x1, y1, x2, y2 = boxes[row]
        x, y = np.meshgrid(x1 + step * (x2 - x1), y1 + step * (y2 - y1))
        nearer = boxes[:row, :, None, None]
        hidden = (nearer[:, 0] <= x) & (x < nearer[:, 2])
        hidden &= (nearer[:, 1] <= y) & (y < nearer[:, 3])
        share_open[row] = 1 - hidden.any(axis=0).mean()
    return share_open


def _wander(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    spread: float,
    memory_s: float,
    rate: float,
) -> Float[np.ndarray, "F ..."]:
    """Noise of standard deviation `spread` that changes within `memory_s` (first-order
    autoregression).
    """
    keeps = np.exp(-1 / (rate * memory_s))
    fresh = spread * rng.normal(size=shape)
    out = fresh.copy()
    for frame in range(1, shape[0]):
        out[frame] = keeps * out[frame - 1] + np.sqrt(1 - keeps**2) * fresh[frame]
    return out


def _area(boxes: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, " N"]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
