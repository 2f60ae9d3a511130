"""A click, an object added later, and a correction: an image with true masks beside ours.

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

ADDED_AT = 20
CORRECTED_AT = 30
SHOWN = (0, ADDED_AT, CORRECTED_AT, 45, 59)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo")
    folder.mkdir(parents=True, exist_ok=True)
    scene = SyntheticVideo(SceneConfig(height=240, width=426, num_frames=60, seed=5))
    masks: dict[int, dict[int, np.ndarray]] = {1: {}, 2: {}}
    tiles: dict[int, np.ndarray] = {}
    with vseg.Session(vseg.load_model("nano"), scene) as session:
        click = scene.first_point(1)
        session.prompt(obj=1, frame=0, points=[(click.x, click.y)])
        for frame_masks in session.propagate():
            # Another object may be added while the first is being tracked.
            if frame_masks.frame_index == ADDED_AT:
                session.prompt(obj=2, frame=ADDED_AT, mask=scene.truth(ADDED_AT) == 2)
            keep(frame_masks, masks)
        before = mean_iou(scene, masks[1])
        session.prompt(obj=1, frame=CORRECTED_AT, mask=scene.truth(CORRECTED_AT) == 1)
        # Only object 1 is tracked again, from the corrected frame on.
        for frame_masks in session.propagate():
            keep(frame_masks, masks)
        for frame in SHOWN:
            tiles[frame] = comparison(scene, masks, frame)
    cv2.imwrite(
        str(folder / "correct_and_add.png"), np.vstack(list(tiles.values()))[..., ::-1]
    )
    after = mean_iou(scene, masks[1])
    print(f"object 1, mean IoU: {before:.3f}; corrected on frame {CORRECTED_AT}: {after:.3f}")


def keep(frame_masks: vseg.FrameMasks, masks: dict[int, dict[int, np.ndarray]]) -> None:
    """Store the masks of a frame by object and frame."""
    for object_id, mask in frame_masks.items():
        masks[object_id][frame_masks.frame_index] = mask


def mean_iou(scene: SyntheticVideo, masks: dict[int, np.ndarray]) -> float:
    """The mean IoU of object 1 over the frames it has masks on."""
    scores = []
    for frame, mask in masks.items():
        truth = scene.truth(frame) == 1
        scores.append((mask & truth).sum() / max(1, (mask | truth).sum()))
    return float(np.mean(scores))


def comparison(
    scene: SyntheticVideo, masks: dict[int, dict[int, np.ndarray]], frame: int
) -> np.ndarray:
    """A frame with our masks on the left and the true ones on the right."""
    shown = scene.read(frame)
    ours = {k: by_frame[frame] for k, by_frame in masks.items() if frame in by_frame}
    true = {k: scene.truth(frame) == k for k in ours}
    pair = [vseg.FrameMasks.of(shown, by_object) for by_object in (ours, true)]
    return np.hstack([draw_overlay(shown.image, frame_masks, {}) for frame_masks in pair])


if __name__ == "__main__":
    main()
