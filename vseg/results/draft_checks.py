"""What a draft of a revision holds, and errors for what it does not hold.

Enters: a draft, and an object, a frame or a range that a user named.  Leaves: nothing, or a
typed error with what there is instead.
"""

from vseg.errors import BadPrompt, UnknownObject
from vseg.results.draft import RevisionDraft
from vseg.results.layout import content_root, read_objects
from vseg.results.lives import object_lives
from vseg.types.whole_numbers import check_frame_number, is_whole


def check_object(draft: RevisionDraft, object_id: int, *, prompted: bool = False) -> None:
    """Raise UnknownObject unless the run has the object.

    prompted: whether it is to be prompted, which a new one could be.
    """
    if not is_whole(object_id) or object_id not in draft.content.objects:
        known = ", ".join(map(str, sorted(draft.content.objects))) or "none"
        add = f"; --add {next_object_id(draft)} adds one" if prompted else ""
        raise UnknownObject(
            f"{draft.path} has no object {object_id}", hint=f"its objects: {known}{add}"
        )


def check_frame(draft: RevisionDraft, frame_index: int) -> None:
    """Raise BadPrompt unless the run has the frame."""
    check_frame_number(frame_index)
    shard = draft.header.shard_of(frame_index)
    known = frame_index >= 0 and shard in draft.index
    if not known or frame_index not in draft.index.table(shard)["index"].to_pylist():
        raise BadPrompt(
            f"{draft.path} has no frame {frame_index}", hint=_held(draft.index.extent)
        )


def check_range(draft: RevisionDraft, first: int, end: int) -> None:
    """Raise BadPrompt unless [first, end) holds a frame and lies in the run."""
    check_frame_number(first)
    check_frame_number(end)
    extent = draft.index.extent
    if first >= end:
        raise BadPrompt(
            f"the range {first}:{end} holds no frame", hint="give it as first:last + 1"
        )
    if extent is None or first < extent[0] or end > extent[1] + 1:
        raise BadPrompt(f"the range {first}:{end} leaves {draft.path}", hint=_held(extent))


def next_object_id(draft: RevisionDraft) -> int:
    """An id that no object of any revision has or had."""
    return max((*draft.content.objects, *used_ids(draft)), default=0) + 1


def used_ids(draft: RevisionDraft) -> set[int]:
    """The ids of the objects of all revisions: none is given to another object."""
    numbers = (0, *(known.number for known in draft.header.revisions))
    roots = (content_root(draft.path, draft.header, number) for number in numbers)
    return {stored.id for root in roots for stored in read_objects(root)}


def life_of(draft: RevisionDraft, object_id: int) -> tuple[int, int] | None:
    """The first and the last frame that the object has a row on."""
    lives = object_lives(draft.folder, draft.index.shards, {object_id}, visible=False)
    return lives.get(object_id)


def end_of(draft: RevisionDraft) -> int:
    """The last frame of the run + 1."""
    extent = draft.index.extent
    return 0 if extent is None else extent[1] + 1


def _held(extent: tuple[int, int] | None) -> str:
    return f"it holds frames {extent[0]} to {extent[1]}" if extent else "it holds no frame"
