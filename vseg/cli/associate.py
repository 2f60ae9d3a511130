"""`vseg associate`: a run in, another run with identities linked over the whole clip out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.ops.counted import counted

if TYPE_CHECKING:
    from vseg.types import TrackEvent


def associate(
    run: options.RunFolder,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="The new run; by default RUN-r2, or the next number."
        ),
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option("--video", help="The clip, if it has moved since it was tracked."),
    ] = None,
    colours: Annotated[
        bool,
        typer.Option("--colours/--no-colours", help="Compare colours too, or motion alone."),
    ] = True,
    overwrite: options.Overwrite = False,
    revision: options.RevisionNumber = None,
    as_json: options.Json = False,
) -> None:
    """Link the objects of a finished run over the whole clip, into a new run."""
    from vseg.analysis.associate import associate as link_run
    from vseg.results.events import plain_event

    linked = link_run(
        run, out, clip=clip, colours=colours, overwrite=overwrite, revision=revision
    )
    if as_json:
        show_json(
            {
                "run": linked.out,
                "objects_before": linked.before,
                "objects": linked.after,
                "changes": [plain_event(change) for change in linked.changes],
            }
        )
        return
    print(
        f"{linked.out}: {counted(linked.before, 'object')} became {linked.after}, "
        f"{counted(len(linked.changes), 'change')}"
    )
    for change in linked.changes:
        print(f"  {_described(change)}")


def _described(change: "TrackEvent") -> str:
    """One change in words."""
    if change.kind == "merged":
        again = f"object {change.track_id} is object {change.object_id} again"
        return f"frame {change.frame}: {again}"
    span = f"frames {change.frame} to {change.last_frame}"
    return f"{span}: object {change.object_id}, {change.kind}"
