"""Boxes made masks by a model's own box prompt, all of one frame at once.

Enters: features of a frame and boxes in video pixels.  Leaves: one mask for each box, perhaps
empty.  As a session does with a box: it is looked at twice, the second time with the first
mask as prior.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float64

from vseg.interfaces.affinity_model import AffinityModel
from vseg.tensors import Features
from vseg.types import Box, MaskCrop


@torch.inference_mode()
def box_masks(
    model: AffinityModel, features: Features, boxes: Float64[np.ndarray, "N 4"]
) -> tuple[MaskCrop, ...]:
    """The mask in each box, at video size."""
    if not len(boxes):
        return ()
    prompts = [Box(*box) for box in boxes.tolist()]
    unknown = torch.zeros(features.map_hw, device=model.device, dtype=model.dtype)
    said = torch.stack([model.encode_prompts(features, [box], None) for box in prompts])
    prior = model.warp_prior(features, None, torch.stack([unknown] * len(prompts)))
    first = model.decode(features, said, prior).logits
    said = torch.stack(
        [
            model.encode_prompts(features, [box], seen)
            for box, seen in zip(prompts, first, strict=True)
        ]
    )
    logits = model.decode(features, said, model.warp_prior(features, None, first)).logits
    return _at_video_size(logits.float().cpu().numpy(), features.video_hw)


def _at_video_size(logits: np.ndarray, hw: tuple[int, int]) -> tuple[MaskCrop, ...]:
    big: Sequence[np.ndarray] = [
        cv2.resize(each, hw[::-1], interpolation=cv2.INTER_LINEAR) for each in logits
    ]
    return tuple(MaskCrop.of(np.asarray(each > 0, dtype=bool)) for each in big)
