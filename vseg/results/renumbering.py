"""Other object ids for what a revision says: rows, prompts and events."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from vseg.results.draft import DraftContent, RevisionDraft
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.types import Prompt, TrackEvent

NewId = Callable[[int | None, int], int | None]
"""The id of what an object id stands for on a frame; None stands for no object."""
Words = TypeVar("Words", Prompt, TrackEvent)


def numbered_row(row: MaskRow, object_id: int) -> MaskRow:
    """The same mask under another id; itself if it has it already."""
    return row if row.object_id == object_id else replace(row, object_id=object_id)


def renumber_words(content: DraftContent, new_id: NewId) -> None:
    """Give prompts and events their new ids."""
    content.prompts = [
        _numbered(prompt, new_id(prompt.object_id, prompt.frame_index))
        for prompt in content.prompts
    ]
    content.events = [
        _numbered(event, new_id(event.object_id, event.frame)) for event in content.events
    ]


def rewrite_rows(
    draft: RevisionDraft, change: Callable[[MaskRow], MaskRow | None], first: int = 0
) -> None:
    """Replace every row from a frame on by what `change` makes of it; None drops it."""

    def changed(record: FrameRecord) -> list[MaskRow]:
        rows = [change(row) for row in record.rows]
        return [row for row in rows if row is not None]

    extent = draft.index.extent
    if extent is not None:
        draft.rewrite(first, extent[1] + 1, changed)


def _numbered(words: Words, object_id: int | None) -> Words:
    return words if words.object_id == object_id else replace(words, object_id=object_id)
