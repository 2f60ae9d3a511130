"""`vseg import`: masks of another program into a run, or into a fresh one."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.revisions import changed, show_next
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.pipelines.correction_settings import CorrectionSettings
    from vseg.pipelines.import_masks import ImportedMasks
    from vseg.results.records import Revision
    from vseg.results.run import Run

_SHOWN = 5
"""Ranges of frames in a line of the table."""


def import_masks(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file, a folder, or a zip of one.")
    ],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="RUN", help="The run that it was exported from."),
    ] = None,
    clip: Annotated[
        str | None, typer.Option("--video", help="The clip; with -o, of a fresh run.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The folder of a fresh run.")
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="As in `vseg export --to`; by default found out."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what was changed, and stop.")
    ] = False,
    model: options.Model = None,
    weights: options.Weights = None,
    device: options.Device = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Take masks back that another program changed, or make a run of them.

    Changed masks become anchors of the run: only the frames around them are tracked again.
    """
    if (into is None) == (out is None):
        raise UsageError(
            "an import goes into a run, or makes a fresh one",
            hint="--into RUN, or --video CLIP -o RUN",
        )
    if into is not None:
        given = {"model": model, "weights": weights, "device": device}
        overrides = tuple((key, value) for key, value in given.items() if value is not None)
        revision = _import_into(into, file, format_name, dry_run, (clip, overrides))
        _show_result(into, *revision, as_json=as_json)
        return
    if clip is None or out is None or dry_run:
        raise UsageError("a fresh run needs its clip", hint="--video CLIP -o RUN")
    from vseg.pipelines.import_run import import_run

    run = import_run(file, clip, out, format_name, overwrite=overwrite)
    if as_json:
        show_json({"run": run.path, "frames": len(run), "objects": run.object_ids})
    else:
        print(run.path)


def _import_into(
    into: Path,
    file: Path,
    format_name: str | None,
    dry_run: bool,
    tracking: tuple[str | None, tuple[tuple[str, Any], ...]],
) -> "tuple[ImportedMasks, Revision | None]":
    """Compare, and unless nothing was changed or it is a dry run, correct.

    tracking: where the clip is, and settings of the tracking, where they are not the run's.
    """
    from vseg.exchange.sidecar import read_sidecar
    from vseg.pipelines.correction_settings import CorrectionSettings
    from vseg.pipelines.editable_run import open_run
    from vseg.pipelines.import_masks import compare_with_run
    from vseg.results.draft import finished_header

    # What a dry run shows can be done.
    finished_header(into)
    sidecar = read_sidecar(file)
    run = open_run(into, sidecar.origin.revision if sidecar else None)
    imported = compare_with_run(run, file, format_name)
    with imported.masks:
        if dry_run or imported.comparison.is_same:
            return imported, None
        return imported, _correct(
            run, imported, CorrectionSettings(tracking[0], None, tracking[1])
        )


def _correct(
    run: "Run", imported: "ImportedMasks", settings: "CorrectionSettings"
) -> "Revision | None":
    """Make the revision, showing progress on stderr; Ctrl-C leaves the run as it was."""
    from vseg.cli.interrupt import stop_on_request
    from vseg.cli.progress import ProgressReport
    from vseg.pipelines.import_edits import apply_import
    from vseg.pipelines.job import ProgressCallbacks
    from vseg.pipelines.run_edit import RunEdit

    with stop_on_request() as stop, ProgressReport("correcting") as report:
        callbacks = ProgressCallbacks(report, stop, report.note)
        with RunEdit(run.path, settings, callbacks) as edit:
            apply_import(edit, imported, run)
            for _ in edit.propagate():
                pass
    return edit.revision


def _show_result(
    into: Path, imported: "ImportedMasks", revision: "Revision | None", *, as_json: bool
) -> None:
    if as_json:
        made = None if revision is None else revision.model_dump(mode="json")
        show_json({"run": into, **summary(imported), "revision": made})
        return
    _show(imported)
    if revision is not None:
        print(f"{into}: revision {revision.number}{changed(revision)}")
        show_next(into)


def summary(imported: "ImportedMasks") -> dict[str, Any]:
    """What differs, as one JSON document."""
    found = imported.comparison
    return {
        "format": imported.format_name,
        "frames": found.frames,
        "same": found.same,
        "rounded": found.rounded,
        **{kind.value: count for kind, count in _counts(imported).items()},
        "relabelled": found.labels,
        "renumbered": found.numbers,
        "handed_over": [
            {"from": before, "to": after, "frames": len(frames), "first": frames[0]}
            for (before, after), frames in found.handed_over.items()
        ],
        "matched": imported.matching.masks,
        "lowest_match": imported.matching.lowest,
        "changes": [
            {"frame": c.frame, "object": c.object_id, "kind": c.kind, "iou": round(c.iou, 4)}
            for c in found.changes
        ],
    }


def _counts(imported: "ImportedMasks") -> Counter[Any]:
    from vseg.exchange.compare import ChangeKind

    counts = imported.comparison.counts
    return Counter({kind: counts[kind] for kind in ChangeKind})


def _named(frames: Sequence[int]) -> str:
    """Ascending frames as ranges, the first few."""
    from vseg.pipelines.import_masks import stretches

    spans = [
        f"{first}" if end == first + 1 else f"{first}-{end - 1}"
        for first, end in stretches(frames)
    ]
    more = [f"and {len(spans) - _SHOWN} more"] if len(spans) > _SHOWN else []
    return ", ".join(spans[:_SHOWN] + more)


def _show(imported: "ImportedMasks") -> None:
    found = imported.comparison
    print(f"{found.same} masks are the same, {found.rounded} were only rounded")
    if imported.matching.masks:
        lowest = f"the least sure lies in its object by {imported.matching.lowest:.0%}"
        print(f"{imported.matching.masks} masks without an id were matched; {lowest}")
    for number, obj in sorted(found.numbers.items()):
        print(f"object {number} of the file is object {obj}")
    if found.is_same:
        print("nothing was changed")
        return
    Console().print(_table(imported))


def _table(imported: "ImportedMasks") -> Table:
    """A line for each object and kind of change."""
    found = imported.comparison
    table = Table("object", "change", "frames", "which")
    for obj in found.objects():
        for kind in _counts(imported):
            frames = found.of(obj, kind)
            if frames:
                table.add_row(str(obj), kind.value, str(len(frames)), _named(frames))
    for (before, after), frames in found.handed_over.items():
        table.add_row(str(before), f"now object {after}", str(len(frames)), _named(frames))
    for obj, label in found.labels.items():
        table.add_row(str(obj), "relabelled", "", label)
    return table
