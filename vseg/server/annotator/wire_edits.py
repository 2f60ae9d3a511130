"""Edits as the page sends them -> edits of a run, with what undo calls them."""

from dataclasses import dataclass

from vseg.server.annotator.wire_values import (
    AbsentWire,
    AcceptWire,
    ColourWire,
    DeleteWire,
    MergeWire,
    RenameWire,
    SplitWire,
    WireEdit,
)
from vseg.types.edit_values import (
    AcceptSpan,
    ColourObject,
    DeleteObject,
    Edit,
    MarkAbsent,
    MergeObjects,
    RenameObject,
    SplitObject,
)


@dataclass(frozen=True, slots=True)
class TitledEdit:
    """An edit.  title: what undo calls it; object_id, frame: where the page jumps to.
    objects: all that it is of.
    """

    edit: Edit
    title: str
    object_id: int
    frame: int | None
    objects: tuple[int, ...]


def titled_edit(wire: WireEdit) -> TitledEdit:  # noqa: PLR0911 - one for each kind
    """The edit of a message."""
    match wire:
        case RenameWire():
            return _of_one(RenameObject(wire.object, wire.label), "name")
        case ColourWire():
            return _of_one(ColourObject(wire.object, wire.colour), "colour")
        case DeleteWire():
            return _of_one(DeleteObject(wire.object), "deletion")
        case MergeWire():
            ids = tuple(wire.objects)
            return TitledEdit(MergeObjects(ids), "merge", ids[0], None, ids)
        case SplitWire():
            return _of_one(SplitObject(wire.object, wire.at), "split", wire.at)
        case AbsentWire():
            edit = MarkAbsent(wire.object, wire.first, wire.end)
            return _of_one(edit, "absence", wire.first)
        case AcceptWire():
            edit_accept = AcceptSpan(wire.object, wire.first, wire.end)
            return _of_one(edit_accept, "acceptance", wire.first)


def _of_one(
    edit: RenameObject | ColourObject | DeleteObject | SplitObject | MarkAbsent | AcceptSpan,
    title: str,
    frame: int | None = None,
) -> TitledEdit:
    return TitledEdit(edit, title, edit.object_id, frame, (edit.object_id,))
