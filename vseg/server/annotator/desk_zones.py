"""The zones and lines of a run that is annotated, in RUN/zones.toml.

Enters: zones as the page drew them.  Leaves: the file, once they are checked by the rules of
`vseg events`; what was counted in them.
"""

from vseg.analysis.event_table import EventRow, event_rows
from vseg.analysis.scene_events import engine_of_run, events_of_run
from vseg.errors import BadZones
from vseg.events.scene_plan import scene_plan
from vseg.events.zone_file import ZoneFile, read_zone_file
from vseg.events.zone_text import zone_text
from vseg.io.files import atomic_write_text
from vseg.results.layout import ZONES
from vseg.results.run import Run
from vseg.server.annotator.open_clip import OpenClip


def zones_of(opened: OpenClip) -> tuple[ZoneFile, tuple[str, ...]]:
    """The zones of the run, none if it has no file; and warnings.  Raises BadConfig and
    BadZones.
    """
    path = opened.project.path / ZONES
    if not path.exists():
        return ZoneFile(), ()
    file = read_zone_file(path)
    return file, _checked(opened, file)


def save_zones(opened: OpenClip, file: ZoneFile) -> tuple[str, ...]:
    """Write the zones; without any there is no file.  Returns warnings.  Raises BadZones."""
    path = opened.project.path / ZONES
    if not (file.zone or file.line or file.near):
        path.unlink(missing_ok=True)
        return ()
    warnings = _checked(opened, file)
    atomic_write_text(path, zone_text(file))
    return warnings


def zone_rows(opened: OpenClip) -> list[EventRow]:
    """What happened in the zones, over all frames of the run.  Raises BadZones."""
    file, _ = zones_of(opened)
    if not (file.zone or file.line or file.near):
        raise BadZones("there is no zone and no line", hint="draw one")
    run = Run(opened.project.path)
    engine = engine_of_run(run, file)
    return event_rows([one for _, told in events_of_run(run, engine) for one in told])


def _checked(opened: OpenClip, file: ZoneFile) -> tuple[str, ...]:
    video = opened.run.video
    return scene_plan(file, video.height, video.width).warnings
