"""DAVIS: a folder of palette PNGs, one per frame; a pixel's value is its object's id.

0 is background.  254 and 255 are void in evaluators' code or notes, so ids end at 253.  A
pixel has room for one object: where masks overlap, the higher score wins, then the lower id.
Format: Pont-Tuset et al., The 2017 DAVIS Challenge, 2017.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from vseg.errors import BadExchange, OutputError
from vseg.exchange.file_rows import located
from vseg.exchange.held_masks import OVERLAP, disjoint, label_image
from vseg.exchange.label_files import labelled, numbered_files, read_labels
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.ops.colours import davis_palette

MAX_OBJECT_ID = 253
_LAST_VALUE = 255
"""Of the 8 bits of a label file; what is between the two is void."""


class DavisFormat(MaskFormat):
    """00000.png and so on, named by frame number."""

    name = "davis"
    suffix = ".png"
    folder = True
    loss = OVERLAP

    def held(self, masks: FrameMasks) -> FrameMasks:
        """One object per pixel."""
        return disjoint(masks)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folder.  Raises OutputError if an object id exceeds 253."""
        too_high = [obj for obj in masks.object_ids if obj > MAX_OBJECT_ID]
        if too_high:
            raise OutputError(
                f"object {too_high[0]} does not fit a DAVIS label file, whose ids end at "
                f"{MAX_OBJECT_ID}",
                hint="export to coco or png, or track with lower ids",
            )
        for frame in masks:
            davis_image(frame).save(path / f"{frame.frame_index:05d}.png")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every object of every file; void pixels are background."""
        for frame, file in numbered_files(path, self.suffix):
            labels = read_labels(file, sink.video)
            with located(str(file)):
                sink.add_frame(frame)
                for value, crop in labelled(labels):
                    if value > _LAST_VALUE:
                        raise BadExchange(
                            f"object {value} is beyond the ids of a DAVIS label file, "
                            f"which end at {MAX_OBJECT_ID}",
                            hint="is it one of MOTS: --format mots-png?",
                        )
                    if value <= MAX_OBJECT_ID:
                        sink.add(frame, value, crop)


def davis_image(frame: FrameMasks) -> Image.Image:
    """The label image of a frame whose ids end at MAX_OBJECT_ID."""
    ids = np.array([0, *frame.object_ids], dtype=np.uint8)
    image = Image.fromarray(ids[label_image(frame)])
    image.putpalette(davis_palette().tobytes())
    return image
