"""nano's word head: features of the image encoder in; words, boxes and their quality in every
cell out.

Enters: encoder features of strides 8 and 16.  Leaves: maps of strides 8, 16 and 32.  One stage
without anchors (FCOS, Tian et al. 2019) on a small feature pyramid (Lin et al. 2017); what
differs: a cell has one probability per word, so that a car is a vehicle too, and the quality
of its box is the predicted IoU, not centerness.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vseg.models.nano.blocks import ConvNorm, Residual
from vseg.models.nano.encoder import WIDTHS

STRIDES = (8, 16, 32)
_WIDTH = 96
_GROUPS = 8
_RARE = -4.6
"""The logit of 1 %: nearly every cell is empty, and training starts from that (RetinaNet)."""


@dataclass(frozen=True, slots=True)
class WordMap:
    """The predictions in every cell of one stride.

    words: logits.  distances: from the cell's centre to the box's left, top, right and bottom,
    in pixels of the image as encoded.  quality: logit of the box's predicted IoU.
    """

    stride: int
    words: Float[Tensor, "B K h w"]
    distances: Float[Tensor, "B 4 h w"]
    quality: Float[Tensor, "B h w"]


class WordsNet(nn.Module):
    """Pyramid and head for `words` words; 0.9 M parameters."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.enter16 = nn.Sequential(
            ConvNorm(WIDTHS[2], _WIDTH, 1), nn.ReLU(), Residual(_WIDTH)
        )
        self.enter32 = nn.Sequential(
            ConvNorm(_WIDTH, _WIDTH, stride=2), nn.ReLU(), Residual(_WIDTH), Residual(_WIDTH)
        )
        self.enter8 = ConvNorm(WIDTHS[1], _WIDTH, 1)
        self.leave16 = ConvNorm(_WIDTH, _WIDTH)
        self.leave8 = ConvNorm(_WIDTH, _WIDTH)
        self.tower = nn.Sequential(_same(), _same())
        self.words = nn.Conv2d(_WIDTH, words, 3, padding=1)
        self.box = nn.Conv2d(_WIDTH, 5, 3, padding=1)
        self.log_scales = nn.Parameter(torch.ones(len(STRIDES)))
        nn.init.constant_(self.words.bias, _RARE)  # type: ignore[arg-type]

    def forward(
        self, f8: Float[Tensor, "B 64 h8 w8"], f16: Float[Tensor, "B 128 h16 w16"]
    ) -> tuple[WordMap, ...]:
        """The predictions of all STRIDES, in their order."""
        p16 = self.enter16(f16)
        p32 = self.enter32(p16)
        p16 = self.leave16(p16 + _resized(p32, p16)).relu()
        p8 = self.leave8(self.enter8(f8) + _resized(p16, f8)).relu()
        return tuple(
            self._predict(level, stride, scale)
            for level, stride, scale in zip(
                (p8, p16, p32), STRIDES, self.log_scales.exp(), strict=True
            )
        )

    def _predict(
        self, level: Float[Tensor, "B C h w"], stride: int, scale: Float[Tensor, ""]
    ) -> WordMap:
        features = self.tower(level)
        box = self.box(features).float()
        distances = F.softplus(box[:, :4]) * (scale.float() * stride)
        return WordMap(stride, self.words(features).float(), distances, box[:, 4])


def cell_boxes(distances: Float[Tensor, "B 4 h w"], stride: int) -> Float[Tensor, "B 4 h w"]:
    """x1 y1 x2 y2 of the box that every cell predicts."""
    h, w = distances.shape[2:]
    y = (torch.arange(h, device=distances.device) + 0.5) * stride
    x = (torch.arange(w, device=distances.device) + 0.5) * stride
    left, top, right, bottom = distances.unbind(1)
    return torch.stack([x - left, y[:, None] - top, x + right, y[:, None] + bottom], dim=1)


def _same() -> nn.Sequential:
    """Shared by all strides, whose statistics differ: normed by groups, not by batch."""
    return nn.Sequential(
        nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, _WIDTH),
        nn.ReLU(),
    )


def _resized(
    coarse: Float[Tensor, "B C h w"], like: Float[Tensor, "B _ h2 w2"]
) -> Float[Tensor, "B C h2 w2"]:
    return F.interpolate(coarse, like.shape[2:], mode="bilinear", align_corners=False)
