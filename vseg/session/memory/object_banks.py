"""The memory of all objects of a video: one bank for those tracked in the whole frame, and one
for each small object that is tracked in a crop, whose keys nobody shares.
"""

from collections.abc import Mapping

from torch import Tensor

from vseg.config import MemorySettings
from vseg.interfaces.memory_bank import StoredFrames
from vseg.session.memory.affinity_bank import AffinityBank

_CROP = "crop/"


class ObjectBanks(AffinityBank):
    """The bank of whole frames, with those of crops beside it.  Implements
    `vseg.interfaces.memory_bank.MemoryBank` for both; an object may be in both.
    """

    def __init__(self, budget: MemorySettings) -> None:
        super().__init__(budget)
        self._of_crops: dict[int, AffinityBank] = {}

    def of_crop(self, object_id: int) -> AffinityBank:
        """The memory of an object's crops; empty for an object that never had one."""
        return self._of_crops.setdefault(object_id, AffinityBank(self.budget))

    def knows_crop(self, object_id: int) -> bool:
        """Whether a crop of the object is remembered."""
        bank = self._of_crops.get(object_id)
        return bank is not None and bool(bank.keys)

    def forget(self, object_id: int, *, after: int, reverse: bool = False) -> None:
        """Drop what was tracked (not prompted) beyond frame `after`; `reverse`: before it."""
        super().forget(object_id, after=after, reverse=reverse)
        if object_id in self._of_crops:
            self._of_crops[object_id].forget(object_id, after=after, reverse=reverse)

    def drop(self, object_id: int, frame_index: int) -> None:
        """Drop what is remembered of the object on one frame; all of it, if that was
        everything.
        """
        super().drop(object_id, frame_index)
        if object_id in self._of_crops:
            self._of_crops[object_id].drop(object_id, frame_index)

    def remove(self, object_id: int) -> None:
        """Drop everything remembered of the object."""
        super().remove(object_id)
        self._of_crops.pop(object_id, None)

    def state_bytes(self) -> int:
        """Bytes of all keys and values held; constant once the memory is full."""
        return super().state_bytes() + sum(b.state_bytes() for b in self._of_crops.values())

    def pack(self) -> tuple[dict[str, Tensor], StoredFrames]:
        """Keys and values by name, and by object and kind the frames in order."""
        tensors, frames = super().pack()
        for object_id, bank in self._of_crops.items():
            held, stored = bank.pack()
            tensors |= {f"{_CROP}{object_id}/{name}": value for name, value in held.items()}
            if stored:
                frames[f"{_CROP}{object_id}"] = stored[str(object_id)]
        return tensors, frames

    def unpack(self, tensors: Mapping[str, Tensor], frames: StoredFrames) -> None:
        """Put what `pack` returned in place of the bank's content."""
        whole = {name: kinds for name, kinds in frames.items() if not name.startswith(_CROP)}
        super().unpack(tensors, whole)
        self._of_crops = {}
        for name in (name for name in frames if name not in whole):
            object_id = int(name.removeprefix(_CROP))
            mine = {
                key.removeprefix(f"{name}/"): value
                for key, value in tensors.items()
                if key.startswith(f"{name}/")
            }
            bank = self.of_crop(object_id)
            bank.unpack(mine, {str(object_id): frames[name]})
