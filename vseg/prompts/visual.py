"""Prompts that say where an object is, as models take them.

Enters: such a prompt of the user's, and the size of its frame.  Leaves: the prompt on pixels
of that frame.
"""

import numpy as np

from vseg.prompts.polygon_masks import mask_of
from vseg.types import Box, Mask, Points, Polygon, Scribble, VisualPrompt


def as_visual(
    prompt: Points | Box | Scribble | Mask | Polygon, hw: tuple[int, int]
) -> VisualPrompt:
    """A polygon as the mask of what it encloses; a mark in the last half pixel of the frame,
    whose nearest pixel would lie beyond it, on the last pixel.
    """
    if isinstance(prompt, Polygon):
        return mask_of(prompt, hw)
    if isinstance(prompt, Box | Mask):
        return prompt
    last = np.array([hw[1] - 1, hw[0] - 1], dtype=np.float32)
    if (prompt.xy <= last).all():
        return prompt
    xy = np.minimum(prompt.xy, last)
    if isinstance(prompt, Points):
        return Points(xy, prompt.positive)
    return Scribble(xy, prompt.positive)
