"""The zones and lines of a run that is annotated, in RUN/zones.toml.

Enters: zones as the page drew them, and which version of the file they change.  Leaves: the
file, once they are checked by the rules of `vseg events`; what was counted in them.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from vseg.analysis.event_table import EventRow, event_rows
from vseg.analysis.scene_events import engine_of_run, events_of_run
from vseg.errors import BadZones, InTheWay, OutputError
from vseg.events.scene_plan import scene_plan
from vseg.events.zone_file import ZoneFile, read_zone_file
from vseg.events.zone_text import zone_text
from vseg.io.files import atomic_write_text
from vseg.results.layout import ZONES
from vseg.results.run import Run
from vseg.server.annotator.messages import ZonesAnswer
from vseg.server.annotator.open_clip import OpenClip


@dataclass(frozen=True, slots=True)
class StoredZones:
    """version: of the file, by its content; "" where there is none.  warnings: of what does
    nothing as it is.
    """

    file: ZoneFile
    version: str
    warnings: tuple[str, ...]


def zones_of(opened: OpenClip) -> StoredZones:
    """The zones of the run, none if it has no file.  Raises BadConfig and BadZones."""
    path = opened.project.path / ZONES
    with opened.project.lock:
        # A link that leads nowhere is not the same as no file.
        if not os.path.lexists(path):
            return StoredZones(ZoneFile(), "", ())
        file = read_zone_file(path)
        return StoredZones(file, _version(path), _checked(opened, file))


def save_zones(opened: OpenClip, file: ZoneFile, version: str) -> StoredZones:
    """Write the zones over the version that they change; with nothing in it there is no file.

    Raises BadZones, OutputError, and InTheWay where another program has changed the file.
    """
    path = opened.project.path / ZONES
    with opened.project.lock:
        if _version(path) != version:
            raise InTheWay(
                f"another program has changed {ZONES} since it was read",
                hint="it is read anew: make the change again",
            )
        if file == ZoneFile():
            _remove(path)
            return StoredZones(file, "", ())
        warnings = _checked(opened, file)
        atomic_write_text(path, zone_text(file))
        return StoredZones(file, _version(path), warnings)


def zones_answer(re: int, stored: StoredZones) -> ZonesAnswer:
    """Stored zones as the answer to a request."""
    return ZonesAnswer(
        re=re, zones=stored.file, version=stored.version, warnings=[*stored.warnings]
    )


def zone_rows(opened: OpenClip) -> list[EventRow]:
    """What happened in the zones, over all frames of the run.  Raises BadZones."""
    file = zones_of(opened).file
    if not _drawn(file):
        raise BadZones("there is no zone and no line", hint="draw one")
    run = Run(opened.project.path)
    engine = engine_of_run(run, file)
    return event_rows([one for _, told in events_of_run(run, engine) for one in told])


def _drawn(file: ZoneFile) -> bool:
    return bool(file.zone or file.line or file.near)


def _checked(opened: OpenClip, file: ZoneFile) -> tuple[str, ...]:
    """Warnings.  The ground, and what else there is, stays where the last zone was deleted."""
    video = opened.run.video
    return scene_plan(file, video.height, video.width).warnings if _drawn(file) else ()


def _version(path: Path) -> str:
    """Raises OutputError where the file cannot be read: then it cannot be replaced either."""
    if not os.path.lexists(path):
        return ""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _refused(error) from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {ZONES}: {error.strerror or error}",
        hint="check what is there in the folder of the run, and its permissions",
    )
