"""What other threads asked of a tracker since its last update.

Enters: masks of prompted objects, and removals, from any thread at any moment.  Leaves: the
same one by one, to the thread that updates.  Ids are checked here, when the caller can still
be told; nobody waits for longer than it takes to append to a list.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from vseg.errors import BadPrompt, UsageError
from vseg.ops.ranges import Ranges, joined
from vseg.session.object_ids import check_object_id
from vseg.types import Frame, Mask
from vseg.types.whole_numbers import is_whole

MOST_WAITING = 256
"""Prompts that may wait at once: each holds a frame and a mask, and more come only where
nobody updates.  A round value.
"""


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """An object's mask on a frame that was given before, as its prompts have it."""

    object_id: int
    frame: Frame
    mask: Mask


class WaitingChanges:
    """Thread-safe.  tracked: ids of the objects that are tracked already.  used: ranges of all
    ids that there ever were.
    """

    def __init__(self, tracked: Iterable[int] = (), used: Ranges = ()) -> None:
        self._lock = Lock()
        self._ids = set(tracked)
        self._used = used
        self._prompted: deque[WaitingPrompt] = deque()
        self._removed: set[int] = set()
        self.labels: dict[int, str] = {}

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Of all objects, those included that the next update begins, ascending."""
        with self._lock:
            return tuple(sorted(self._ids))

    @property
    def used(self) -> Ranges:
        """Ranges of all ids that there ever were."""
        return self._used

    def check(self, obj: Any) -> int | None:
        """The id, None for the next free one.  Raises BadPrompt if it cannot be prompted."""
        with self._lock:
            return None if obj is None else check_object_id(obj, self._ids, self._used)

    def prompt(self, obj: int | None, frame: Frame, mask: Mask, label: str | None) -> int:
        """Have an object begun or corrected by the next update; its id.

        Raises BadPrompt for an object that was removed meanwhile, UsageError if too many wait.
        """
        with self._lock:
            if len(self._prompted) >= MOST_WAITING:
                raise UsageError(
                    f"{MOST_WAITING} prompts wait already",
                    hint="give update images: it takes the prompts in",
                )
            if obj is None:
                obj = self._used[-1][1] if self._used else 1
            number = check_object_id(obj, self._ids, self._used)
            self._ids.add(number)
            self._used = joined(self._used, number)
            if label is not None:
                self.labels[number] = label
            self._prompted.append(WaitingPrompt(number, frame, mask))
            return number

    def remove(self, obj: int) -> None:
        """Have an object forgotten by the next update.  Raises BadPrompt if it is unknown."""
        with self._lock:
            if not is_whole(obj) or obj not in self._ids:
                raise BadPrompt(
                    f"there is no object {obj!r}",
                    hint=f"tracked are {sorted(self._ids) or 'none'}",
                )
            self._ids.discard(obj)
            self.labels.pop(obj, None)
            self._prompted = deque(p for p in self._prompted if p.object_id != obj)
            self._removed.add(obj)

    def take_removed(self) -> set[int]:
        """The ids to forget."""
        with self._lock:
            removed = self._removed
            self._removed = set()
            return removed

    def take_prompted(self) -> WaitingPrompt | None:
        """The prompt that has waited longest, None if there is none."""
        with self._lock:
            return self._prompted.popleft() if self._prompted else None
