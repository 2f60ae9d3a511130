"""Render a scene with exact masks and write it as a video.

    python demos/synthetic_scene.py [FOLDER]

Three look-alikes cross, occlude one another and leave the frame.  FOLDER (default: scene) gets
scene.mp4, truth/00000.png ... (palette PNGs, pixel value = object id) and truth.png, an image
of some frames above their true masks.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vseg.ops.colours import colour_of
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip, write_truth


def truth_image(scene: SyntheticVideo, shown: int = 5) -> Image.Image:
    """`shown` frames in a row, above the same frames with their true masks."""
    columns = []
    for index in np.linspace(0, len(scene) - 1, shown).astype(int):
        drawn = scene.draw(int(index))
        tinted = drawn.frame.image // 3
        for object_id in scene.object_ids:
            mask = drawn.labels == object_id
            tinted[mask] += (np.array(colour_of(object_id)) * 2 // 3).astype(np.uint8)
        columns.append(np.concatenate([drawn.frame.image, tinted]))
    return Image.fromarray(np.concatenate(columns, axis=1))


def main(folder: Path) -> None:
    """Write the scene's video, its label maps and an image of both."""
    scene = SyntheticVideo(
        SceneConfig(num_frames=60, seed=9, look_alikes=True, leave_and_return=True, speed=1.8)
    )
    write_clip(scene, folder / "scene.mp4")
    write_truth(scene, folder / "truth")
    truth_image(scene).save(folder / "truth.png")
    for object_id in scene.object_ids:
        point = scene.first_point(object_id)
        print(f"object {object_id}: click at {point.x},{point.y} on frame {point.frame_index}")
    print(f"wrote {folder}/scene.mp4, {folder}/truth/ and {folder}/truth.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("scene"))
