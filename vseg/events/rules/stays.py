"""Stays in a zone as values: those that go on, and those that have ended."""

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from vseg.events.scene_objects import SceneObject

UNLABELLED = "object"
"""What an object without a label is counted as."""

REMEMBERED = 256
"""Ended stays that a repaired identity may still continue; the newest.  A round value: at one
passer-by a second it is four minutes.
"""


@dataclass(slots=True, eq=False)
class Stay:
    """One stay that goes on.

    begin, last: first and last time inside; outside: since when it is not.  key, loiter_key:
    of the events that told its start.  due: when it is told again.
    """

    tracked: SceneObject
    begin: float
    last: float
    outside: float | None = None
    label: str = UNLABELLED
    key: str | None = None
    loiter_key: str | None = None
    due: float = math.inf


@dataclass(frozen=True, slots=True)
class EndedStay:
    """A stay that ended.  seen: whether its end was.  start_key, end_key: of its events."""

    begin: float
    end: float
    seen: bool
    start_key: str
    end_key: str


class EndedStays:
    """The newest stays that ended, one for each object."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[int, EndedStay] = OrderedDict()

    def add(self, object_id: int, ended: EndedStay) -> None:
        """Remember one, and forget the oldest of too many."""
        self._by_id[object_id] = ended
        self._by_id.move_to_end(object_id)
        if len(self._by_id) > REMEMBERED:
            self._by_id.popitem(last=False)

    def take(self, object_id: int) -> EndedStay | None:
        """The stay of an object, which is not remembered any more."""
        return self._by_id.pop(object_id, None)

    def clear(self) -> None:
        """Forget all."""
        self._by_id.clear()


def counts_of(stays: Iterable[Stay]) -> dict[str, int]:
    """How many of the stays were told, by label."""
    return dict(Counter(stay.label for stay in stays if stay.key is not None))
