"""Boxes made masks by a model's own box prompt, all of one image in one batch.

Enters: an encoded image and boxes in video pixels.  Leaves: one mask for each box, perhaps
empty.
"""

import cv2
import numpy as np
from jaxtyping import Float64

from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Box, MaskCrop


def box_masks(
    predictor: ImagePredictor, image: EncodedImage, boxes: Float64[np.ndarray, "N 4"]
) -> tuple[MaskCrop, ...]:
    """The mask in each box, at video size."""
    if not len(boxes):
        return ()
    decoded = predictor.decode(image, [[Box(*box)] for box in boxes.tolist()])
    height, width = image.features.video_hw
    enlarged = [
        cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)
        for logits in decoded.logits.float().cpu().numpy()
    ]
    return tuple(MaskCrop.of(np.asarray(logits > 0, dtype=bool)) for logits in enlarged)
