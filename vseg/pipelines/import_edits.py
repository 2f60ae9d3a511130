"""Masks of another program as corrections of a run.

Enters: a file that was compared with a run.  Leaves: edits of the run: a changed mask is an
anchor, from which only the frames around it are tracked again; a mask that is gone is absence;
masks under another number stay the object they were.
"""

from vseg.exchange.compare import ChangeKind, MaskChange
from vseg.exchange.formats import format_named
from vseg.pipelines.import_masks import ImportedMasks, stretches
from vseg.pipelines.run_edit import RunEdit
from vseg.results.run import Run
from vseg.types import Box, Mask, PromptValue


def apply_import(edit: RunEdit, imported: ImportedMasks, run: Run) -> None:
    """Make the changes edits; `edit.propagate` then tracks the frames around them.

    An object that is nowhere any more is deleted, one that is new is added.  Raises
    UnknownObject for one that a later revision than the exported has not any more.
    """
    comparison = imported.comparison
    for obj, label in comparison.labels.items():
        edit.rename(obj, label)
    _hand_over(edit, imported, run)
    gone = _gone(imported)
    for obj in comparison.objects():
        if obj in gone:
            edit.delete(obj)
            continue
        if obj not in run.object_ids:
            edit.add(imported.masks.labels.get(obj), obj=obj)
        for first, end in stretches(comparison.of(obj, ChangeKind.DELETED)):
            edit.absent(obj, first, end)
        for kind in (ChangeKind.MOVED, ChangeKind.ADDED):
            for frame in comparison.of(obj, kind):
                edit.prompt(obj, frame, [_prompt(imported, obj, frame)])


def _hand_over(edit: RunEdit, imported: ImportedMasks, run: Run) -> None:
    """Give masks to the objects that they are of in the file.

    All masks of an object, or all from a frame on, need no tracking: a merge or a split does
    it.  Others are masks that are gone there and new here.
    """
    comparison = imported.comparison
    lives = {stored.id: stored for stored in run.objects}
    for (before, after), frames in comparison.handed_over.items():
        last = lives[before].last_frame
        rest = imported.masks.last_frame(before)
        to_the_end = last == frames[-1] and (rest is None or rest < frames[0])
        if rest is None and after in run.object_ids:
            edit.merge(after, before)
        elif to_the_end and after not in run.object_ids:
            fresh = edit.split(before, frames[0])
            label = imported.masks.labels.get(after)
            if label is not None:
                edit.rename(fresh, label)
        else:
            for frame in frames:
                comparison.changes += [
                    MaskChange(frame, before, ChangeKind.DELETED, 0.0),
                    MaskChange(frame, after, ChangeKind.ADDED, 0.0),
                ]


def _prompt(imported: ImportedMasks, obj: int, frame: int) -> PromptValue:
    """The new mask; only its box where the format has no more."""
    crop = imported.masks.crop(frame, obj)
    if format_named(imported.format_name).boxes_only:
        x1, y1, x2, y2 = map(float, crop.xyxy)
        return Box(x1, y1, x2, y2)
    video = imported.masks.video
    return Mask(crop.paste(video.height, video.width))


def _gone(imported: ImportedMasks) -> set[int]:
    """The objects of which the file has no mask on any frame, although the run has some."""
    changes = imported.comparison.changes
    deleted = {change.object_id for change in changes if change.kind is ChangeKind.DELETED}
    return {obj for obj in deleted if imported.masks.last_frame(obj) is None}
