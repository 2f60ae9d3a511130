"""Wrong rows of a detections file: skipped or mended one by one, and counted.

Enters: the rows as the reader of a format returns them.  Leaves: the rows that can be used,
and a phrase per kind of change that names the first row in the file's own numbering.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from vseg.errors import BadDetections
from vseg.exchange.detection_table import NO_ID, DetectionTable
from vseg.types import VideoInfo

UNKNOWN_SCORE = -1.0
"""What MOTChallenge files hold where a row has no score."""
MAX_SKIPPED = 0.5
"""A file of which more is wrong is refused: it belongs to another clip or has another scale.
A round value; not tuned."""


def repair(table: DetectionTable, video: VideoInfo) -> DetectionTable:
    """The usable rows by ascending frame, with their notes.

    A box that reaches over the edge of the frame stays as it is: the association predicts
    whole boxes, and prompts are cut to the frame when they are given.
    """
    if table.unreadable:
        where, why = table.unreadable[0]
        count = len(table.unreadable)
        first = f"{where}: {why}" if count == 1 else f"the first is {where}: {why}"
        note = f"{count} of {table.total} rows skipped (not readable; {first})"
        table = replace(table, changes=(*table.changes, note))
    table = _with_scores(_sorted(table))
    keep = np.ones(len(table), dtype=bool)
    for reason, wrong in _reasons(table, video):
        table = table.noted(f"{{}} skipped ({reason}; {{}})", keep & wrong)
        keep &= ~wrong
    return table.take(np.flatnonzero(keep))


def with_ids(table: DetectionTable) -> DetectionTable:
    """The rows that have ids.  Raises BadDetections where none has one, or one is wrong."""
    without = table.ids == NO_ID
    if without.all():
        raise BadDetections(
            f"{table.source}: no row has an id", hint="leave out --keep-ids: ids are made then"
        )
    table.check_ids()
    table = table.noted("{} skipped (no id; {})", without)
    return table.take(np.flatnonzero(~without))


def _sorted(table: DetectionTable) -> DetectionTable:
    late = np.zeros(len(table), dtype=bool)
    late[1:] = np.diff(table.frames) < 0
    if not late.any():
        return table
    table = table.noted("rows sorted by frame ({} out of order; {})", late)
    return table.take(np.argsort(table.frames, kind="stable"))


def _with_scores(table: DetectionTable) -> DetectionTable:
    unknown = table.scores == UNKNOWN_SCORE
    scores = np.where(unknown, 1.0, table.scores)
    note = "{} with the score -1 (unknown) taken as 1 ({})"
    return replace(table, scores=scores).noted(note, unknown)


def _reasons(
    table: DetectionTable, video: VideoInfo
) -> list[tuple[str, Bool[np.ndarray, " N"]]]:
    """Why rows are skipped, and which; a row may be wrong for several reasons."""
    boxes = table.boxes
    end = np.inf if video.num_frames is None else video.num_frames
    size = (video.width, video.height)
    return [
        ("before the first frame", table.frames < 0),
        ("past the last frame", table.frames >= end),
        ("not a number", ~np.isfinite(boxes).all(axis=1) | np.isnan(table.scores)),
        ("zero area", ~np.all(boxes[:, 2:] > boxes[:, :2], axis=1)),
        ("outside the frame", ~np.all((boxes[:, :2] < size) & (boxes[:, 2:] > 0), axis=1)),
        ("score outside 0 to 1", ~((table.scores >= 0) & (table.scores <= 1))),
    ]
