"""Wrong rows of a detections file: skipped or mended one by one, and counted.

Enters: the rows as the reader of a format returns them.  Leaves: the rows that can be used,
and a phrase per kind of change that names the first row in the file's own numbering.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

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
    whole boxes, and prompts are cut to the frame when they are given.  Raises BadDetections,
    naming the first wrong row, where more than half would be skipped.
    """
    table = _with_scores(_sorted(table))
    whole = table
    keep = np.ones(len(table), dtype=bool)
    for reason, wrong in _reasons(table, video):
        table = table.noted(f"{{}} skipped ({reason}; {{}})", keep & wrong)
        keep &= ~wrong
    table = _without_repeated_ids(table.take(np.flatnonzero(keep)))
    if len(whole) - len(table) > MAX_SKIPPED * len(whole):
        whole.check(video)
    return table


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


def _without_repeated_ids(table: DetectionTable) -> DetectionTable:
    """The first row of an id on a frame stays."""
    repeated = np.zeros(len(table), dtype=bool)
    named = np.flatnonzero(table.ids != NO_ID)
    pairs = np.stack([table.frames[named], table.ids[named]], axis=1)
    first = np.unique(pairs, axis=0, return_index=True)[1]
    repeated[named] = True
    repeated[named[first]] = False
    return table.noted("{} skipped (id twice on a frame; {})", repeated).take(
        np.flatnonzero(~repeated)
    )
