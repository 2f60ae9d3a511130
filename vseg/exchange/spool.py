"""Masks of a clip in any order in, frame by frame or object by object out.

Enters: masks by frame and object, as the reader of a format finds them.  Leaves: a
MaskSequence, and the frames of one object.  They lie packed in a temporary file that no other
process sees, so memory does not grow with the clip.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from vseg.errors import BadExchange
from vseg.frame_masks import FrameMasks, MaskSource
from vseg.interfaces.closing import Closing
from vseg.interfaces.mask_format import MaskSequence
from vseg.ops.codec import decode_mask, encode_mask
from vseg.types import LAST_OBJECT_ID, UNKNOWN_FPS, MaskCrop, VideoInfo

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE frames (frame INTEGER PRIMARY KEY);
CREATE TABLE masks (
    frame INTEGER, object INTEGER, score REAL,
    x INTEGER, y INTEGER, w INTEGER, h INTEGER, payload BLOB,
    PRIMARY KEY (frame, object)
) WITHOUT ROWID;
CREATE INDEX masks_of_objects ON masks (object, frame);
CREATE TABLE unnamed (
    frame INTEGER, object INTEGER, score REAL,
    x INTEGER, y INTEGER, w INTEGER, h INTEGER, payload BLOB,
    PRIMARY KEY (frame, object)
) WITHOUT ROWID;
"""
_BY_FRAME = """
SELECT frames.frame, object, score, x, y, w, h, payload FROM frames
LEFT JOIN masks ON masks.frame = frames.frame ORDER BY frames.frame, object
"""
_BY_OBJECT = "SELECT * FROM masks WHERE object = ? ORDER BY frame"
_ONE = "SELECT * FROM masks WHERE frame = ? AND object = ?"
_LAST = "SELECT MAX(frame) FROM masks WHERE object = ? AND w > 0"
_MEAN = "SELECT AVG(score) FROM masks WHERE object = ? AND w > 0"
# The ids of unnamed masks fall as they come.
_UNNAMED = "SELECT * FROM unnamed WHERE frame = ? ORDER BY object DESC"
_AWAY = 2 * LAST_OBJECT_ID
"""Added to an id, gives one that no object has."""
_LAST_FRAME = 2**53
"""Larger numbers are not exact in JSON."""
_LARGEST_SCORE = float(np.finfo(np.float32).max)
"""As scores are stored."""


class MaskSpool(Closing):
    """Takes masks as a MaskSink, and gives them as a MaskSequence.

    unnamed: how many masks came without the id of their object.  Close it, or use it in a
    `with`.
    """

    def __init__(self, name: str, video: VideoInfo) -> None:
        self.name = name
        self.video = video
        self.labels: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.unnamed = 0
        self._ids: set[int] = set()
        self._new = 0
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.executescript(_TABLES)

    @staticmethod
    def of(masks: MaskSequence) -> "MaskSpool":
        """The same masks, to be read object by object as well."""
        spool = MaskSpool(masks.name, masks.video)
        for obj, label in masks.labels.items():
            spool.labels[obj] = label
        spool.names.update(masks.names)
        spool._ids.update(masks.object_ids)
        for frame in masks:
            spool.add_frame(frame.frame_index)
            for obj, score in zip(frame, frame.scores.tolist(), strict=True):
                spool.add(frame.frame_index, obj, frame.crop(obj), score)
        return spool

    def close(self) -> None:
        """Give the temporary file back."""
        self._base.close()

    def add_frame(self, frame: int) -> None:
        """A frame that the masks speak of.  Raises BadExchange if the clip has no such."""
        end = self.video.num_frames
        if not 0 <= frame <= _LAST_FRAME:
            raise BadExchange(
                f"there is no frame {frame}", hint="frames are whole numbers from 0 on"
            )
        if end is not None and frame >= end:
            raise BadExchange(
                f"there is no frame {frame}: the clip has {end} frames, counted from 0",
                hint="is this the file of another clip?",
            )
        self._base.execute("INSERT OR IGNORE INTO frames VALUES (?)", (frame,))

    def add(
        self, frame: int, object_id: int | None, crop: MaskCrop, score: float = 1.0
    ) -> bool:
        """A mask, or a further part of it; whether it is the first.  Raises BadExchange for a
        frame, an id, a place or a score that cannot be.
        """
        if not abs(score) <= _LARGEST_SCORE:
            raise BadExchange(f"frame {frame}: the score {score} is not a number")
        self.add_frame(frame)
        self._check(frame, object_id, crop)
        if object_id is None:
            self.unnamed += 1
            row = _row(frame, -self.unnamed, score, crop)
            self._base.execute("INSERT INTO unnamed VALUES (?,?,?,?,?,?,?,?)", row)
            return True
        self._ids.add(object_id)
        row = _row(frame, object_id, score, crop)
        added = self._base.execute("INSERT OR IGNORE INTO masks VALUES (?,?,?,?,?,?,?,?)", row)
        if added.rowcount:
            return True
        self._join(frame, object_id, crop, score)
        return False

    def new_object(self) -> int:
        """A provisional id, below 0, for an object without a number; see `number_objects`."""
        self._new -= 1
        return self._new

    def number_objects(self, taken: Iterable[int] = ()) -> None:
        """Give every object without a number one above all others and above those taken."""
        free = max([0, *self._ids, *taken]) + 1
        for number, provisional in enumerate(sorted(self._ids)[: -self._new], start=free):
            if provisional < 0:
                self._base.execute(
                    "UPDATE masks SET object = ? WHERE object = ?", (number, provisional)
                )
                self._ids ^= {number, provisional}
                for told in (self.labels, self.names):
                    if provisional in told:
                        told[number] = told.pop(provisional)

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Give objects other ids at once, by their present ones; no two may become one."""
        # Through ids that nobody has, so that two can change places.
        for present, number in numbers.items():
            self._base.execute(
                "UPDATE masks SET object = ? WHERE object = ?", (number + _AWAY, present)
            )
        self._base.execute(
            "UPDATE masks SET object = object - ? WHERE object > ?", (_AWAY, _AWAY)
        )
        self._ids = {numbers.get(obj, obj) for obj in self._ids}
        self.labels = {numbers.get(obj, obj): label for obj, label in self.labels.items()}
        self.names = {numbers.get(obj, obj): name for obj, name in self.names.items()}

    def name_object(self, object_id: int, label: str) -> None:
        """The label of an object."""
        self.labels[object_id] = label

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The ids of all objects, ascending."""
        return tuple(sorted(self._ids))

    def __len__(self) -> int:
        return int(self._base.execute("SELECT COUNT(*) FROM frames").fetchone()[0])

    def frame_numbers(self) -> Iterator[int]:
        """The frames that the masks speak of, ascending."""
        for (frame,) in self._base.execute("SELECT frame FROM frames ORDER BY frame"):
            yield frame

    def __iter__(self) -> Iterator[FrameMasks]:
        """The masks of every frame, by ascending frame."""
        rows = self._base.execute(_BY_FRAME)
        for frame, of_frame in groupby(rows, key=lambda row: int(row[0])):
            found = [row for row in of_frame if row[1] is not None]
            crops = {row[1]: _crop(row) for row in found}
            yield self._frame(frame, crops, [row[2] for row in found])

    def track(self, object_id: int) -> Iterator[tuple[int, MaskCrop, float]]:
        """Frame, mask and score of one object, by ascending frame."""
        for row in self._base.execute(_BY_OBJECT, (object_id,)):
            yield row[0], _crop(row), row[2]

    def crop(self, frame: int, object_id: int) -> MaskCrop:
        """The mask of an object on a frame; without a pixel where there is none."""
        row = self._base.execute(_ONE, (frame, object_id)).fetchone()
        return MaskCrop.empty() if row is None else _crop(row)

    def last_frame(self, object_id: int) -> int | None:
        """The last frame on which an object has a pixel; None without any."""
        row = self._base.execute(_LAST, (object_id,)).fetchone()
        return None if row[0] is None else int(row[0])

    def mean_score(self, object_id: int) -> float:
        """The mean score of an object over the frames on which it has a mask; 0 without."""
        mean = self._base.execute(_MEAN, (object_id,)).fetchone()[0]
        return float(mean or 0.0)

    def take_unnamed(self, frame: int) -> list[tuple[MaskCrop, float]]:
        """The masks of a frame that came without the id of their object."""
        rows = self._base.execute(_UNNAMED, (frame,))
        return [(_crop(row), row[2]) for row in rows]

    def _check(self, frame: int, object_id: int | None, crop: MaskCrop) -> None:
        known = object_id is None or self._new <= object_id < 0
        if not known and not 1 <= (object_id or 0) <= LAST_OBJECT_ID:
            raise BadExchange(
                f"frame {frame}: {object_id} is no object id",
                hint=f"ids are whole numbers from 1 to {LAST_OBJECT_ID}",
            )
        x1, y1, x2, y2 = crop.xyxy
        width = self.video.width
        height = self.video.height
        if min(x1, y1) < 0 or x2 > width or y2 > height:
            raise BadExchange(
                f"frame {frame}: a mask reaches to {x2},{y2} and leaves the {width}x{height} "
                "frame",
                hint="is this the file of another clip?",
            )

    def _join(self, frame: int, object_id: int, crop: MaskCrop, score: float) -> None:
        row = self._base.execute(_ONE, (frame, object_id)).fetchone()
        joined = union(_crop(row), crop)
        self._base.execute(
            "REPLACE INTO masks VALUES (?,?,?,?,?,?,?,?)",
            _row(frame, object_id, max(score, row[2]), joined),
        )

    def _frame(
        self, frame: int, crops: dict[int, MaskCrop], scores: list[float]
    ) -> FrameMasks:
        source: MaskSource = "import"
        return FrameMasks(
            frame_index=frame,
            time_s=float(frame / (self.video.fps or UNKNOWN_FPS)),
            height=self.video.height,
            width=self.video.width,
            object_ids=tuple(crops),
            scores=np.array(scores, dtype=np.float32),
            visible=np.array([crop.area > 0 for crop in crops.values()], dtype=bool),
            sources=tuple(source for _ in crops),
            crops=crops,
        )


def on_every_frame(spool: MaskSpool, object_id: int) -> Iterator[MaskCrop | None]:
    """The mask of an object on each frame of the spool; None where it has no pixel."""
    track = spool.track(object_id)
    latest = next(track, None)
    for frame in spool.frame_numbers():
        if latest is None or latest[0] != frame:
            yield None
            continue
        yield latest[1] if latest[1].area else None
        latest = next(track, None)


def union(one: MaskCrop, other: MaskCrop) -> MaskCrop:
    """The pixels of both."""
    if 0 in (one.mask.size, other.mask.size):
        return other if one.mask.size == 0 else one
    x1 = min(one.x, other.x)
    y1 = min(one.y, other.y)
    x2 = max(one.xyxy[2], other.xyxy[2])
    y2 = max(one.xyxy[3], other.xyxy[3])
    both = MaskCrop(one.x - x1, one.y - y1, one.mask).paste(y2 - y1, x2 - x1)
    both |= MaskCrop(other.x - x1, other.y - y1, other.mask).paste(y2 - y1, x2 - x1)
    return MaskCrop(x1, y1, both)


def _row(frame: int, object_id: int, score: float, crop: MaskCrop) -> tuple[Any, ...]:
    return frame, object_id, score, *crop.xywh, encode_mask(crop)


def _crop(row: Any) -> MaskCrop:
    return decode_mask(row[7], (row[3], row[4], row[5], row[6]))
