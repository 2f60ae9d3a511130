"""DAVIS: a folder of palette PNGs, one per frame; a pixel's value is its object's id.

0 is background.  254 and 255 are void in evaluators' code or notes, so ids end at 253.  A
pixel has room for one object: where masks overlap, the higher score wins, then the lower id.
Format: Pont-Tuset et al., The 2017 DAVIS Challenge, 2017.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vseg.errors import OutputError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.export_format import Loss, MaskSequence
from vseg.ops.colours import davis_palette

MAX_OBJECT_ID = 253


class DavisFormat:
    """00000.png and so on, named by frame number."""

    name = "davis"
    suffix = ".png"
    folder = True

    def write(self, masks: MaskSequence, path: Path) -> Loss:
        """Write the folder.  Raises OutputError if an object id exceeds 253."""
        too_high = [obj for obj in masks.object_ids if obj > MAX_OBJECT_ID]
        if too_high:
            raise OutputError(
                f"object {too_high[0]} does not fit a DAVIS label file, whose ids end at "
                f"{MAX_OBJECT_ID}",
                hint="export to coco, or track with lower ids",
            )
        palette = davis_palette().tobytes()
        loss = Loss("overlapping masks: the higher score wins, then the lower id")
        for frame in masks:
            labels, lost = flatten(frame)
            loss.add(lost)
            image = Image.fromarray(labels)
            image.putpalette(palette)
            image.save(path / f"{frame.frame_index:05d}.png")
        return loss


def flatten(masks: FrameMasks) -> tuple[UInt8[np.ndarray, "H W"], dict[int, int]]:
    """The label of every pixel, and the number of pixels that objects lost to others."""
    labels = np.zeros((masks.height, masks.width), dtype=np.uint8)
    scores = dict(zip(masks, masks.scores.tolist(), strict=True))
    # The winner is painted last.
    for obj in sorted(masks, key=lambda obj: (scores[obj], -obj)):
        crop = masks.crop(obj)
        x1, y1, x2, y2 = crop.xyxy
        labels[y1:y2, x1:x2][crop.mask] = obj
    kept = np.bincount(labels.ravel(), minlength=256)
    return labels, {obj: masks.area(obj) - int(kept[obj]) for obj in masks}
