"""The memory bank: what of the past is kept.  It stores and evicts; it has no weights.

Enters: MemoryEntry, one per remembered frame.  Leaves: Memory, what a set of objects may read.
Each object has three bounded shelves: its prompted frames (the nearest `prompted` of them),
its most recent frames, and a few older ones spread over the past.  Keys are stored once per
frame and shared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.config import MemorySettings
from vseg.tensors import Memory, MemoryEntry, MemoryPart

Value = Float[Tensor, "V h w"]


@dataclass(slots=True)
class ObjectMemory:
    """One object's remembered values by frame index, each shelf in the order it was filled."""

    prompted: dict[int, Value] = field(default_factory=dict)
    recent: dict[int, Value] = field(default_factory=dict)
    older: dict[int, Value] = field(default_factory=dict)

    def items(self) -> Iterator[tuple[int, Value]]:
        for shelf in (self.prompted, self.older, self.recent):
            yield from shelf.items()

    def frames(self) -> set[int]:
        return {*self.prompted, *self.recent, *self.older}


class MemoryBank:
    """Bounded memory of all objects of one video.  `shelves` and `keys` are read by
    snapshots.
    """

    def __init__(self, budget: MemorySettings) -> None:
        self.budget = budget
        self.keys: dict[int, Float[Tensor, "K h w"]] = {}
        self.shelves: dict[int, ObjectMemory] = {}
        self._assembled: tuple[tuple[int, ...], Memory] | None = None

    def write_prompted(self, entry: MemoryEntry) -> None:
        """Remember a prompted frame; beyond the cap the one farthest from it is dropped."""
        for object_id, value in entry.values.items():
            shelf = self.shelves.setdefault(object_id, ObjectMemory())
            shelf.prompted[entry.frame_index] = value
            shelf.recent.pop(entry.frame_index, None)
            shelf.older.pop(entry.frame_index, None)
            if len(shelf.prompted) > self.budget.prompted:
                farthest = max(shelf.prompted, key=lambda f: (abs(f - entry.frame_index), f))
                del shelf.prompted[farthest]
        self._wrote(entry)

    def write_recent(self, entry: MemoryEntry) -> None:
        """Remember a tracked frame; what leaves the recent shelf may stay among the older
        ones.
        """
        for object_id, value in entry.values.items():
            shelf = self.shelves.setdefault(object_id, ObjectMemory())
            if entry.frame_index in shelf.prompted:
                continue
            shelf.older.pop(entry.frame_index, None)
            shelf.recent.pop(entry.frame_index, None)
            shelf.recent[entry.frame_index] = value
            while len(shelf.recent) > self.budget.recent:
                oldest = next(iter(shelf.recent))
                shelf.older[oldest] = shelf.recent.pop(oldest)
                _thin(shelf.older, self.budget.older)
        self._wrote(entry)

    def due(self, object_id: int, frame_index: int) -> bool:
        """Whether this object's last write lies in another stride than the frame.

        Strides are counted from frame 0, so that objects prompted on different frames are
        written on the same ones and share their keys.
        """
        shelf = self.shelves.get(object_id)
        if shelf is None:
            return True
        latest = [next(reversed(s)) for s in (shelf.prompted, shelf.recent) if s]
        stride = self.budget.stride
        return all(frame_index // stride != frame // stride for frame in latest)

    def read(self, object_ids: Sequence[int]) -> Memory:
        """What these objects may read; each must have been written at least once."""
        asked = tuple(object_ids)
        if self._assembled is None or self._assembled[0] != asked:
            self._assembled = (asked, self._assemble(asked))
        return self._assembled[1]

    def knows(self, object_id: int) -> bool:
        """Whether anything is remembered of the object."""
        return object_id in self.shelves

    def forget(self, object_id: int, *, after: int, reverse: bool = False) -> None:
        """Drop what was tracked (not prompted) beyond frame `after`; `reverse`: before it."""
        shelf = self.shelves.get(object_id)
        if shelf is None:
            return
        for tracked in (shelf.recent, shelf.older):
            for frame in [f for f in tracked if (f < after if reverse else f > after)]:
                del tracked[frame]
        self._changed()

    def drop(self, object_id: int, frame_index: int) -> None:
        """Drop what is remembered of the object on one frame; all of it, if that was
        everything.
        """
        shelf = self.shelves.get(object_id)
        if shelf is None or frame_index not in shelf.frames():
            return
        for one in (shelf.prompted, shelf.recent, shelf.older):
            one.pop(frame_index, None)
        if not shelf.frames():
            del self.shelves[object_id]
        self._changed()

    def remove(self, object_id: int) -> None:
        """Drop everything remembered of the object."""
        self.shelves.pop(object_id, None)
        self._changed()

    def replace(self, keys: Mapping[int, Tensor], shelves: Mapping[int, ObjectMemory]) -> None:
        """Put a snapshot's content in place of the bank's own."""
        self.keys, self.shelves = dict(keys), dict(shelves)
        self._changed()

    def state_bytes(self) -> int:
        """Bytes of all keys and values held."""
        held = [*self.keys.values()]
        held += [value for shelf in self.shelves.values() for _, value in shelf.items()]
        return sum(t.numel() * t.element_size() for t in held)

    def _wrote(self, entry: MemoryEntry) -> None:
        self.keys[entry.frame_index] = entry.key
        self._changed()

    def _changed(self) -> None:
        used = {frame for shelf in self.shelves.values() for frame in shelf.frames()}
        self.keys = {frame: key for frame, key in self.keys.items() if frame in used}
        self._assembled = None

    def _assemble(self, object_ids: tuple[int, ...]) -> Memory:
        """Frames that the same objects have values on are read together, in one product."""
        rows = [dict(self.shelves[object_id].items()) for object_id in object_ids]
        together: dict[tuple[int, ...], list[int]] = {}
        for frame in sorted({frame for row in rows for frame in row}):
            owners = tuple(n for n, row in enumerate(rows) if frame in row)
            together.setdefault(owners, []).append(frame)
        parts = [
            MemoryPart(
                torch.cat([self.keys[f].flatten(1) for f in frames], dim=1),
                torch.stack(
                    [torch.cat([rows[n][f].flatten(1) for f in frames], 1) for n in owners]
                ),
                owners,
            )
            for owners, frames in together.items()
        ]
        return Memory(len(rows), tuple(parts))


def _thin(older: dict[int, Value], limit: int) -> None:
    """Drop the frame whose absence leaves the smallest gap, until `limit` are left; the first
    one stays.
    """
    while len(older) > limit:
        frames = sorted(older)
        if limit < 2 or len(frames) < 3:
            del older[frames[-1] if limit else frames[0]]
            continue
        gaps = {frames[i]: frames[i + 1] - frames[i - 1] for i in range(1, len(frames) - 1)}
        del older[min(gaps, key=lambda f: (gaps[f], f))]
