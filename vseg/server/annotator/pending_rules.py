"""What becomes of pending prompts by what the user does next."""

from collections.abc import Iterable, Iterator

from vseg.ops.label_text import check_label
from vseg.server.annotator.journal import Styled
from vseg.server.annotator.ledger import PendingPrompt
from vseg.types import Box, Mask, Polygon, PromptValue
from vseg.types.edit_values import (
    AddObject,
    ColourObject,
    DeleteObject,
    Edit,
    MarkAbsent,
    RenameObject,
)


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


def style(edit: RenameObject | ColourObject) -> Styled:
    """What an edit says of an object that is not stored yet.  Raises UsageError for what is no
    label.
    """
    if isinstance(edit, ColourObject):
        return Styled(object=edit.object_id, colour=edit.colour)
    check_label(edit.label)
    return Styled(object=edit.object_id, label=edit.label)


def first_edits(styled: Styled) -> Iterator[Edit]:
    """What makes an object of pending prompts one of the run."""
    yield AddObject(styled.object, styled.label, again=True)
    if styled.colour is not None:
        yield ColourObject(styled.object, styled.colour)
