"""The part of a frame that a crop shows, and what crosses its edge: pixels, prompts, logits.

Enters and leaves: video pixels on one side, the crop's own pixels and cells on the other.  A
crop is a small frame of its own: what is said of it in its pixels is shifted, never scaled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor

from vseg.tensors import CERTAIN_LOGIT
from vseg.types import Box, Frame, Mask, MaskCrop, Points, Scribble, VisualPrompt

# The mean colour of ImageNet: to a network whose images are normalised by it, it is what its
# convolutions take to be beyond the edge of a frame.
_BEYOND = (124, 116, 104)

Number = int | float
Cells = Float[Tensor, "h4 w4"]


@dataclass(frozen=True, slots=True)
class CropView:
    """A rectangle of a frame in video pixels: left, top, width, height.

    A crop's is a square, and may reach beyond the frame.
    """

    x: int
    y: int
    width: int
    height: int

    @staticmethod
    def around(x: Number, y: Number, side: Number) -> "CropView":
        """The square of whole pixels about a point, at least 16 of them wide."""
        # A smaller one would show an enlarged blur; a round value, not tuned.
        pixels = max(16, round(side))
        return CropView(round(x - pixels / 2), round(y - pixels / 2), pixels, pixels)

    @staticmethod
    def whole(video_hw: tuple[int, int]) -> "CropView":
        """All of a frame."""
        return CropView(0, 0, video_hw[1], video_hw[0])

    def frame(self, frame: Frame) -> Frame:
        """What it shows, as a frame; of one colour beyond the frame's edge."""
        return replace(frame, image=self._cut(frame.image, _BEYOND))

    def prompts(self, prompts: Sequence[VisualPrompt]) -> tuple[VisualPrompt, ...]:
        """The prompts in its own pixels, without the points that it does not show."""
        return tuple(own for p in prompts if (own := self._prompt(p)) is not None)

    def mask(self, logits: Cells, video_hw: tuple[int, int]) -> MaskCrop:
        """The mask at video size, from logits of the view."""
        rows = logits.float().cpu().numpy()
        large = cv2.resize(rows, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        inside = large[
            max(0, -self.y) : max(0, video_hw[0] - self.y),
            max(0, -self.x) : max(0, video_hw[1] - self.x),
        ]
        crop = MaskCrop.of(np.asarray(inside > 0, dtype=bool))
        if not crop.area:
            return crop
        return replace(crop, x=crop.x + max(0, self.x), y=crop.y + max(0, self.y))

    def within(self, logits: Cells, video_hw: tuple[int, int]) -> Cells:
        """The logits with background in cells beyond the frame."""
        height, width = logits.shape
        ys = self.y + (np.arange(height) + 0.5) * self.height / height
        xs = self.x + (np.arange(width) + 0.5) * self.width / width
        beyond = _beyond(ys, video_hw[0])[:, None] | _beyond(xs, video_hw[1])[None]
        if not beyond.any():
            return logits
        return logits.masked_fill(torch.from_numpy(beyond).to(logits.device), -CERTAIN_LOGIT)

    def overlaps(self, other: "CropView") -> bool:
        """Whether they share a pixel."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def holds(self, xy: Float32[np.ndarray, "2"]) -> bool:
        """Whether it shows a point; as of a frame, up to the far edge of its last pixels."""
        x, y = xy - (self.x, self.y)
        return bool(-0.5 <= x < self.width and -0.5 <= y < self.height)

    def _prompt(self, prompt: VisualPrompt) -> VisualPrompt | None:
        if isinstance(prompt, Mask):
            return Mask(self._cut(prompt.mask.view(np.uint8), (0,)).view(bool))
        if isinstance(prompt, Box):
            x1 = prompt.x1 - self.x
            x2 = prompt.x2 - self.x
            return Box(x1, prompt.y1 - self.y, x2, prompt.y2 - self.y)
        shown = np.array([self.holds(xy) for xy in prompt.xy], dtype=bool)
        if not shown.any():
            return None
        xy = prompt.xy[shown] - np.array([self.x, self.y], dtype=np.float32)
        if isinstance(prompt, Scribble):
            return Scribble(xy, prompt.positive)
        return Points(xy, prompt.positive[shown])

    def _cut(self, image: np.ndarray, beyond: Sequence[int]) -> np.ndarray:
        height, width = image.shape[:2]
        top = max(0, self.y)
        left = max(0, self.x)
        bottom = min(height, self.y + self.height)
        right = min(width, self.x + self.width)
        if bottom <= top or right <= left:
            plain = np.empty((self.height, self.width, *image.shape[2:]), dtype=image.dtype)
            plain[...] = beyond if image.ndim == 3 else beyond[0]
            return plain
        edges = (
            top - self.y,
            self.y + self.height - bottom,
            left - self.x,
            self.x + self.width - right,
        )
        shown = np.ascontiguousarray(image[top:bottom, left:right])
        if not any(edges):
            return shown
        return cv2.copyMakeBorder(shown, *edges, cv2.BORDER_CONSTANT, value=tuple(beyond))


def resampled(
    logits: Float[Tensor, "*O h w"], of: CropView, to: CropView, hw: tuple[int, int]
) -> Float[Tensor, "*O h4 w4"]:
    """Logits of one view on the cells of another, of which there are `hw`: interpolated where
    they get smaller, averaged where they get larger; background where `of` shows nothing.
    """
    rows = _weights((of.y, of.height, logits.shape[-2]), (to.y, to.height, hw[0]))
    columns = _weights((of.x, of.width, logits.shape[-1]), (to.x, to.width, hw[1]))
    above = logits.float() + CERTAIN_LOGIT
    vertical = torch.from_numpy(rows).to(logits.device)
    horizontal = torch.from_numpy(columns).to(logits.device)
    return (vertical @ above @ horizontal.T - CERTAIN_LOGIT).to(logits.dtype)


def pasted(
    logits: Cells, view: CropView, video_hw: tuple[int, int], hw: tuple[int, int]
) -> Float[Tensor, "h w"]:
    """Logits of a view on the cells of the whole frame.

    An object may be smaller than any cell: the one that it fills most then keeps its largest
    logit, for no object vanishes by the size of cells.
    """
    cells = resampled(logits, view, CropView.whole(video_hw), hw)
    largest = logits.max()
    if largest > 0 and not (cells > 0).any():
        cells.view(-1)[cells.argmax()] = largest
    return cells


def _weights(
    of: tuple[int, int, int], to: tuple[int, int, int]
) -> Float32[np.ndarray, "to of"]:
    """How much every cell of one axis takes from those of another; the rest to 1 is of cells
    that are not there.  of, to: where they begin, how long they are and how many cells they
    have.
    """
    start, length, count = of
    to_start, to_length, to_count = to
    step = count / length
    centres = to_start + (np.arange(to_count) + 0.5) * to_length / to_count
    places = (centres - start) * step - 0.5
    # A triangle as wide as a cell of the larger kind: bilinear, and averaged when reduced.
    reach = max(1.0, to_length / to_count * step)
    beyond = int(np.ceil(reach)) + 1
    cells = np.arange(-beyond, count + beyond)
    weights = np.clip(1 - np.abs(places[:, None] - cells[None]) / reach, 0, None)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)
    return np.ascontiguousarray(weights[:, beyond:-beyond], dtype=np.float32)


def _beyond(centres: Float64[np.ndarray, " N"], length: int) -> Bool[np.ndarray, " N"]:
    return (centres < 0) | (centres >= length)
