"""Events that wait on disk, a file each, in the order in which they came.

A process that ends leaves them to the next one.  The folder is bounded: of too many, the
oldest are dropped, and an event says so.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from vseg.errors import OutputError
from vseg.events.scene_event import SceneEvent, event_json
from vseg.io.files import make_folder
from vseg.io.unfinished import sweep, unfinished

MOST_EVENTS = 10_000
"""About 6 MB, or 40 MB in blocks of 4 KiB: a night of an event each 4 seconds."""

_SUFFIX = ".event.json"


class EventSpool:
    """A folder of events.  most: how many may wait."""

    def __init__(self, folder: Path, most: int = MOST_EVENTS) -> None:
        """Open the folder, and count what an earlier process left.  Raises OutputError."""
        self._folder = folder
        self._most = most
        self._given = 0
        self._overflows = False
        make_folder(folder, "events")
        sweep(folder)
        self._waiting = sorted(path.name for path in folder.glob(f"*{_SUFFIX}"))

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: SceneEvent) -> None:
        """Keep an event.  Raises OutputError if there is no room on the disk."""
        self._write(event)
        if len(self._waiting) < self._most // 2:
            self._overflows = False  # a receiver that is back has taken most of them
        if len(self._waiting) > self._most and not self._overflows:
            self._overflows = True
            self._write(_dropped(event, self._most))
        while len(self._waiting) > self._most:
            self.drop(self._waiting[0])

    def first(self) -> tuple[str, bytes] | None:
        """The name and the line of the event that waits longest."""
        while self._waiting:
            name = self._waiting[0]
            try:
                return name, (self._folder / name).read_bytes()
            except OSError:  # deleted by hand
                self._waiting.pop(0)
        return None

    def drop(self, name: str) -> None:
        """Forget an event: it was delivered, or nobody will take it."""
        if name in self._waiting:
            self._waiting.remove(name)
        with suppress(OSError):
            (self._folder / name).unlink()

    def _write(self, event: SceneEvent) -> None:
        self._given += 1
        # By time, so that those of an earlier process come first; the process tells apart two
        # that share a folder.
        name = f"{time.time_ns():020d}-{os.getpid()}-{self._given:06d}{_SUFFIX}"
        part = unfinished(self._folder / name)
        try:
            part.write_text(event_json(event), "utf-8")
            part.replace(self._folder / name)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise self._refused(error) from error
        self._waiting.append(name)

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot keep events in {self._folder}: {error.strerror}",
            hint="check the folder's permissions and free space (df -h)",
        )


def _dropped(event: SceneEvent, most: int) -> SceneEvent:
    """The event that says that others are dropped."""
    return SceneEvent(
        "degraded",
        "instant",
        event.time_s,
        event.frame,
        detail=f"{most} events wait for their receiver: the oldest are dropped",
        key=f"{event.key}/dropped",
        camera=event.camera,
        time=event.time,
    )
