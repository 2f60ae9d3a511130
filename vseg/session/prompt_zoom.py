"""Masks of prompted objects decoded a second time, in crops around them: zooming in, as RITM
(Sofiiuk et al. 2021, arXiv:2102.06583) and FocalClick (Chen et al. 2022, arXiv:2204.02574) do.

Enters: an encoded image, prompts, and the masks decoded in the whole of it.  Leaves: the masks
with what the crops show of them in its place.  An object that fills the image stays as it is:
a crop would show it no larger.  So does one of which more is known than positive marks: a box
alone says all that a crop could, and a mask or a memory says more than the crop is decoded
with (`docs/prompts.md`).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.promptable_model import ObjectPrompts
from vseg.session.crops.view import CropView, Number, resampled
from vseg.session.mask_parts import prompt_evidence, without_stray_parts
from vseg.session.obeyed_marks import with_obeyed_marks
from vseg.tensors import Features
from vseg.types import Box, Frame, Mask, Points, Scribble, VisualPrompt

_AROUND = 1.4
"""Side of a crop in longer sides of the mask and its prompts.  With 1.2, 1.4, 1.7
and 2 it takes 10.8, 11.1, 10.7 and 11.0 clicks until IoU 85 on 52 stills, 4.4, 4.3, 4.4 and
5.0 on 26 frames of clips."""
_LEAST_GAIN = 1.15
"""A crop that enlarges less is not worth its time; a round value, not tuned."""
_MOST_GAIN = 4.0
"""Enlarged more, a frame shows its pixels as blocks; a round value, not tuned."""

_PixelBox = tuple[Number, Number, Number, Number]


def zoomed(
    model: AffinityModel,
    frame: Frame,
    objects: Sequence[ObjectPrompts],
    logits: Float[Tensor, "O h4 w4"],
) -> Float[Tensor, "O h4 w4"]:
    """The masks of a frame after another decoding of those that a crop enlarges.

    objects: the prompts that the masks were decoded from.  The crops are encoded in one batch.
    """
    hw = (frame.image.shape[0], frame.image.shape[1])
    views = {
        row: view
        for row, prompts in enumerate(objects)
        if _marked(prompts) and (view := _view(_box(prompts, logits[row], hw), hw)) is not None
    }
    if not views:
        return logits
    side = 4 * min(logits.shape[1:])  # a cell is 4 pixels wide at the size the model works at
    frames = [view.frame(frame) for view in views.values()]
    refined = logits.clone()
    encoded = model.encode_crops(frames, side)
    for (row, view), crop, features in zip(views.items(), frames, encoded, strict=True):
        prior = resampled(logits[row][None], CropView.whole(hw), view, features.map_hw)
        shown = view.prompts(objects[row])
        found = _decoded(model, (crop, features), shown, prior)
        refined[row] = _placed(found, view, hw, logits[row])
    return refined


def _marked(prompts: ObjectPrompts) -> bool:
    """Whether positive marks say what the object is, and no mask does."""
    if any(isinstance(p, Mask) for p in prompts):
        return False
    points = any(p.positive.any() for p in prompts if isinstance(p, Points))
    return points or any(p.positive for p in prompts if isinstance(p, Scribble))


def _decoded(
    model: AffinityModel,
    crop: tuple[Frame, Features],
    prompts: ObjectPrompts,
    prior: Float[Tensor, "1 c4 c4"],
) -> Float[Tensor, "c4 c4"]:
    """The mask that a crop shows."""
    frame, features = crop
    decoded = model.decode_prompts(features, [prompts], prior)
    evidence = prompt_evidence(prompts, features.video_hw, features.map_hw, prior[0])
    coherent = without_stray_parts(decoded.logits, [evidence])
    return with_obeyed_marks(coherent, [prompts], frame.image)[0]


def _box(
    prompts: ObjectPrompts, mask: Float[Tensor, "h4 w4"], hw: tuple[int, int]
) -> _PixelBox | None:
    """Around a mask and its prompts, within the frame; None without a mask."""
    cells = mask > 0
    if not cells.any():
        return None
    height, width = hw
    y1, y2 = _ends(cells.any(dim=1), height / cells.shape[0])
    x1, x2 = _ends(cells.any(dim=0), width / cells.shape[1])
    for prompt in prompts:
        left, top, right, bottom = _extent(prompt)
        x1 = min(x1, left)
        y1 = min(y1, top)
        x2 = max(x2, right)
        y2 = max(y2, bottom)
    return max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)


def _view(box: _PixelBox | None, hw: tuple[int, int]) -> CropView | None:
    """The square around a box, inside the frame; None where it would enlarge too little."""
    if box is None:
        return None
    x1, y1, x2, y2 = box
    height, width = hw
    short = min(hw)
    side = max(_AROUND * max(x2 - x1, y2 - y1), short / _MOST_GAIN)
    if side * _LEAST_GAIN > short:
        return None
    left = min(max((x1 + x2 - side) / 2, 0), width - side)
    top = min(max((y1 + y2 - side) / 2, 0), height - side)
    return CropView(round(left), round(top), round(side), round(side))


def _placed(
    found: Float[Tensor, "c4 c4"],
    view: CropView,
    hw: tuple[int, int],
    mask: Float[Tensor, "h4 w4"],
) -> Float[Tensor, "h4 w4"]:
    """The mask of the whole frame with that of a crop in the cells whose centres it shows."""
    cells = (int(mask.shape[0]), int(mask.shape[1]))
    logits = resampled(found, view, CropView.whole(hw), cells)
    rows = _shown(cells[0], hw[0], view.y, view.height)
    columns = _shown(cells[1], hw[1], view.x, view.width)
    shown = (rows[:, None] & columns[None]).to(mask.device)
    return torch.where(shown, logits, mask)


def _shown(cells: int, pixels: int, start: int, length: int) -> Bool[Tensor, " N"]:
    centres = (torch.arange(cells) + 0.5) * pixels / cells
    return (centres > start) & (centres < start + length)


def _ends(occupied: Bool[Tensor, " N"], pixels: float) -> tuple[float, float]:
    """Where occupied cells, each of so many pixels, begin and end."""
    places = occupied.nonzero()
    return float(places[0]) * pixels, (float(places[-1]) + 1) * pixels


def _extent(prompt: VisualPrompt) -> _PixelBox:
    assert not isinstance(prompt, Mask), "not zoomed in on"
    if isinstance(prompt, Box):
        return prompt.x1, prompt.y1, prompt.x2, prompt.y2
    x1, y1 = prompt.xy.min(axis=0).tolist()
    x2, y2 = (prompt.xy.max(axis=0) + 1).tolist()
    return x1, y1, x2, y2
