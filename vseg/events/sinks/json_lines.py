"""Scene events as lines of JSON, in a file or on stdout."""

import os
from pathlib import Path

from vseg.errors import OutputError
from vseg.events.scene_event import SceneEvent, event_json


class JsonLinesSink:
    """Appends to a file.  A line is whole or absent, also on a disk that is full."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin it.  Raises OutputError."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise self._refused(error) from error

    def send(self, event: SceneEvent) -> None:
        """Add a line.  Raises OutputError where there is no room; the next event tries
        again.
        """
        line = f"{event_json(event)}\n".encode()
        try:
            before = os.fstat(self._descriptor).st_size
            written = os.write(self._descriptor, line)
            if written < len(line):
                # What a full disk took of the line would make the next one unreadable.
                os.ftruncate(self._descriptor, before)
                raise OutputError(
                    f"cannot add an event to {self._path}: no space left",
                    hint="free some space (df -h); the next event is written again",
                )
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write events to {self._path}: {error.strerror}",
            hint="check the folder's permissions and free space (df -h)",
        )


class StdoutSink:
    """Prints each event as a line of JSON."""

    def send(self, event: SceneEvent) -> None:
        """Print a line."""
        print(event_json(event), flush=True)

    def close(self) -> None:
        """Nothing: stdout stays open."""
