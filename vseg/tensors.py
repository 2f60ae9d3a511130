"""Tensors that cross the engine's stage boundaries: encode -> condition -> decode -> remember.

They live on the model's device and in its dtype.  (h, w) are cells of the model's coarsest
stride, (h4, w4) cells of its mask logits; both cover the whole frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

PRESENT = 0.5
"""An object is visible, and worth remembering, where its presence is above this."""


CERTAIN_LOGIT = 8.0
"""Mask logit of a pixel that is certain: object with a probability of 0.9997; background if
negated.
"""


@dataclass(frozen=True, slots=True)
class Features:
    """One encoded frame, shared by all objects.

    levels: finest first.  key: for reading the memory.  local_key: for matching with the frame
    before.  weights_sha256: of the model that encoded it.  pyramid: the image encoder's own
    maps of strides 8 and 16, for heads trained on them; empty of a model without such heads.
    """

    frame_index: int
    video_hw: tuple[int, int]
    levels: tuple[Float[Tensor, "_ _ _ _"], ...]
    key: Float[Tensor, "K h w"]
    local_key: Float[Tensor, "L h8 w8"]
    weights_sha256: str = ""
    pyramid: tuple[Float[Tensor, "_ _ _ _"], ...] = ()

    @property
    def map_hw(self) -> tuple[int, int]:
        """(h4, w4): the size of mask logits and prompt maps."""
        return int(self.levels[0].shape[-2]), int(self.levels[0].shape[-1])


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """Every mask that the decoder proposed for O objects, of which `Decoded` holds
    one.

    Units are those of `Decoded`; the proposals of an absent object are as empty as its mask.
    """

    logits: Float[Tensor, "O K h4 w4"]
    quality: Float[Tensor, "O K"]
    embedding: Float[Tensor, "O K E"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder says of O objects on one frame, rows in the order they were asked for.

    logits: positive is object.  quality: predicted IoU in [0, 1].  presence: chance in [0, 1]
    that the object is visible.  embedding: unit vector that names the identity.  alternatives:
    what was proposed, the chosen mask among it; None where the model proposed one mask, or
    where the choice is final.  fine: of each object, or left out of all, logits on smaller
    cells that cover the whole frame too; None where there are no finer ones.
    """

    logits: Float[Tensor, "O h4 w4"]
    quality: Float[Tensor, " O"]
    presence: Float[Tensor, " O"]
    embedding: Float[Tensor, "O E"]
    alternatives: Hypotheses | None = None
    fine: tuple[Float[Tensor, "_ _"] | None, ...] = ()

    def picked(self, choice: Int[Tensor, " O"]) -> "Decoded":
        """The same rows with hypothesis `choice[o]` in place of the mask of row o."""
        if self.alternatives is None:
            raise ValueError("there is nothing to pick from: the model proposed one mask")
        of = self.alternatives
        rows = torch.arange(len(choice), device=choice.device)
        return replace(
            self,
            logits=of.logits[rows, choice],
            quality=of.quality[rows, choice],
            embedding=of.embedding[rows, choice],
        )

    def row(self, row: int) -> "Decoded":
        """One row alone."""
        one = slice(row, row + 1)
        of = self.alternatives
        return Decoded(
            self.logits[one],
            self.quality[one],
            self.presence[one],
            self.embedding[one],
            of and Hypotheses(of.logits[one], of.quality[one], of.embedding[one]),
            self.fine[one],
        )

    @staticmethod
    def stack(rows: Sequence["Decoded"]) -> "Decoded":
        """All rows in order; with alternatives where every row has as many."""
        offered = [row.alternatives for row in rows if row.alternatives is not None]
        alike = len(offered) == len(rows) and len({of.quality.shape[1] for of in offered}) == 1
        return Decoded(
            torch.cat([row.logits for row in rows]),
            torch.cat([row.quality for row in rows]),
            torch.cat([row.presence for row in rows]),
            torch.cat([row.embedding for row in rows]),
            Hypotheses(
                torch.cat([of.logits for of in offered]),
                torch.cat([of.quality for of in offered]),
                torch.cat([of.embedding for of in offered]),
            )
            if alike
            else None,
            tuple(f for row in rows for f in row.fine or (None,) * len(row.quality)),
        )


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """What is remembered of one frame: a key for every cell, and by object id a value for
    every cell.

    shares: by object id, the share of every cell that its mask covers; 0 where left out.
    """

    frame_index: int
    key: Float[Tensor, "K h w"]
    values: Mapping[int, Float[Tensor, "V h w"]]
    shares: Mapping[int, Float[Tensor, "h w"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnValues:
    """Cells of a `MemoryPart` where an object's values are not those that its objects share.

    A cell may be named again, with differences of 0.
    """

    cells: Int[Tensor, " n"]
    differences: Float[Tensor, "V n"]


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """The cells of some remembered frames, side by side, and the objects that have values on
    just those.

    values: of each object, or one row that all share, to which what is each one's `own` is
    added.  rows: which of the objects asked for they are.  shares: of every cell that the
    masks of these objects cover.
    """

    key: Float[Tensor, "K M"]
    values: Float[Tensor, "#N V M"]
    rows: tuple[int, ...]
    shares: Float[Tensor, "N M"] | None = None
    own: tuple[OwnValues, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What `objects` objects may read.  A row may be in several parts: it reads all of them
    together.
    """

    objects: int
    parts: tuple[MemoryPart, ...]


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Objects that memory alone cannot tell apart.

    expected: the masks where they are expected on this frame, as `warp_prior` gives them.
    similar: which rows are look-alikes of each other.
    """

    expected: Float[Tensor, "O P h4 w4"]
    similar: Bool[Tensor, "O O"]


def downloaded(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors on the processor, in their own dtype; a GPU is waited for once, however many
    they are.
    """
    here = tuple(tensor.to("cpu", non_blocking=True) for tensor in tensors)
    if any(tensor.is_cuda for tensor in tensors):
        torch.cuda.current_stream(tensors[0].device).synchronize()
    return here
