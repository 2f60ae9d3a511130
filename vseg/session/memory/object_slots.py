"""What a slot bank holds of one object, and how that is written into a snapshot.

Enters and leaves: slots, pointers and observations by frame index, or tensors by name.  The
keys of a slot are left out of a snapshot: the model computes them from its cells.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.memory_policy import History, Observation
from vseg.interfaces.slot_model import Slot

KeysOf = Callable[[Float[Tensor, "N C"]], Float[Tensor, "L N D"]]
"""The keys that a model makes of a slot's cells."""

_SLOTS = ("prompted", "anchors", "recent")


@dataclass(slots=True)
class ObjectSlots:
    """One object's slots, pointers and observations by frame index, in the order they were
    written.

    anchors: frames that were not prompted but are kept as if they had been.  mask_cells: the
    cells of a recent slot that the object's mask touched, where old slots are approximated.
    """

    prompted: dict[int, Slot] = field(default_factory=dict)
    anchors: dict[int, Slot] = field(default_factory=dict)
    recent: dict[int, Slot] = field(default_factory=dict)
    pointers: dict[int, Float[Tensor, " P"]] = field(default_factory=dict)
    mask_cells: dict[int, Bool[Tensor, "r c"]] = field(default_factory=dict)
    past: dict[int, Observation] = field(default_factory=dict)

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor held, shared ones once."""
        for slot in (*self.prompted.values(), *self.anchors.values(), *self.recent.values()):
            yield from (slot.cells, slot.keys, slot.pointer)
        # The pointer of a recent frame is that of its slot.
        yield from (p for frame, p in self.pointers.items() if frame not in self.recent)
        yield from self.mask_cells.values()

    def clear(self, frame_index: int) -> None:
        """Drop what is held of one frame."""
        for stored in (self.prompted, self.anchors, *self._tracked()):
            stored.pop(frame_index, None)

    def forget(self, after: int, reverse: bool) -> None:
        """Drop what was not prompted beyond frame `after`; `reverse`: before it."""
        for stored in (self.anchors, *self._tracked()):
            for frame in [f for f in stored if (f < after if reverse else f > after)]:
                del stored[frame]

    def _tracked(self) -> tuple[dict[int, Any], ...]:
        """What is stored of frames that were neither prompted nor kept as anchors."""
        return self.recent, self.pointers, self.mask_cells, self.past

    def pack(self, name: str) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
        """Tensors by names that begin with `name`, and the frames that they are of."""
        tensors: dict[str, Tensor] = {}
        for kind in _SLOTS:
            for frame, slot in getattr(self, kind).items():
                tensors[f"{name}/{kind}/{frame}/cells"] = slot.cells
                tensors[f"{name}/{kind}/{frame}/pointer"] = slot.pointer
        tensors |= {f"{name}/pointers/{f}": pointer for f, pointer in self.pointers.items()}
        tensors |= {f"{name}/mask_cells/{f}": cells for f, cells in self.mask_cells.items()}
        tensors[f"{name}/past"] = _packed(self.past)
        kinds = (*_SLOTS, "pointers", "mask_cells", "past")
        frames = {kind: list(getattr(self, kind)) for kind in kinds}
        return {name: tensor.contiguous() for name, tensor in tensors.items()}, frames

    @staticmethod
    def unpack(
        name: str,
        tensors: Mapping[str, Tensor],
        frames: Mapping[str, Sequence[int]],
        keys_of: KeysOf,
    ) -> "ObjectSlots":
        """The object from what `pack` returned."""
        slots: dict[str, dict[int, Slot]] = {kind: {} for kind in _SLOTS}
        for kind, stored in slots.items():
            for frame in frames[kind]:
                # Tokens are merged when a slot is read: all that are stored are whole.
                cells = tensors[f"{name}/{kind}/{frame}/cells"]
                pointer = tensors[f"{name}/{kind}/{frame}/pointer"]
                stored[frame] = Slot(cells, keys_of(cells), pointer)
        observations = _unpacked(tensors[f"{name}/past"])
        return ObjectSlots(
            **slots,
            pointers={f: tensors[f"{name}/pointers/{f}"] for f in frames["pointers"]},
            mask_cells={f: tensors[f"{name}/mask_cells/{f}"] for f in frames["mask_cells"]},
            past=dict(zip(frames["past"], observations, strict=True)),
        )


def _packed(past: History) -> Float[Tensor, "N 7"]:
    """Observations as numbers; float64 holds all of them exactly."""
    rows = [
        (*observation.box, observation.area, observation.quality, observation.anchor)
        for observation in past.values()
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 7)


def _unpacked(rows: Float[Tensor, "N 7"]) -> list[Observation]:
    return [
        Observation(area, (x1, y1, x2, y2), quality, bool(anchor))
        for x1, y1, x2, y2, area, quality, anchor in rows.tolist()
    ]
