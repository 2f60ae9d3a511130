"""Several objects of a run become one.

Enters: a draft, and the objects.  Leaves: all their rows, prompts, events and spans under the
first id.  Objects that are visible on one frame at different places are two, and refused.
"""

from collections.abc import Sequence
from itertools import combinations

from vseg.errors import BadPrompt
from vseg.ops.masks import crop_overlap
from vseg.results.draft import RevisionDraft
from vseg.results.draft_checks import check_object, life_of
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.masks import unpack_row
from vseg.results.renumbering import numbered_row, renumber_words

SAME = 0.5
"""Two masks are of one object where this share of the smaller one lies in the other: more than
half of it, so a part of an object that was tracked beside the whole is no second object.  Not
tuned."""


def merge_objects(draft: RevisionDraft, ids: Sequence[int]) -> None:
    """Merge the objects into the first of them; on a frame that several are visible on, its
    row is the earliest one's in `ids`.

    Raises UnknownObject, and BadPrompt for fewer than two and for objects that are visible
    apart.
    """
    if len(set(ids)) < 2 or len(set(ids)) < len(ids):
        raise BadPrompt(
            f"{','.join(map(str, ids))} names no two different objects to merge",
            hint="for example --merge 4,7",
        )
    for object_id in ids:
        check_object(draft, object_id)
    _check_apart(draft, ids)
    kept = ids[0]
    gone = set(ids[1:])
    order = {object_id: place for place, object_id in enumerate(ids)}

    def merged(record: FrameRecord) -> list[MaskRow]:
        own = [row for row in record.rows if row.object_id in order]
        others = [row for row in record.rows if row.object_id not in order]
        best = sorted(own, key=lambda row: (not row.visible, order[row.object_id]))
        return [*others, *(numbered_row(row, kept) for row in best[:1])]

    extent = draft.index.extent
    if extent is not None:
        draft.rewrite(extent[0], extent[1] + 1, merged)
    content = draft.content
    renumber_words(content, lambda object_id, _: kept if object_id in gone else object_id)
    for object_id in ids[1:]:
        content.spans[kept] = content.spans[kept].filled_by(content.spans.pop(object_id))
        label = content.objects.pop(object_id).label
        if content.objects[kept].label is None:
            named = content.objects[kept].model_copy(update={"label": label})
            content.objects[kept] = named


def _check_apart(draft: RevisionDraft, ids: Sequence[int]) -> None:
    """Raise BadPrompt, naming the frames, where two of the objects are visible apart."""
    apart: dict[tuple[int, int], tuple[int, int, int]] = {}
    extent = draft.index.extent or (0, -1)
    for record in draft.records(extent[0], extent[1] + 1):
        visible = [row for row in record.rows if row.object_id in ids and row.visible]
        for pair in combinations(visible, 2):
            if _overlap(draft, *pair) < SAME:
                named = (pair[0].object_id, pair[1].object_id)
                count, first, _ = apart.get(named, (0, record.index, record.index))
                apart[named] = count + 1, first, record.index
    if apart:
        (one, other), (count, first, last) = next(iter(apart.items()))
        raise BadPrompt(
            f"objects {one} and {other} are both visible at different places on {count} "
            f"frames, from {first} to {last}",
            hint=_apart_hint(draft, (other, one), first, last),
        )


def _apart_hint(draft: RevisionDraft, pair: tuple[int, int], first: int, last: int) -> str:
    """What to type so that the two are not visible apart: only edits that can be made."""
    ways: list[str] = []
    for object_id in pair:
        anchors = draft.content.spans[object_id].anchors
        if not any(first <= frame <= last for frame in anchors):
            ways.append(f"--absent {object_id}@{first}:{last + 1}")
    for object_id in pair:
        life = life_of(draft, object_id)
        if life is not None and life[0] < first:
            ways.append(f"--split {object_id}@{first}")
    if not ways:
        ways.append(f"--delete {pair[0]}")
    return f"one of them may be wrong there: {', or '.join(ways[:2])} first"


def _overlap(draft: RevisionDraft, one: MaskRow, other: MaskRow) -> float:
    """The share of the smaller mask that lies in the other one."""
    video = draft.header.video
    shared = crop_overlap(
        unpack_row(one, video.height, video.width),
        unpack_row(other, video.height, video.width),
    )
    return shared / max(1, min(one.area, other.area))
