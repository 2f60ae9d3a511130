"""A click, an object added later, and a correction that sticks: an image with true masks
beside ours.

    python demos/correct_and_add.py [FOLDER]

Writes FOLDER/correct_and_add.png (default: demo/) and prints the mean IoU of object 1 before
and after it was corrected on frame 30.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import vseg
from vseg.results.overlay import draw_overlay
from vseg.synthetic import SceneConfig, SyntheticVideo

SHOWN = (0, 20, 30, 45, 59)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo")
    folder.mkdir(parents=True, exist_ok=True)
    scene = SyntheticVideo(SceneConfig(height=240, width=426, num_frames=60, seed=5))
    masks: dict[int, dict[int, np.ndarray]] = {1: {}, 2: {}}
    tiles: dict[int, np.ndarray] = {}
    with vseg.Session(vseg.load_model("nano"), scene) as session:
        place = scene.first_point(1)
        session.prompt(obj=1, frame=0, points=[(place.x, place.y)])
        for now in session.propagate():
            if now.frame_index == 20:  # another object, while the first is under way
                session.prompt(obj=2, frame=20, mask=scene.truth(20) == 2)
            keep(now, masks)
        before = mean_iou(scene, masks[1])
        session.prompt(obj=1, frame=30, mask=scene.truth(30) == 1)
        for now in session.propagate():  # object 1 again, from frame 30 on; object 2 stays
            keep(now, masks)
        for frame in SHOWN:
            tiles[frame] = image(scene, masks, frame)
    cv2.imwrite(
        str(folder / "correct_and_add.png"), np.vstack(list(tiles.values()))[..., ::-1]
    )
    after = mean_iou(scene, masks[1])
    print(f"object 1, mean IoU: {before:.3f}; corrected on frame 30: {after:.3f}")


def keep(now: vseg.FrameMasks, masks: dict[int, dict[int, np.ndarray]]) -> None:
    for object_id, mask in now.items():
        masks[object_id][now.frame_index] = mask


def mean_iou(scene: SyntheticVideo, masks: dict[int, np.ndarray]) -> float:
    scores = []
    for frame, mask in masks.items():
        truth = scene.truth(frame) == 1
        scores.append((mask & truth).sum() / max(1, (mask | truth).sum()))
    return float(np.mean(scores))


def image(
    scene: SyntheticVideo, masks: dict[int, dict[int, np.ndarray]], frame: int
) -> np.ndarray:
    """Ours on the left, the truth on the right."""
    shown = scene.read(frame)
    ours = {k: by_frame[frame] for k, by_frame in masks.items() if frame in by_frame}
    true = {k: scene.truth(frame) == k for k in ours}
    both = [vseg.FrameMasks.of(shown, masks) for masks in (ours, true)]
    return np.hstack([draw_overlay(shown.image, each, {}) for each in both])


if __name__ == "__main__":
    main()
