"""Detections of a whole clip, a row per detection, checked row by row.

Enters: columns as the reader of a format returns them.  Leaves: the detections of a frame.
Boxes are x1 y1 x2 y2 in pixels of the displayed frame, right and bottom exclusive;
frames count from 0.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
from jaxtyping import Bool, Float64, Int64

from vseg.errors import BadDetections
from vseg.types import Detections, MaskCrop, VideoInfo

NO_ID = -1
"""The id of a detection whose file gives none."""
WRONG_ID = -2
"""The id of a detection whose file gives one that is no positive whole number of 64 bits."""

MOST_ID = 2**31 - 1
"""Object ids are stored in 32 bits."""


@dataclass(frozen=True)
class DetectionTable:
    """All rows of a file, by ascending frame.

    ids: NO_ID where a row has none, WRONG_ID where it cannot be one.  masks: one per row,
    empty where only the box is known, or None.  where(row): how the file's own reader calls
    that row, for messages.  changes: a phrase per kind of change that was made to the rows of
    the file.  unreadable: the rows that are none, as (where, why).  first_frame: the number of
    the first frame in the file.  total: the rows of the file, the unreadable ones with them.
    """

    source: str
    frames: Int64[np.ndarray, " N"]
    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, " N"]
    labels: Int64[np.ndarray, " N"]
    ids: Int64[np.ndarray, " N"]
    where: Callable[[int], str]
    masks: tuple[MaskCrop, ...] | None = None
    changes: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    first_frame: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        if not self.total:
            object.__setattr__(self, "total", len(self.frames) + len(self.unreadable))

    def __len__(self) -> int:
        return len(self.frames)

    def on(self, frame_index: int) -> Detections:
        """The detections of one frame, in the order of the file."""
        first, end = np.searchsorted(self.frames, (frame_index, frame_index + 1))
        rows = slice(int(first), int(end))
        masks = self.masks[rows] if self.masks is not None else None
        return Detections(self.boxes[rows], self.scores[rows], self.labels[rows], masks)

    def ids_on(self, frame_index: int) -> Int64[np.ndarray, " N"]:
        """The ids of the detections of one frame."""
        first, end = np.searchsorted(self.frames, (frame_index, frame_index + 1))
        return self.ids[int(first) : int(end)]

    def take(self, rows: Int64[np.ndarray, " M"]) -> "DetectionTable":
        """These rows in this order; they keep their names."""
        return replace(
            self,
            frames=self.frames[rows],
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            labels=self.labels[rows],
            ids=self.ids[rows],
            where=lambda row: self.where(int(rows[row])),
            masks=None if self.masks is None else tuple(self.masks[row] for row in rows),
        )

    def noted(self, phrase: str, rows: Bool[np.ndarray, " N"]) -> "DetectionTable":
        """The same rows with one more change, if it concerns any of them.

        phrase: with places for how many of the rows of the file and for the name of the first.
        """
        count = int(np.count_nonzero(rows))
        if not count:
            return self
        first = self.where(int(np.argmax(rows)))
        named = first if count == 1 else f"the first is {first}"
        counted = f"{count} of {self.total} rows"
        return replace(self, changes=(*self.changes, phrase.format(counted, named)))

    def check(self, video: VideoInfo) -> None:
        """Raise BadDetections for the first row that is wrong in itself or not of this
        video.
        """
        self._check_frames(video)
        self._check_boxes(video)
        right = (self.scores >= 0) & (self.scores <= 1)
        if not right.all():
            row = int(np.argmin(right))
            self._refuse(
                row,
                f"score {self.scores[row]:g} is outside [0, 1]",
                "scale scores to [0, 1]; for logits that is 1 / (1 + exp(-score))",
            )

    def _check_frames(self, video: VideoInfo) -> None:
        back = np.flatnonzero(np.diff(self.frames) < 0)
        if back.size:
            row = int(back[0]) + 1
            self._refuse(
                row,
                f"frame {self._named(row)} comes after frame {self._named(row - 1)}",
                "sort the rows by frame",
            )
        if len(self) and self.frames[0] < 0:
            first = self.first_frame
            self._refuse(
                0,
                f"frame {self._named(0)} is before the first, {first}",
                f"count frames from {first}",
            )
        end = video.num_frames
        if end is not None and len(self) and self.frames[-1] >= end:
            row = int(np.argmax(self.frames >= end))
            self._refuse(
                row,
                f"frame {self._named(row)} is past the end: {video.source} has frames "
                f"{self.first_frame} to {self.first_frame + end - 1}",
                "is this the file of another clip?",
            )

    def _check_boxes(self, video: VideoInfo) -> None:
        boxes = self.boxes
        self._demand(
            np.isfinite(boxes).all(axis=1),
            "box {} has a value that is not a number",
            "give x, y, width and height as numbers",
        )
        self._demand(
            np.all(boxes[:, 2:] > boxes[:, :2], axis=1),
            "box {} is empty or inverted",
            "right and bottom must be larger than left and top",
        )
        size = (video.width, video.height)
        self._demand(
            np.all((boxes[:, :2] < size) & (boxes[:, 2:] > 0), axis=1),
            f"box {{}} lies outside the {video.width}x{video.height} frame",
            "is this the file of another clip?",
        )

    def _demand(self, right: Bool[np.ndarray, " N"], message: str, hint: str) -> None:
        if not right.all():
            row = int(np.argmin(right))
            numbers = ",".join(f"{side:g}" for side in self.boxes[row])
            self._refuse(row, message.format(numbers), hint)

    def check_ids(self) -> None:
        """Raise BadDetections for the first id that is not a positive whole number, or that
        stands twice on a frame.
        """
        wrong = (self.ids < 1) & (self.ids != NO_ID) | (self.ids > MOST_ID)
        if wrong.any():
            row = int(np.argmax(wrong))
            self._refuse(
                row,
                f"its id is not a whole number from 1 to {MOST_ID}",
                "give such ids, or leave out --keep-ids",
            )
        named = np.flatnonzero(self.ids != NO_ID)
        pairs = np.stack([self.frames[named], self.ids[named]], axis=1)
        _, first, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
        if (counts > 1).any():
            at = int(named[first[int(np.argmax(counts > 1))]])
            same = (self.frames == self.frames[at]) & (self.ids == self.ids[at])
            row = int(np.flatnonzero(same)[1])
            self._refuse(
                row,
                f"id {self.ids[row]} stands on frame {self._named(row)} already, at "
                f"{self.where(at)}",
                "give each object one row on a frame, or leave out --keep-ids",
            )

    def _named(self, row: int) -> int:
        """The frame of a row as the file counts it."""
        return int(self.frames[row]) + self.first_frame

    def _refuse(self, row: int, problem: str, hint: str) -> NoReturn:
        raise BadDetections(f"{self.source}, {self.where(row)}: {problem}", hint=hint)
