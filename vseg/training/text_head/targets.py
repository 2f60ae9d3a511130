"""What the word head should answer for every cell of a crop, and how far off it is.

Enters: crops, and the head's maps of them.  Leaves: one loss of three parts.  Cells near a
box's centre answer for it (FCOS, Tian et al. 2019), the smaller box first; focal loss (Lin et
al. 2017) over every known pair of cell and word, GIoU (Rezatofighi et al. 2019) and predicted
IoU over the answering cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from vseg.models.nano.text_head.network import STRIDES, WordMap, cell_boxes
from vseg.training.text_head.crops import Crop

# Which stride a box belongs to, by the square root of its area in pixels; both ends overlap.
_SIZES = ((0.0, 56.0), (40.0, 128.0), (96.0, 1e9))
_RADIUS = 1.5  # in cells, as in FCOS
# Focal loss: gamma as in its paper, alpha a little above its 0.25; not tuned.
_ALPHA = 0.3
_GAMMA = 2.0
# Weights beside that of the words; round values, not tuned.
_BOX_WEIGHT = 1.5
_QUALITY_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class CellTargets:
    """Of all cells of one stride in a batch.

    words: what is there.  known: where that counts.  boxes: x1 y1 x2 y2, where `answers`.
    """

    words: Float[Tensor, "B K h w"]
    known: Bool[Tensor, "B K h w"]
    boxes: Float[Tensor, "B 4 h w"]
    answers: Bool[Tensor, "B h w"]


def targets_of(crops: Sequence[Crop], any_word: int) -> tuple[CellTargets, ...]:
    """The targets of a batch of equally large crops, stride by stride.

    any_word: the index of the word for any object, the only one that is known of unnamed ones.
    """
    return tuple(
        _stacked([_cells(crop, stride, sizes, any_word) for crop in crops])
        for stride, sizes in zip(STRIDES, _SIZES, strict=True)
    )


def _stacked(cells: list[tuple[np.ndarray, ...]]) -> CellTargets:
    words, known, boxes, answers = (
        torch.from_numpy(np.stack(maps)) for maps in zip(*cells, strict=True)
    )
    return CellTargets(words, known, boxes, answers)


def _cells(
    crop: Crop, stride: int, sizes: tuple[float, float], any_word: int
) -> tuple[np.ndarray, ...]:
    cells = crop.image.shape[0] // stride
    owner = _owners(crop.boxes, cells, stride, sizes)
    answers = owner >= 0
    words = np.zeros((crop.words.shape[1], cells, cells), np.float32)
    boxes = np.zeros((4, cells, cells), np.float32)
    words[:, answers] = crop.words[owner[answers]].T
    boxes[:, answers] = crop.boxes[owner[answers]].T
    return words, _known(crop, owner, stride, any_word), boxes, answers


def _owners(
    boxes: Float32[np.ndarray, "N 4"], cells: int, stride: int, sizes: tuple[float, float]
) -> Int64[np.ndarray, "h w"]:
    """The box that a cell answers for, -1 for none."""
    owner = np.full((cells, cells), -1, np.int64)
    middle = (np.arange(cells) + 0.5) * stride
    sides = boxes[:, 2:] - boxes[:, :2]
    size = np.sqrt(sides.prod(axis=1))
    # Smaller boxes over larger ones: a cell shared by both is most of the smaller one.
    for k in np.argsort(-size, kind="stable").tolist():
        if not sizes[0] <= size[k] < sizes[1]:
            continue
        centre = (boxes[k, :2] + boxes[k, 2:]) / 2
        # At least the cell that holds the centre, however thin the box.
        reach = np.minimum(_RADIUS * stride, np.maximum(sides[k] / 2, stride / 2))
        in_x = abs(middle - centre[0]) <= reach[0]
        in_y = abs(middle - centre[1]) <= reach[1]
        owner[in_y[:, None] & in_x[None]] = k
    return owner


def _known(
    crop: Crop, owner: Int64[np.ndarray, "h w"], stride: int, any_word: int
) -> Bool[np.ndarray, "K h w"]:
    cells = len(owner)
    count = crop.words.shape[1]
    answers = owner >= 0
    named = np.zeros((cells, cells), bool)
    inside = np.zeros((cells, cells), bool)
    for box, has_name in zip(crop.boxes, crop.named, strict=True):
        x1, y1, x2, y2 = np.rint(box / stride).astype(int)
        inside[y1:y2, x1:x2] = True
        named[y1:y2, x1:x2] |= has_name
    named[answers] = crop.named[owner[answers]]
    middle = np.arange(cells) * stride + stride // 2
    known_cells = ~crop.unknown[np.ix_(middle, middle)]
    if crop.exhaustive:
        return np.broadcast_to(known_cells | answers, (count, cells, cells)).copy()
    # Of what has no name only its middle is known: the mask may hold several objects.
    known = np.broadcast_to(
        (named & inside & known_cells) | (named & answers), (count, cells, cells)
    )
    known = known.copy()
    known[any_word] |= answers
    return known


def text_head_loss(
    maps: Sequence[WordMap], targets: Sequence[CellTargets]
) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
    """The loss, over the number of answering cells, and its parts: words, boxes, quality."""
    answering = max(1, sum(int(t.answers.sum()) for t in targets))
    totals = [torch.stack(_level_loss(*pair)) for pair in zip(maps, targets, strict=True)]
    words, box, quality = (torch.stack(totals).sum(dim=0) / answering).unbind()
    parts = {"words": words, "box": box, "quality": quality}
    loss = words + _BOX_WEIGHT * box + _QUALITY_WEIGHT * quality
    return loss, {name: part.detach() for name, part in parts.items()}


def _level_loss(answers: WordMap, true: CellTargets) -> tuple[Tensor, Tensor, Tensor]:
    """The summed losses of one stride: words, boxes, quality."""
    words = (_focal(answers.words, true.words) * true.known).sum()
    here = true.answers
    boxes = cell_boxes(answers.distances, answers.stride).permute(0, 2, 3, 1)[here]
    iou, giou = _overlaps(boxes, true.boxes.permute(0, 2, 3, 1)[here])
    quality = F.binary_cross_entropy_with_logits(
        answers.quality[here], iou.detach(), reduction="sum"
    )
    return words, (1 - giou).sum(), quality


def _focal(logits: Float[Tensor, "*shape"], true: Float[Tensor, "*shape"]) -> Tensor:
    chance = logits.sigmoid()
    # 1 - p_t and alpha_t of the paper's equation 5.
    wrong = chance * (1 - true) + (1 - chance) * true
    weight = _ALPHA * true + (1 - _ALPHA) * (1 - true)
    plain = F.binary_cross_entropy_with_logits(logits, true, reduction="none")
    return weight * wrong**_GAMMA * plain


def _overlaps(a: Float[Tensor, "N 4"], b: Float[Tensor, "N 4"]) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU, pair by pair."""
    shared = _area(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    around = _area(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:]))
    union = (_area(a[:, :2], a[:, 2:]) + _area(b[:, :2], b[:, 2:]) - shared).clamp_min(1e-6)
    iou = shared / union
    return iou, iou - (around - union) / around.clamp_min(1e-6)


def _area(low: Float[Tensor, "N 2"], high: Float[Tensor, "N 2"]) -> Float[Tensor, " N"]:
    return (high - low).clamp_min(0).prod(dim=1)
