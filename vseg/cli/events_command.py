"""`vseg events`: what happened in the zones of a run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.analysis.event_table import EventRow
    from vseg.events.scene_event import SceneEvent
    from vseg.events.zone_file import ZoneFile
    from vseg.results import Run

Zones = Annotated[
    Path | None,
    typer.Option(
        "--zones",
        help="Zones and lines: a TOML file; RUN/zones.toml if left out.",
        metavar="FILE",
    ),
]


def events(
    run: options.RunFolder,
    zones: Zones = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write the events: lines of JSON.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Write counts over time: a page (.html), or .svg."),
    ] = None,
    snapshots: Annotated[
        Path | None,
        typer.Option("--snapshots", help="A folder for images of the objects, from the clip."),
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option("--video", help="The clip, if it has moved since it was tracked."),
    ] = None,
    camera: Annotated[
        str | None, typer.Option("--camera", help="The camera's name; the clip's by default.")
    ] = None,
    revision: options.RevisionNumber = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Judge zones and lines on the masks of a run.

    The events are those that `vseg watch --zones` tells of the same frames.  For identities
    over the whole clip, run `vseg associate` first.
    """
    from vseg.analysis.event_page import write_event_plot
    from vseg.analysis.event_table import event_rows
    from vseg.build import open_run
    from vseg.events.zone_file import read_zone_file
    from vseg.results.output_place import check_output

    if plot is not None and plot.suffix.lower() not in (".html", ".svg"):
        raise UsageError(
            f"{plot} is neither a page nor an image", hint="end it in .html or .svg"
        )
    written = [path for path in (out, plot) if path is not None]
    opened = open_run(run, revision)
    zone_file = zones or _own_zones(run)
    for path in written:
        reads = (zone_file, clip, opened.header.source.path)
        check_output(path, overwrite=overwrite, reads=reads)
    told, warnings = _told(opened, read_zone_file(zone_file), camera, snapshots, clip)
    if out is not None:
        _write(out, told)
    if plot is not None:
        times = list(opened.frame_times())
        span_s = (times[0], times[-1]) if times else (0.0, 0.0)
        write_event_plot(plot, f"Events of {opened.name}", told, span_s)
    rows = event_rows(told)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if opened.unfinished and not as_json:
        print(f"note: {opened.unfinished}", file=sys.stderr)
    if as_json:
        facts: dict[str, object] = {
            "events": len(told),
            "rows": [_plain(row) for row in rows],
        }
        facts |= {"written": written, "warnings": warnings}
        show_json(facts | {"unfinished": opened.unfinished})
        return
    _show(rows)
    print(*written, sep="\n", end="\n" if written else "")


def _told(
    run: "Run", file: "ZoneFile", camera: str | None, snapshots: Path | None, clip: str | None
) -> "tuple[list[SceneEvent], list[str]]":
    """All events of a run, with snapshots where they are asked for; and warnings."""
    from vseg.analysis.scene_events import engine_of_run, events_of_run, unmet_labels
    from vseg.build import open_clip
    from vseg.events.event_snapshots import SnapshotFolder
    from vseg.results.seldom_detections import seldom_detected_run

    engine = engine_of_run(run, file, camera)
    warnings = [*engine.plan.warnings, *unmet_labels(run, file)]
    warnings += seldom_detected_run(run.header, run.objects)
    if snapshots is None:
        return [one for _, here in events_of_run(run, engine) for one in here], warnings
    told: list[SceneEvent] = []
    with open_clip(run, clip) as video:
        folder = SnapshotFolder(snapshots, warnings.append)
        for masks, here in events_of_run(run, engine):
            if masks is not None:
                image = video.read(masks.frame_index).image
                here = folder.attach(here, image, masks)
            told += here
    return told, warnings


def _own_zones(run: Path) -> Path:
    """The zones that were drawn for a run."""
    from vseg.results.layout import ZONES

    path = run / ZONES
    if not path.exists():
        raise UsageError(
            f"{run} has no {ZONES}",
            hint="draw zones with `vseg annotate`, or give --zones FILE",
        )
    return path


def _write(path: Path, told: "list[SceneEvent]") -> None:
    from vseg.events.scene_event import event_json
    from vseg.io.files import atomic_write_text

    atomic_write_text(path, "".join(f"{event_json(event)}\n" for event in told))


def _plain(row: "EventRow") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(row)


def _show(rows: "list[EventRow]") -> None:
    """The rows as a table; a sentence where there is none."""
    if not rows:
        print("no events: no object that counts enters a zone or crosses a line")
        return
    head = ("place", "event", "label", "direction", "count", "mean s", "longest s", "at once")
    lines = [
        (
            row.place,
            row.kind,
            row.label,
            row.direction or "",
            str(row.count),
            "" if row.mean_s is None else f"{row.mean_s:.2f}",
            "" if row.longest_s is None else f"{row.longest_s:.2f}",
            "" if row.most is None else str(row.most),
        )
        for row in rows
    ]
    widths = [max(len(line[k]) for line in (head, *lines)) for k in range(len(head))]
    for line in (head, *lines):
        cells = zip(line, widths, strict=True)
        print("  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip())
