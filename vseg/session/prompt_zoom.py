"""Masks of prompted objects decoded a second time, in crops around them: zooming in, as RITM
(Sofiiuk et al. 2021, arXiv:2102.06583) and FocalClick (Chen et al. 2022, arXiv:2204.02574) do.

Enters: an encoded image, prompts, and the masks decoded in the whole of it.  Leaves: the masks
with what the crops show of them in its place, also on the cells of the crops: what is thinner
than a cell of the frame is lost on that one.  A crop has the shape of its object and costs
about as much as the whole image does.  An object that fills the image stays as it is: a crop
would show it no larger.  So does one of which more is known than positive marks: a box alone
says all that a crop could, and a mask or a memory says more than the crop is decoded with
(`docs/prompts.md`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.promptable_model import ObjectPrompts
from vseg.session.crops.view import CropView, Number, resampled
from vseg.session.mask_parts import prompt_evidence, without_stray_parts
from vseg.session.obeyed_marks import with_obeyed_marks
from vseg.types import Box, Frame, Mask, Points, Scribble, VisualPrompt

# Chosen on 43 frames of training clips, the 23 thinnest among them, and 44 objects of held-out
# COCO stills: see docs/prompts.md.
_MARGIN = 0.2
"""Around the mask and its prompts, in longer sides of them; not tuned."""
_LEAST_GAIN = 1.15
"""A crop that enlarges less is not worth its time; a round value, not tuned."""
_MOST_ENLARGED = 2.0
"""Encoded pixels in one of the frame's: more show only a blur.  Of 22 stills, which are of 256
lines, one click has IoU 57.2 without a limit, 59.3 with 3, 60.7 with 2."""
_WHOLE_SHARE = 0.3
"""Of the whole frame's logits in those of a crop, which sees more detail and less around.
With 0 and with 0.3, IoU after 5 clicks is 81.6 and 82.6 on 22 stills, 87.3 and 87.6 on 22 thin
frames."""
_STEPS = 6
"""Steps of a crop's sides in the shorter side of the frame: of few sizes, not tuned."""
_LONGEST = 4
"""The longer side of a crop in shorter ones; a round value, not tuned."""

_PixelBox = tuple[Number, Number, Number, Number]


@dataclass(frozen=True, slots=True)
class _Zoom:
    """What a crop shows, and its shorter side as it is encoded, in pixels."""

    view: CropView
    side: int


@dataclass(frozen=True, slots=True)
class Zoomed:
    """Logits on the cells of the frame, and of what was zoomed in on also on those of its
    crop, which then cover the whole frame; None of the others.
    """

    logits: Float[Tensor, "O h4 w4"]
    fine: tuple[Float[Tensor, "_ _"] | None, ...]


def zoomed(
    model: AffinityModel,
    frame: Frame,
    objects: Sequence[ObjectPrompts],
    logits: Float[Tensor, "O h4 w4"],
) -> Zoomed:
    """The masks of a frame after another decoding of those that a crop enlarges.

    objects: the prompts that the masks were decoded from.
    """
    hw = frame.hw
    refined = logits
    fine: list[Tensor | None] = [None] * len(objects)
    for row, prompts in enumerate(objects):
        zoom = _zoom(_box(prompts, logits[row], hw), hw, logits) if _marked(prompts) else None
        if zoom is not None:
            if refined is logits:
                refined = logits.clone()
            found = _decoded(model, frame, zoom, prompts, logits[row])
            refined[row] = _placed(found, zoom.view, hw, logits[row])
            cells = _cells_of_frame(found, zoom.view, hw)
            fine[row] = resampled(found, zoom.view, CropView.whole(hw), cells)
    return Zoomed(refined, tuple(fine))


def _marked(prompts: ObjectPrompts) -> bool:
    """Whether positive marks say what the object is, and no mask does."""
    if any(isinstance(p, Mask) for p in prompts):
        return False
    points = any(p.positive.any() for p in prompts if isinstance(p, Points))
    return points or any(p.positive for p in prompts if isinstance(p, Scribble))


def _decoded(
    model: AffinityModel,
    frame: Frame,
    zoom: _Zoom,
    prompts: ObjectPrompts,
    mask: Float[Tensor, "h4 w4"],
) -> Float[Tensor, "c4 d4"]:
    """The mask that a crop shows, on its cells.  mask: that of the whole frame."""
    view = zoom.view
    crop = view.frame(frame)
    (features,) = model.encode_crops([crop], zoom.side)
    whole = CropView.whole(frame.hw)
    prior = resampled(mask[None], whole, view, features.map_hw)
    shown = view.prompts(prompts)
    decoded = model.decode_prompts(features, [shown], prior)
    evidence = prompt_evidence(shown, features.video_hw, features.map_hw, prior[0])
    coherent = without_stray_parts(decoded.logits, [evidence])
    obeyed = with_obeyed_marks(coherent, [shown], crop.image)
    return torch.lerp(obeyed, prior, _WHOLE_SHARE)[0]


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


def _zoom(
    box: _PixelBox | None, hw: tuple[int, int], logits: Float[Tensor, "O h4 w4"]
) -> _Zoom | None:
    """The crop of all sizes that enlarges a box most; None where that is too little."""
    if box is None:
        return None
    x1, y1, x2, y2 = _with_margin(box, hw)
    unzoomed = 4 * logits.shape[1] / hw[0]
    most = max(_MOST_ENLARGED, unzoomed)
    height, width, scale = 0, 0, 0.0
    for rows, columns in _sizes(logits):
        fits = min(rows / (y2 - y1), columns / (x2 - x1), most)
        squarer = fits == scale and abs(rows - columns) < abs(height - width)
        if fits > scale or squarer:
            height, width, scale = rows, columns, fits
    if scale < _LEAST_GAIN * unzoomed:
        return None
    top, shown_rows = _span((y1 + y2) / 2, height / scale, hw[0])
    left, shown_columns = _span((x1 + x2) / 2, width / scale, hw[1])
    return _Zoom(CropView(left, top, shown_columns, shown_rows), min(height, width))


def _with_margin(box: _PixelBox, hw: tuple[int, int]) -> _PixelBox:
    x1, y1, x2, y2 = box
    margin = _MARGIN * max(x2 - x1, y2 - y1)
    return (
        max(x1 - margin, 0),
        max(y1 - margin, 0),
        min(x2 + margin, hw[1]),
        min(y2 + margin, hw[0]),
    )


def _sizes(logits: Float[Tensor, "O h4 w4"]) -> Iterator[tuple[int, int]]:
    """Heights and widths in pixels, as encoded, of crops that cost no more than the whole
    frame.
    """
    map_hw = logits.shape[1:]
    step = 16 * max(1, min(map_hw) // (4 * _STEPS))
    pixels = 16 * map_hw.numel()
    for height in range(step, pixels // step + 1, step):
        width = pixels // height // step * step
        if max(height, width) <= _LONGEST * min(height, width):
            yield height, width


def _span(centre: float, length: float, end: int) -> tuple[int, int]:
    """Start and length in whole pixels, within the frame unless it ends too early."""
    start = min(max(centre - length / 2, min(0, end - length)), max(0, end - length))
    return round(start), round(length)


def _placed(
    found: Float[Tensor, "c4 d4"],
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


def _cells_of_frame(
    found: Float[Tensor, "c4 d4"], view: CropView, hw: tuple[int, int]
) -> tuple[int, int]:
    """How many cells of a crop's size cover the frame."""
    return (
        max(1, round(found.shape[0] * hw[0] / view.height)),
        max(1, round(found.shape[1] * hw[1] / view.width)),
    )


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
