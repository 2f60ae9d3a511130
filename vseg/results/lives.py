"""Where objects begin and end in a run, from the columns of its shards; no mask is read."""

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from vseg.results.layout import MASK_SHARDS, shard_path
from vseg.results.shards import mask_schema, open_parquet


def object_lives(
    root: Path, shards: Iterable[int], ids: Collection[int], *, visible: bool = True
) -> dict[int, tuple[int, int]]:
    """The first and the last frame of each of these objects; of one that is on none, nothing.

    visible: only frames that it is visible on count; otherwise all that it has a row on.
    """
    lives: dict[int, tuple[int, int]] = {}
    columns = ["frame", "object_id", "visible"]
    for shard in shards if ids else ():
        with open_parquet(shard_path(root, MASK_SHARDS, shard), mask_schema()) as file:
            table = file.read(columns=columns)
        frames = table["frame"].to_numpy()
        objects = table["object_id"].to_numpy()
        seen = table["visible"].to_numpy() if visible else np.ones(len(frames), dtype=bool)
        for object_id in ids:
            own = frames[seen & (objects == object_id)]
            if len(own):
                first, _ = lives.get(object_id, (int(own[0]), 0))
                lives[object_id] = first, int(own[-1])
    return lives
