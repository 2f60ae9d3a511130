"""What becomes of pending prompts by what the user does next."""

from collections.abc import Iterable, Iterator

from vseg.server.annotator.ledger import PendingPrompt
from vseg.types import Box, Mask, Polygon, PromptValue
from vseg.types.edit_values import DeleteObject, Edit, MarkAbsent


def replaced(before: Iterable[PendingPrompt], value: PromptValue) -> Iterator[PendingPrompt]:
    """Those of an object on a frame whose place a new prompt takes: a mask is the whole
    answer, and an object has one box.
    """
    for pending in before:
        own = pending.prompt.value
        boxes = isinstance(value, Box) and isinstance(own, Box)
        if isinstance(value, Mask | Polygon) or boxes:
            yield pending


def is_void(pending: PendingPrompt, edit: Edit) -> bool:
    """Whether an edit leaves a prompt of its object without meaning."""
    if isinstance(edit, MarkAbsent):
        return edit.first <= pending.place[1] < edit.end
    return isinstance(edit, DeleteObject)
