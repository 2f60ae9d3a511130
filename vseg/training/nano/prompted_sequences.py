"""Sequences of one step of training, with a first prompt for every object.

Enters: where sequences are drawn from.  Leaves: tensors on the processor.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from vseg.prompts.prompt_maps import draw_prompts
from vseg.training.data.sequences import SequenceOptions, Sequences
from vseg.training.nano.first_prompts import first_prompts


@dataclass(frozen=True, slots=True)
class PromptedSequences:
    """images: B sequences of T images.  Object n of N is in the sequence `owner[n]`.

    maps: its first prompt as a map.
    """

    images: UInt8[Tensor, "B T 3 S S"]
    masks: Bool[Tensor, "N T S S"]
    owner: Int[Tensor, " N"]
    maps: Float[Tensor, "N 3 h4 w4"]


def draw_prompted(
    sequences: Sequences,
    shapes: Sequence[tuple[int, SequenceOptions]],
    p_click: float,
    rng: np.random.Generator,
) -> PromptedSequences:
    """Sequences of one of the shapes, each a number and how they are drawn.  p_click: share of
    objects prompted by a click.
    """
    count, shape = shapes[int(rng.integers(len(shapes)))]
    drawn = [sequences.draw(rng, shape) for _ in range(count)]
    masks = np.concatenate([s.masks for s in drawn])
    side = shape.side
    cells = (side // 4, side // 4)
    maps = [
        draw_prompts(first_prompts(rng, m[0], p_click), (side, side), cells) for m in masks
    ]
    return PromptedSequences(
        torch.from_numpy(np.stack([s.images for s in drawn])).permute(0, 1, 4, 2, 3),
        torch.from_numpy(masks),
        torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(s.masks) for s in drawn])),
        torch.from_numpy(np.stack(maps)),
    )
