"""Where objects begin and end in a run, from the columns of its shards; no mask is read."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, Int64

from vseg.results.layout import MASK_SHARDS, shard_path
from vseg.results.shards import mask_schema, open_parquet
from vseg.types import EventKind, TrackEvent


def object_lives(
    root: Path, shards: Iterable[int], ids: Collection[int], *, visible: bool = True
) -> dict[int, tuple[int, int]]:
    """The first and the last frame of each of these objects; of one that is on none, nothing.

    visible: only frames that it is visible on count; otherwise all that it has a row on.
    """
    lives: dict[int, tuple[int, int]] = {}
    for shard in shards if ids else ():
        frames, objects, seen = row_columns(root, shard)
        for object_id in ids:
            own = frames[(seen | (not visible)) & (objects == object_id)]
            if len(own):
                first, _ = lives.get(object_id, (int(own[0]), 0))
                lives[object_id] = first, int(own[-1])
    return lives


def visibility_events(
    root: Path, shards: Iterable[int], ids: Collection[int]
) -> Iterator[TrackEvent]:
    """Where each of these objects is lost and recovered, by shard and object; before its first
    visible frame none is lost.
    """
    before: dict[int, bool] = {}
    for shard in shards if ids else ():
        frames, objects, seen = row_columns(root, shard)
        for object_id in sorted(ids):
            own = objects == object_id
            for frame, visible in zip(frames[own].tolist(), seen[own].tolist(), strict=True):
                if object_id in before and before[object_id] != visible:
                    kind: EventKind = "recovered" if visible else "lost"
                    yield TrackEvent(frame, kind, object_id)
                if visible or object_id in before:
                    before[object_id] = visible


def clearest_frame(
    root: Path, shards: Iterable[int], object_id: int, extent: tuple[int, int]
) -> int | None:
    """Of frames [first, end) the one whose mask of an object has the highest predicted
    quality; None where it is visible on none of them.
    """
    best: tuple[float, int] | None = None
    for shard in shards:
        with open_parquet(shard_path(root, MASK_SHARDS, shard), mask_schema()) as file:
            table = file.read(columns=["frame", "object_id", "visible", "score"])
        frames, objects, seen, scores = (table[n].to_numpy() for n in table.column_names)
        own = seen & (objects == object_id) & (frames >= extent[0]) & (frames < extent[1])
        if own.any():
            row = int(np.argmax(np.where(own, scores, -np.inf)))
            best = max(best or (-np.inf, 0), (float(scores[row]), int(frames[row])))
    return None if best is None else best[1]


def row_columns(
    root: Path, shard: int
) -> tuple[Int64[np.ndarray, " N"], Int32[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """Frame, object and visibility of the rows of a shard."""
    with open_parquet(shard_path(root, MASK_SHARDS, shard), mask_schema()) as file:
        table = file.read(columns=["frame", "object_id", "visible"])
    frames, objects, seen = (table[name].to_numpy() for name in table.column_names)
    return frames, objects, seen
