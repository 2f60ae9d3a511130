"""Single rows of a draft by object and frame, for a reader that goes along the clip.

Enters: an object and a frame.  Leaves: its row and its mask.  Memory holds one shard.
"""

from vseg.results.draft import RevisionDraft
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.masks import unpack_row
from vseg.results.shards import Shard
from vseg.types import MaskCrop


class StoredRows:
    """The rows of a draft as they are now; `forget` what was read when they change."""

    def __init__(self, draft: RevisionDraft) -> None:
        self._draft = draft
        self._latest: tuple[int, Shard] | None = None

    def record(self, frame_index: int) -> FrameRecord | None:
        """A stored frame with its rows; None of one that the run has not."""
        draft = self._draft
        shard = draft.header.shard_of(frame_index)
        if shard not in draft.index:
            return None
        if self._latest is None or self._latest[0] != shard:
            self._latest = None  # free the old one before the next is read
            self._latest = shard, draft.shard(shard)
        stored = self._latest[1]
        return stored.record(frame_index) if frame_index in stored.frame_numbers else None

    def row(self, object_id: int, frame_index: int) -> MaskRow | None:
        """An object's row on a frame; None where it has none."""
        record = self.record(frame_index)
        rows = record.rows if record is not None else ()
        return next((row for row in rows if row.object_id == object_id), None)

    def crop(self, object_id: int, frame_index: int) -> MaskCrop | None:
        """An object's mask, empty where it is not visible; None where it has no row."""
        row = self.row(object_id, frame_index)
        return None if row is None else self.unpack(row)

    def unpack(self, row: MaskRow) -> MaskCrop:
        """The mask of a row."""
        video = self._draft.header.video
        return unpack_row(row, video.height, video.width)

    def forget(self) -> None:
        """Read again what is asked next."""
        self._latest = None
