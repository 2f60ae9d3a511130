"""events.jsonl: what happened to the objects of a run, by frame, one JSON line each.

Enters: events while a run is written.  Leaves: the same, read back.  There is no file where
nothing happened.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vseg.errors import BadRun, OutputError
from vseg.io.files import atomic_write_text
from vseg.results.layout import EVENTS
from vseg.types import TrackEvent

_EVENT = TypeAdapter(TrackEvent)


def plain_event(event: TrackEvent) -> dict[str, Any]:
    """The fields that an event has, for JSON."""
    values: dict[str, Any] = _EVENT.dump_python(event, exclude_none=True)
    return values


def append_events(root: Path, events: Sequence[TrackEvent]) -> None:
    """Add events to the end of the file.  Raises OutputError."""
    if not events:
        return
    try:
        with (root / EVENTS).open("a", encoding="utf-8", newline="") as handle:
            handle.write(_lines(events))
            handle.flush()
            # A commit may count only what survives a loss of power.
            os.fsync(handle.fileno())
    except OSError as error:
        raise OutputError(
            f"cannot add events to {root / EVENTS}: {error.strerror}",
            hint="check the folder's permissions and free space (df -h)",
        ) from error


def write_events(root: Path, events: Sequence[TrackEvent]) -> None:
    """Replace events.jsonl, whole or not at all."""
    atomic_write_text(root / EVENTS, _lines(events))


def read_events(root: Path) -> list[TrackEvent]:
    """The events of a run by ascending frame, those of one frame in order; none where there is
    no file.  Raises BadRun naming a wrong line.
    """
    events = _parsed(root / EVENTS, _text(root / EVENTS))
    return sorted(events, key=lambda event: event.frame)


def committed_events(root: Path, count: int | None) -> list[TrackEvent]:
    """The first `count` events, which were committed; None for all of a finished run.

    Raises BadRun if there are fewer, or naming a wrong line.
    """
    path = root / EVENTS
    whole = _text(path)
    if count is None:
        return _parsed(path, whole)
    # Behind the committed lines a kill may have cut one short.
    lines = whole.split("\n")[:-1][:count]
    if len(lines) < count:
        raise BadRun(
            f"{path} holds {len(lines)} events, {count} were committed",
            hint="the run is damaged: `vseg track ... --resume` computes it again",
        )
    return _parsed(path, "".join(f"{line}\n" for line in lines))


def forget_events(root: Path, keep: int) -> None:
    """Drop all events but the first `keep`, which were committed.  Raises BadRun as
    `committed_events` does.
    """
    path = root / EVENTS
    if not path.exists():
        return
    atomic_write_text(path, _lines(committed_events(root, keep)))


def _lines(events: Sequence[TrackEvent]) -> str:
    return "".join(
        _EVENT.dump_json(event, exclude_none=True).decode() + "\n" for event in events
    )


def _text(path: Path) -> str:
    """The file's text; empty where there is none."""
    try:
        return path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadRun(
            f"cannot read {path}: {error}",
            hint="the run is damaged: --overwrite makes it anew",
        ) from error


def _parsed(path: Path, text: str) -> list[TrackEvent]:
    events = []
    # A label may hold what str.splitlines takes for the end of a line.
    for number, line in enumerate(
        text.removesuffix("\n").split("\n") if text else (), start=1
    ):
        try:
            events.append(_EVENT.validate_json(line))
        except ValidationError as error:
            raise BadRun(
                f"{path}, line {number}: {error.errors()[0]['msg']}",
                hint="the run is damaged: --overwrite makes it anew",
            ) from error
    return events
