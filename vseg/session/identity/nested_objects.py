"""Objects of which one is a part of the other: they may share pixels, all others compete.

Enters: the masks that the user gave on one frame.  Leaves: which objects compete.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Bool

NESTED = 0.5
"""Objects whose given masks share more than this of the smaller one are whole and part.  A
round value; not tuned.
"""


class NestedObjects:
    """pairs: of ids, ascending."""

    def __init__(self, pairs: Collection[tuple[int, int]] = ()) -> None:
        self.pairs = set(pairs)

    def learn(
        self,
        object_ids: Sequence[int],
        masks: Bool[np.ndarray, "O h w"],
        given: Bool[np.ndarray, " O"],
    ) -> None:
        """Take from the masks that the user gave on one frame which of their objects are
        nested, in place of what was known of them; all other masks overlap by mistake.
        """
        ids = [object_id for object_id, one in zip(object_ids, given, strict=True) if one]
        self.pairs -= {_pair(one, other) for one, other in combinations(ids, 2)}
        self.pairs |= {
            _pair(ids[row], ids[other]) for row, other in _nested_rows(masks[given])
        }

    def forget(self, object_id: int) -> None:
        """Drop what is known of an object."""
        self.pairs = {pair for pair in self.pairs if object_id not in pair}

    def compete(self, one: int, other: int) -> bool:
        """Whether two objects must not share pixels."""
        return one != other and _pair(one, other) not in self.pairs

    def competitors(self, object_ids: Sequence[int]) -> Bool[np.ndarray, "O O"]:
        """Which rows must not share pixels."""
        compete = ~np.eye(len(object_ids), dtype=bool)
        rows = {object_id: row for row, object_id in enumerate(object_ids)}
        for one, other in self.pairs:  # far fewer than pairs of objects
            if one in rows and other in rows:
                pair = [rows[one], rows[other]]
                compete[pair, pair[::-1]] = False
        return compete


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def _nested_rows(masks: Bool[np.ndarray, "O h w"]) -> Iterator[tuple[int, int]]:
    """Pairs of rows that overlap so far that one is a part of the other."""
    areas = masks.sum(axis=(1, 2))
    for row in range(1, len(masks)):  # one against all before it at once
        shared = (masks[:row] & masks[row]).sum(axis=(1, 2))
        smaller = areas[:row].clip(1, max(1, areas[row]))
        for other in np.flatnonzero(shared > NESTED * smaller).tolist():
            yield other, row
