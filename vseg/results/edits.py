"""Edits without tracking, applied to a draft of the next revision.

Enters: a draft and an edit.  Leaves: the draft with other rows, objects, prompts, events and
spans.  An edit that cannot be made raises and leaves the draft as it was.
"""

import re
from collections.abc import Iterator, Sequence

from vseg.errors import BadPrompt
from vseg.ops.codec import CODEC, encode_mask
from vseg.ops.colours import hex_of
from vseg.ops.label_text import check_label
from vseg.results.draft import RevisionDraft
from vseg.results.draft_checks import (
    check_frame,
    check_object,
    check_range,
    end_of,
    life_of,
    next_object_id,
    used_ids,
)
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.merging import merge_objects
from vseg.results.records import StoredObject
from vseg.results.renumbering import numbered_row, renumber_words, rewrite_rows
from vseg.results.spans import ObjectSpans, SpanState
from vseg.types import LAST_OBJECT_ID, MaskCrop
from vseg.types.edit_values import (
    AcceptSpan,
    AddObject,
    ColourObject,
    DeleteObject,
    Edit,
    MarkAbsent,
    MergeObjects,
    RenameObject,
    SplitObject,
)
from vseg.types.whole_numbers import is_whole

_COLOUR = re.compile("#[0-9a-f]{6}")
_NO_MASK = encode_mask(MaskCrop.empty())


def apply_edit(draft: RevisionDraft, edit: Edit) -> None:
    """Make one edit.

    Raises UnknownObject, and BadPrompt for a frame the run has not, an absence over an anchor,
    a merge of objects that are visible apart, a split that divides nothing.
    """
    match edit:
        case MarkAbsent():
            _mark_absent(draft, edit)
        case AcceptSpan():
            _accept(draft, edit)
        case DeleteObject():
            _delete(draft, edit.object_id)
        case RenameObject() | ColourObject():
            _describe(draft, edit)
        case MergeObjects():
            merge_objects(draft, edit.object_ids)
        case SplitObject():
            _split(draft, edit)
        case AddObject():
            _add(draft, edit)


def absent_row(record: FrameRecord, object_id: int) -> MaskRow:
    """The row of an object that the user says is not in the image."""
    return MaskRow(
        record.index,
        record.pts,
        record.time_s,
        object_id,
        visible=False,
        score=1.0,
        area=0,
        x=0,
        y=0,
        width=0,
        height=0,
        codec=CODEC,
        payload=_NO_MASK,
        source="edit",
    )


def _mark_absent(draft: RevisionDraft, edit: MarkAbsent) -> None:
    check_object(draft, edit.object_id)
    check_range(draft, edit.first, edit.end)
    spans = draft.content.spans[edit.object_id]
    inside = [frame for frame in spans.anchors if edit.first <= frame < edit.end]
    if inside:
        raise BadPrompt(
            f"object {edit.object_id} cannot be absent on frames {edit.first} to "
            f"{edit.end - 1}: it was prompted on frame {inside[0]}",
            hint=_without(edit, inside),
        )
    for span in spans.of_state(SpanState.ACCEPTED):
        if span.first < edit.end and edit.first < span.end:
            raise BadPrompt(
                f"object {edit.object_id} cannot be absent on frames {edit.first} to "
                f"{edit.end - 1}: its masks on {span.first} to {span.end - 1} were accepted",
                hint=f"leave them out, or take it back: vseg revisions {draft.path} --undo",
            )

    def absent(record: FrameRecord) -> Iterator[MaskRow]:
        for row in record.rows:
            own = row.object_id == edit.object_id
            yield absent_row(record, row.object_id) if own else row

    draft.rewrite(edit.first, edit.end, absent)
    marked = spans.marked(edit.first, edit.end, SpanState.ABSENT)
    draft.content.spans[edit.object_id] = marked


def _without(edit: MarkAbsent, anchors: Sequence[int]) -> str:
    """The options that mark the rest of the range, between the anchors."""
    firsts = (edit.first, *(frame + 1 for frame in anchors))
    ends = (*anchors, edit.end)
    rest = [(first, end) for first, end in zip(firsts, ends, strict=True) if first < end]
    if not rest:
        return f"a prompted frame shows the object: --delete {edit.object_id} takes it out"
    options = " ".join(f"--absent {edit.object_id}@{first}:{end}" for first, end in rest)
    return f"leave prompted frames out: {options}"


def _accept(draft: RevisionDraft, edit: AcceptSpan) -> None:
    check_object(draft, edit.object_id)
    check_range(draft, edit.first, edit.end)
    life = life_of(draft, edit.object_id)
    if life is None or life[1] < edit.first or life[0] >= edit.end:
        raise BadPrompt(
            f"object {edit.object_id} has no mask on frames {edit.first} to {edit.end - 1}",
            hint=f"it is on frames {life[0]} to {life[1]}" if life else "prompt it first",
        )
    spans = draft.content.spans[edit.object_id]
    accepted = spans.marked(edit.first, edit.end, SpanState.ACCEPTED)
    draft.content.spans[edit.object_id] = accepted


def _delete(draft: RevisionDraft, object_id: int) -> None:
    check_object(draft, object_id)
    content = draft.content
    rewrite_rows(draft, lambda row: None if row.object_id == object_id else row)
    del content.objects[object_id]
    del content.spans[object_id]
    content.prompts = [p for p in content.prompts if p.object_id != object_id]
    content.events = [e for e in content.events if e.object_id != object_id]


def _describe(draft: RevisionDraft, edit: RenameObject | ColourObject) -> None:
    check_object(draft, edit.object_id)
    if isinstance(edit, RenameObject):
        check_label(edit.label)
        change = {"label": edit.label}
    elif isinstance(edit.colour, str) and _COLOUR.fullmatch(edit.colour):
        change = {"colour": edit.colour}
    else:
        raise BadPrompt(f"{edit.colour!r} is no colour", hint="write it as #ff8a00")
    known = draft.content.objects[edit.object_id]
    draft.content.objects[edit.object_id] = known.model_copy(update=change)


def _split(draft: RevisionDraft, edit: SplitObject) -> None:
    check_object(draft, edit.object_id)
    check_frame(draft, edit.at)
    life = life_of(draft, edit.object_id)
    if life is None or not life[0] < edit.at <= life[1]:
        held = f"frames {life[0]} to {life[1]}" if life else "no frame"
        raise BadPrompt(
            f"a split at frame {edit.at} divides nothing: object {edit.object_id} has {held}",
            hint="split between them",
        )
    fresh = next_object_id(draft) if edit.fresh is None else edit.fresh

    def new_id(object_id: int | None, frame_index: int) -> int | None:
        return fresh if object_id == edit.object_id and frame_index >= edit.at else object_id

    content = draft.content
    own = edit.object_id
    rewrite_rows(
        draft, lambda row: numbered_row(row, fresh) if row.object_id == own else row, edit.at
    )
    renumber_words(content, new_id)
    known = content.objects[edit.object_id]
    changed = {"id": fresh, "colour": hex_of(fresh)}
    content.objects[fresh] = known.model_copy(update=changed)
    spans = content.spans[edit.object_id]
    content.spans[edit.object_id] = spans.within(0, edit.at)
    after = spans.within(edit.at, end_of(draft))
    content.spans[fresh] = after.model_copy(update={"object_id": fresh})


def _add(draft: RevisionDraft, edit: AddObject) -> None:
    if not is_whole(edit.object_id) or not 1 <= edit.object_id <= LAST_OBJECT_ID:
        raise BadPrompt(
            f"{edit.object_id} is no object id", hint=f"ids go from 1 to {LAST_OBJECT_ID}"
        )
    used = set() if edit.again else used_ids(draft)
    if edit.object_id in {*draft.content.objects, *used}:
        raise BadPrompt(
            f"object {edit.object_id} cannot be added: the id is or was another object's",
            hint=f"the next free id is {next_object_id(draft)}",
        )
    if edit.label is not None:
        check_label(edit.label)
    draft.content.objects[edit.object_id] = StoredObject(
        id=edit.object_id,
        label=edit.label,
        colour=hex_of(edit.object_id),
        first_frame=None,
        last_frame=None,
    )
    draft.content.spans[edit.object_id] = ObjectSpans(object_id=edit.object_id, spans=())
