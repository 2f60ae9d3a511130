"""The memory bank of models that read it by affinity: what of the past is kept.

Enters: MemoryEntry, one per remembered frame.  Leaves: Memory, what a set of objects may read.
Of an object three bounded kinds of frame are stored: the prompted ones (the nearest
`prompted` of them), the most recent ones, and a few older ones spread over the past.  Keys
depend on the frame alone: they are stored once per frame and shared by its objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.config import MemorySettings
from vseg.interfaces.memory_bank import StoredFrames
from vseg.session.memory.shared_values import shared_values
from vseg.tensors import Memory, MemoryEntry, MemoryPart, OwnValues

Value = Float[Tensor, "V h w"]
# A value, and as last channel the share of the cell that the object's mask covers.
Stored = Float[Tensor, "S h w"]
_KINDS = ("prompted", "recent", "older")


@dataclass(slots=True)
class ObjectMemory:
    """One object's remembered values by frame index, in the order they were written."""

    prompted: dict[int, Stored] = field(default_factory=dict)
    recent: dict[int, Stored] = field(default_factory=dict)
    older: dict[int, Stored] = field(default_factory=dict)

    def items(self) -> Iterator[tuple[int, Stored]]:
        """Frame index and value of all that is stored."""
        for values in (self.prompted, self.older, self.recent):
            yield from values.items()

    def frames(self) -> set[int]:
        """Indices of all frames stored."""
        return {*self.prompted, *self.recent, *self.older}

    def resize(self, frame_index: int, hw: torch.Size) -> None:
        """Scale what is stored of one frame to another number of cells."""
        for values in (self.prompted, self.recent, self.older):
            stored = values.get(frame_index)
            if stored is not None and stored.shape[1:] != hw:
                values[frame_index] = F.interpolate(
                    stored[None], size=hw, mode="bilinear", align_corners=False
                )[0]


class AffinityBank:
    """Bounded memory of all objects of one video.  Implements
    `vseg.interfaces.memory_bank.MemoryBank`.
    """

    def __init__(self, budget: MemorySettings) -> None:
        self.budget = budget
        self.keys: dict[int, Float[Tensor, "K h w"]] = {}
        self.objects: dict[int, ObjectMemory] = {}
        # What the last `read` returned: the same objects read it on every frame of a stride.
        self._assembled: tuple[tuple[int, ...], Memory] | None = None

    def admit(self, object_id: int) -> None:
        """Admit every object: what is stored of one is bounded by itself."""

    def write_prompted(self, entry: MemoryEntry) -> None:
        """Remember a prompted frame; beyond the limit the one farthest from it is dropped."""
        for object_id, value in entry.values.items():
            stored = self.objects.setdefault(object_id, ObjectMemory())
            stored.prompted[entry.frame_index] = _with_share(value, entry, object_id)
            # A frame is stored once; what was tracked there is what the prompt corrected.
            stored.recent.pop(entry.frame_index, None)
            stored.older.pop(entry.frame_index, None)
            # The nearest prompts show the object as it is now.
            if len(stored.prompted) > self.budget.prompted:
                farthest = max(stored.prompted, key=lambda f: (abs(f - entry.frame_index), f))
                del stored.prompted[farthest]
        self._wrote(entry)

    def write_recent(self, entry: MemoryEntry) -> None:
        """Remember a tracked frame; what is no longer recent may stay among the older ones."""
        for object_id, value in entry.values.items():
            stored = self.objects.setdefault(object_id, ObjectMemory())
            if entry.frame_index in stored.prompted:
                continue
            # Popped first, so that a frame passed again becomes the newest.
            stored.older.pop(entry.frame_index, None)
            stored.recent.pop(entry.frame_index, None)
            stored.recent[entry.frame_index] = _with_share(value, entry, object_id)
            while len(stored.recent) > self.budget.recent:
                oldest = next(iter(stored.recent))
                stored.older[oldest] = stored.recent.pop(oldest)
                _thin_out(stored.older, self.budget.older)
        self._wrote(entry)

    def due(self, object_id: int, frame_index: int) -> bool:
        """Whether this object's last write lies in another stride than the frame.

        Strides are counted from frame 0, so that objects prompted on different frames are
        written on the same ones and share their keys.
        """
        stored = self.objects.get(object_id)
        if stored is None:
            return True
        latest = [next(reversed(kind)) for kind in (stored.prompted, stored.recent) if kind]
        stride = self.budget.stride
        return all(frame_index // stride != frame // stride for frame in latest)

    def read(self, object_ids: Sequence[int]) -> Memory:
        """What these objects may read; all must have been written at least once."""
        requested = tuple(object_ids)
        if self._assembled is None or self._assembled[0] != requested:
            self._assembled = (requested, self._assemble(requested))
        return self._assembled[1]

    def knows(self, object_id: int) -> bool:
        """Whether anything is remembered of the object."""
        return object_id in self.objects

    def forget(self, object_id: int, *, after: int, reverse: bool = False) -> None:
        """Drop what was tracked (not prompted) beyond frame `after`, `reverse`: before it; all
        of the object, if that was everything.
        """
        stored = self.objects.get(object_id)
        if stored is None:
            return
        for tracked in (stored.recent, stored.older):
            for frame in [f for f in tracked if (f < after if reverse else f > after)]:
                del tracked[frame]
        if not stored.frames():
            del self.objects[object_id]
        self._changed()

    def drop(self, object_id: int, frame_index: int) -> None:
        """Drop what is remembered of the object on one frame; all of it, if that was
        everything.
        """
        stored = self.objects.get(object_id)
        if stored is None or frame_index not in stored.frames():
            return
        for values in (stored.prompted, stored.recent, stored.older):
            values.pop(frame_index, None)
        if not stored.frames():
            del self.objects[object_id]
        self._changed()

    def remove(self, object_id: int) -> None:
        """Drop everything remembered of the object."""
        self.objects.pop(object_id, None)
        self._changed()

    def state_bytes(self) -> int:
        """Bytes of all keys and values held; constant once the memory is full."""
        held = [*self.keys.values()]
        held += [value for stored in self.objects.values() for _, value in stored.items()]
        return sum(t.numel() * t.element_size() for t in held)

    def pack(self) -> tuple[dict[str, Tensor], StoredFrames]:
        """Keys and values by name, and by object and kind the frames in order."""
        tensors = {f"key/{frame}": key.contiguous() for frame, key in self.keys.items()}
        frames: StoredFrames = {}
        for object_id, stored in self.objects.items():
            frames[str(object_id)] = {kind: list(getattr(stored, kind)) for kind in _KINDS}
            for kind in _KINDS:
                for frame, value in getattr(stored, kind).items():
                    tensors[f"value/{object_id}/{kind}/{frame}"] = value.contiguous()
        return tensors, frames

    def unpack(self, tensors: Mapping[str, Tensor], frames: StoredFrames) -> None:
        """Put what `pack` returned in place of the bank's content."""
        self.objects = {}
        for object_id, kinds in frames.items():
            values = {
                kind: {f: tensors[f"value/{object_id}/{kind}/{f}"] for f in kinds[kind]}
                for kind in _KINDS
            }
            self.objects[int(object_id)] = ObjectMemory(**values)
        self.keys = {
            int(name.removeprefix("key/")): key
            for name, key in tensors.items()
            if name.startswith("key/")
        }
        self._changed()

    def _wrote(self, entry: MemoryEntry) -> None:
        """Take in the key of a frame, to whose size what is remembered there is scaled: a
        model may be resized between two prompts of one frame.
        """
        before = self.keys.get(entry.frame_index)
        if before is not None and before.shape != entry.key.shape:
            for stored in self.objects.values():
                stored.resize(entry.frame_index, entry.key.shape[1:])
        self.keys[entry.frame_index] = entry.key
        self._changed()

    def _changed(self) -> None:
        """Free the keys of frames that nobody remembers any more."""
        used = {frame for stored in self.objects.values() for frame in stored.frames()}
        self.keys = {frame: key for frame, key in self.keys.items() if frame in used}
        self._assembled = None

    def _assemble(self, object_ids: tuple[int, ...]) -> Memory:
        """Frames that the same objects have values on are read together, in one product."""
        rows = [dict(self.objects[object_id].items()) for object_id in object_ids]
        together: dict[tuple[int, ...], list[int]] = {}
        for frame in sorted({frame for row in rows for frame in row}):
            owners = tuple(n for n, row in enumerate(rows) if frame in row)
            together.setdefault(owners, []).append(frame)
        # Objects that were remembered on the same frames form one part, usually all of them:
        # its keys are read once for all.
        parts = []
        for owners, frames in together.items():
            key = torch.cat([self.keys[f].flatten(1) for f in frames], dim=1)
            stored = [[rows[n][f].flatten(1) for f in frames] for n in owners]
            values = torch.stack([torch.cat([s[:-1] for s in each], 1) for each in stored])
            shares = torch.stack([torch.cat([s[-1] for s in each]) for each in stored])
            own: tuple[OwnValues, ...] = ()
            # To find equal values a GPU would be waited for, and it has products to spare.
            if len(owners) > 1 and values.device.type == "cpu":
                values, own = shared_values(values)
            parts.append(MemoryPart(key, values, owners, shares, own))
        return Memory(len(rows), tuple(parts))


def _with_share(value: Value, entry: MemoryEntry, object_id: int) -> Stored:
    """The value with the share of the cell as one more channel."""
    share = entry.shares.get(object_id)
    return torch.cat([value, torch.zeros_like(value[:1]) if share is None else share[None]])


def _thin_out(older: dict[int, Stored], limit: int) -> None:
    """Drop the frame whose absence leaves the smallest gap, until `limit` are left; the first
    one stays.
    """
    while len(older) > limit:
        frames = sorted(older)
        if limit < 2 or len(frames) < 3:
            del older[frames[-1] if limit else frames[0]]
            continue
        # The first and the last frame bound the past; only those between can be spared.
        gaps = {frames[i]: frames[i + 1] - frames[i - 1] for i in range(1, len(frames) - 1)}
        del older[min(gaps, key=lambda f: (gaps[f], f))]
