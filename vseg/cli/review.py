"""`vseg review`: where to check the masks of runs first."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.label import Clip
from vseg.errors import UsageError
from vseg.ops.counted import counted

if TYPE_CHECKING:
    from vseg.analysis.review_queue import ReviewQueue, RiskySpan

_INDENT = " " * 7
"""As wide as a risk."""

Runs = Annotated[
    list[Path],
    typer.Argument(metavar="RUN", help="Folders that `vseg track` or `vseg batch` wrote."),
]


def review(
    runs: Runs,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Also write the queue with images: .html or .png."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of spans.")] = 50,
    least: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The lowest risk of a span's worst mask.")
    ] = 0.3,
    clip: Clip = None,
    revision: options.RevisionNumber = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """List the spans of runs that are most probably wrong, worst first.

    The risk of a mask is the probability that it covers less than half of what it should.
    Nothing is changed.  Under each span stand the commands that correct or accept it; the
    point of a correction is a place to start from.
    """
    from vseg.analysis.review_queue import review as queue_of
    from vseg.analysis.review_sheet import check_sheet, write_sheet
    from vseg.batch.overview import with_runs_of_batches
    from vseg.build import open_run
    from vseg.results.output_place import check_output

    folders = list(dict.fromkeys(with_runs_of_batches(runs)))
    for option, given in (("--video", clip), ("--revision", revision)):
        if given is not None and len(folders) > 1:
            raise UsageError(
                f"{option} is of one run, and several runs are given", hint="drop it"
            )
    opened = [open_run(folder, revision) for folder in folders]
    if out is not None:
        check_sheet(out)
        reads = (clip, *(run.header.source.path for run in opened))
        check_output(out, overwrite=overwrite, reads=reads)
    queue = queue_of(opened, least=least, top=top)
    if out is not None:
        write_sheet(queue, out, clip)
    if as_json:
        spans = [_facts(span) for span in queue.spans]
        show_json({**asdict(queue), "spans": spans, "written": out})
        return
    _show(queue, {run.path: run.name for run in opened} if len(opened) > 1 else {})
    if out is not None:
        print(out)


def _show(queue: "ReviewQueue", clips: dict[Path, str]) -> None:
    """clips: the names of several runs' clips; of one run none."""
    from vseg.analysis.review_commands import accept_command, correct_command

    for span in queue.spans:
        print(_line(span, clips.get(span.run)))
        print(f"{_INDENT}{correct_command(span)}")
        print(f"{_INDENT}{accept_command(span)}")
    if queue.spans:
        print("A --point is a place to start from: in the mask, or where the object was last.")
    hidden = queue.found - len(queue.spans)
    more = f"; {counted(hidden, 'more span')} with a higher --top" if hidden else ""
    print(f"{counted(queue.masks, 'mask')}, about {queue.wrong:.0f} of them wrong{more}")


def _facts(span: "RiskySpan") -> dict[str, Any]:
    from vseg.analysis.review_commands import accept_command, correct_command

    commands = {"correct": correct_command(span), "accept": accept_command(span)}
    return {**asdict(span), "commands": commands}


def _line(span: "RiskySpan", clip: str | None) -> str:
    """Risk, object, frames, the worst of them, and why; with the clip where there are several,
    as the run of a batch is not named after it.
    """
    from vseg.analysis.review_sheet import frames_of, object_name

    where = "" if clip is None else f"{clip}, {span.run}: "
    worst = f"worst {span.worst_frame} ({span.worst_time_s:.2f} s)"
    reasons = f": {', '.join(span.reasons)}" if span.reasons else ""
    return f"{span.risk:5.2f}  {where}{object_name(span)}, {frames_of(span)}, {worst}{reasons}"
