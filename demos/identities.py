"""Boxes in, masklets out, identities over time: python demos/identities.py [FOLDER]

Three objects move behind a post; a simulated detector boxes them with jitter, misses and a
false detection.  FOLDER (default: identities) gets the clip and det.txt, the run that `vseg
track --detections` writes, the one that `vseg associate` writes from it, and three images:
tracks.png (masks, trails and ids), timeline.png (which object was visible when) and
association.png (before and after linking over the whole clip).
"""

import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from vseg.analysis.associate import associate
from vseg.build import open_run
from vseg.config import DetectionSettings, TrackConfig
from vseg.ops.colours import colour_of
from vseg.pipelines.job import TrackJob
from vseg.pipelines.track import track
from vseg.results import Run
from vseg.results.overlay import draw_overlay
from vseg.results.timeline import draw_timeline, presences
from vseg.synthetic import Occluder, SceneConfig, SyntheticVideo, Trajectory, write_clip
from vseg.types import MaskCrop

FRAMES = 120
SHOWN = (14, 48, 84, 118)
TRAJECTORIES = (
    Trajectory(((0, 0.12, 0.3), (110, 0.9, 0.35))),
    Trajectory(((0, 0.9, 0.72), (110, 0.1, 0.68))),
    Trajectory(((0, 0.3, 0.8), (60, 0.2, 0.55), (119, 0.36, 0.3))),
)


def main(folder: Path) -> None:
    """Write the clip and the boxes, track, link, draw."""
    scene = SyntheticVideo(
        SceneConfig(
            num_frames=FRAMES,
            seed=46,
            num_objects=3,
            size=0.55,
            trajectories=TRAJECTORIES,
            placed_occluders=(Occluder(0.52, 0.2),),
            occluders=0,
            camera_motion=0.0,
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_clip(scene, folder / "scene.mp4")
    (folder / "det.txt").write_text("".join(detections(scene)))
    # Short limits, so that an object hidden by the post comes back under a new id, which the
    # association then links.
    short_limits = DetectionSettings(undetected_s=0.4, absent_s=0.4)
    config = TrackConfig(short_side=256, preview=False, detections=short_limits)
    job = TrackJob(
        str(folder / "scene.mp4"),
        folder / "run",
        (),
        config,
        overwrite=True,
        detections=folder / "det.txt",
    )
    track(job)
    association = associate(folder / "run")
    before = open_run(folder / "run")
    after = open_run(association.out)
    span = (0, FRAMES)
    save(folder / "tracks.png", tracks_image(after, scene))
    save(folder / "timeline.png", draw_timeline("identities", presences(before), span))
    both = [
        draw_timeline("before: as tracked online", presences(before), span),
        draw_timeline("after: vseg associate", presences(after), span),
    ]
    save(folder / "association.png", np.vstack(both))
    print(
        f"{association.before} identities online, {association.after} after association: "
        f"{association.out}"
    )


def detections(scene: SyntheticVideo) -> list[str]:
    """MOTChallenge lines: true boxes with a pixel of jitter, every seventh missing, and one
    false detection.
    """
    rng = np.random.default_rng(0)
    lines = []
    for index in range(len(scene)):
        labels = scene.truth(index)
        boxes = [MaskCrop.of(labels == object_id) for object_id in scene.object_ids]
        for crop in boxes:
            if crop.area > 60 and rng.random() > 1 / 7:
                x, y, w, h = np.array(crop.xywh) + rng.normal(0, 1, 4)
                lines.append(f"{index + 1},-1,{x:.1f},{y:.1f},{w:.1f},{h:.1f},0.9,1\n")
        if 60 <= index < 66:
            lines.append(f"{index + 1},-1,20,15,40,30,0.8,1\n")
    return lines


def tracks_image(run: Run, scene: SyntheticVideo) -> np.ndarray:
    """Four frames with their masks and the trails of the objects so far."""
    tiles = []
    for index in SHOWN:
        image = draw_overlay(scene.read(index).image, run[index], {})
        for tracked in run.objects:
            draw_trail(image, trail(run, tracked.id, index), colour_of(tracked.id))
        tiles.append(image)
    rows = [np.hstack(tiles[:2]), np.hstack(tiles[2:])]
    return np.vstack(rows)


def trail(run: Run, object_id: int, until: int) -> list[tuple[int, int, int]]:
    """(frame, x, y) of the centres of an object's boxes up to a frame."""
    rows = [row for row in run.track(object_id) if row.frame <= until and row.area]
    return [(row.frame, row.x + row.width // 2, row.y + row.height // 2) for row in rows]


def draw_trail(
    image: np.ndarray, points: list[tuple[int, int, int]], colour: tuple[int, int, int]
) -> None:
    """A line through the points; faint dots across gaps."""
    # All dark outlines first, so that none crosses a coloured line.
    for (frame, *start), (later, *end) in pairwise(points):
        if later == frame + 1:
            cv2.line(image, start, end, (0, 0, 0), 4, cv2.LINE_AA)
    for (frame, *start), (later, *end) in pairwise(points):
        if later == frame + 1:
            cv2.line(image, start, end, colour, 2, cv2.LINE_AA)
        else:
            for share in np.linspace(0, 1, 8)[1:-1]:
                at = np.array(start) + share * (np.array(end) - start)
                cv2.circle(image, np.rint(at).astype(int).tolist(), 2, colour, -1, cv2.LINE_AA)


def save(path: Path, image: np.ndarray) -> None:
    cv2.imwrite(str(path), image[..., ::-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("identities"))
