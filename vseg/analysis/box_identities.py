"""True and predicted boxes with ids, from files and runs, ready for the identity measures.

Enters: a MOTChallenge gt.txt, and a tracks.txt or a run directory.  Leaves: an IdentityClip.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from vseg.build import open_run
from vseg.errors import BadDataset
from vseg.exchange.detection_table import DetectionTable
from vseg.exchange.mot import read_mot
from vseg.metrics.identity_clip import IdentifiedBoxes, IdentityClip, box_clip
from vseg.results.layout import is_run


def box_clip_of(truth: Path, pred: Path) -> IdentityClip:
    """The true boxes of a frame beside the predicted ones; of a run, those around its masks.

    True rows marked 0 ("ignore") are left out.  Raises BadDataset naming the
    file and row, BadRun for a damaged run.
    """
    table = _named(truth)
    true_boxes = _by_frame(table, table.scores != 0)
    predicted = _of_run(pred) if is_run(pred) else _of_file(pred)
    true_boxes += [_NOTHING] * (len(predicted) - len(true_boxes))
    predicted += [_NOTHING] * (len(true_boxes) - len(predicted))
    return box_clip(true_boxes, predicted)


_NOTHING = IdentifiedBoxes(np.zeros(0, dtype=np.int64), np.zeros((0, 4)))


def _named(path: Path) -> DetectionTable:
    """The rows of a file in which every box says whose it is."""
    try:
        table = read_mot(path)
    except OSError as error:
        raise BadDataset(
            f"cannot read {path}: {error.strerror}", hint="check the path"
        ) from error
    if table.unreadable:
        where, why = table.unreadable[0]
        raise BadDataset(f"{path}, {where}: {why}", hint="mend the row")
    if len(table) and table.frames.min() < 0:
        row = int(np.argmin(table.frames))
        raise BadDataset(
            f"{path}, {table.where(row)}: frame 0", hint="MOTChallenge counts from 1"
        )
    if (table.ids < 1).any():
        row = int(np.argmax(table.ids < 1))
        raise BadDataset(
            f"{path}, {table.where(row)}: a box without an id",
            hint="identities are scored: give tracks, not detections",
        )
    return table


def _by_frame(table: DetectionTable, counted: Bool[np.ndarray, " N"]) -> list[IdentifiedBoxes]:
    """The counted boxes of each frame up to the last that has one; rows may be in any
    order.
    """
    frames = table.frames[counted]
    ids = table.ids[counted]
    boxes = table.boxes[counted]
    order = np.argsort(frames, kind="stable")
    cuts = np.searchsorted(frames[order], np.arange(1, int(frames.max(initial=-1)) + 1))
    return [IdentifiedBoxes(ids[rows], boxes[rows]) for rows in np.split(order, cuts)]


def _of_file(path: Path) -> list[IdentifiedBoxes]:
    table = _named(path)
    return _by_frame(table, np.ones(len(table), dtype=bool))


def _of_run(path: Path) -> list[IdentifiedBoxes]:
    found: list[IdentifiedBoxes] = []
    for masks in open_run(path):
        found += [_NOTHING] * (masks.frame_index - len(found))
        ids = np.array(masks.object_ids, dtype=int)
        boxes = masks.boxes.astype(float)
        # An empty mask has an empty box.
        has_mask = boxes[:, 2] > boxes[:, 0]
        found.append(IdentifiedBoxes(ids[has_mask], boxes[has_mask]))
    return found
