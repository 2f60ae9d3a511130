"""Clicks until the first frame's mask is good: NoC@85 and NoC@90, and IoU after 1, 3, 5 clicks.

    python benchmarks/clicks.py DAVIS --json clicks.json

A click goes to the innermost pixel of the largest wrong region, positive where something
was missed and negative where too much was taken, as in Sofiiuk et al. 2021, "Reviving
Iterative Training with Mask Guidance for Interactive Segmentation", section 4; at most 20.  An
object that never gets there counts with 20 clicks and as failed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from benchmarks.shared import ClipFolders, Table, clips_of, folder_options, model_of, run
from vseg import Session
from vseg.interfaces.model import Model
from vseg.metrics.annotations import LabelFolder
from vseg.ops.masks import mask_iou
from vseg.prompts.simulate import correction
from vseg.types import Points
from vseg.video.images import ImageFolder

MOST_CLICKS = 20
SHOWN_CLICKS = 5
GOALS = (0.85, 0.90)

Segment = Callable[[Points], Bool[np.ndarray, "H W"]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; IoU in percent, failed: objects that never reached the goal."""

    clip: str
    object: int | None
    NoC85: float
    NoC90: float
    failed85: int
    failed90: int
    IoU1: float
    IoU3: float
    IoU5: float


def main() -> None:
    options = folder_options(__doc__)
    clips = clips_of(options.root, options.clips or ())
    model = model_of(options)
    table = Table(Row)
    rows = []
    for clip in clips:
        for object_id, ious in _clip(model, clip):
            rows.append(row_of(clip.name, object_id, ious))
            table.add(rows[-1])
    table.add(mean_row(rows))
    table.write(options.json)


def _clip(model: Model, clip: ClipFolders) -> Iterator[tuple[int, list[float]]]:
    """(object id, IoU click by click) of the objects of the first frame."""
    label = next(iter(LabelFolder.open(clip.truth)))
    with ImageFolder(clip.images) as video, Session(model, video) as session:
        for object_id in label.object_ids:
            yield object_id, click_through(_segment(session, object_id), label.mask(object_id))


def _segment(session: Session, object_id: int) -> Segment:
    """A function from one more click to the mask after it."""
    return lambda click: session.prompt(object_id, 0, [click])[object_id]


def click_through(segment: Segment, truth: Bool[np.ndarray, "H W"]) -> list[float]:
    """The IoU in [0, 1], click by click.

    Ends after 20 clicks; or earlier, once the highest goal is reached and the clicks to be
    shown are done; or when nothing is wrong any more.
    """
    mask = np.zeros_like(truth)
    ious = list[float]()
    while len(ious) < MOST_CLICKS:
        click = correction(truth, mask)
        if click is None:
            break
        mask = segment(click)
        ious.append(mask_iou(mask, truth))
        if len(ious) >= SHOWN_CLICKS and max(ious) >= max(GOALS):
            break
    return ious


def clicks_to(goal: float, ious: Sequence[float]) -> int | None:
    """The number of clicks after which the IoU first was at least `goal`; None if it never
    was.
    """
    return next((k + 1 for k, iou in enumerate(ious) if iou >= goal), None)


def row_of(clip: str, object_id: int, ious: Sequence[float]) -> Row:
    """One object's line; when nothing was wrong any more, the last IoU stands for later
    clicks.
    """
    reached = [clicks_to(goal, ious) for goal in GOALS]
    counts = [float(MOST_CLICKS if clicks is None else clicks) for clicks in reached]
    failed = [int(clicks is None) for clicks in reached]
    one, three, five = (100 * ious[min(k, len(ious)) - 1] for k in (1, 3, 5))
    return Row(clip, object_id, counts[0], counts[1], failed[0], failed[1], one, three, five)


def mean_row(rows: Sequence[Row]) -> Row:
    """The means of all columns, and the sums of failures."""
    return Row(
        *("MEAN", None),
        NoC85=float(np.mean([row.NoC85 for row in rows])),
        NoC90=float(np.mean([row.NoC90 for row in rows])),
        failed85=sum(row.failed85 for row in rows),
        failed90=sum(row.failed90 for row in rows),
        IoU1=float(np.mean([row.IoU1 for row in rows])),
        IoU3=float(np.mean([row.IoU3 for row in rows])),
        IoU5=float(np.mean([row.IoU5 for row in rows])),
    )


if __name__ == "__main__":
    run(main)
