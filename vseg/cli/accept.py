"""`vseg accept`: spans of objects that are right, so that no review asks for them again."""

from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json


def accept(
    run: options.RunFolder,
    spans: Annotated[
        list[str],
        typer.Argument(metavar="OBJ@A:B", help="Frames or times, B exclusive: 1@0:80."),
    ],
    as_json: options.Json = False,
) -> None:
    """Say that the masks of these spans are right.

    They are anchors of later corrections, are never changed by them, and have no risk. The
    same as `vseg correct --accept`: a new revision, which `vseg revisions RUN --undo` leaves.
    """
    from vseg.pipelines.run_edit import RunEdit
    from vseg.prompts.parse_edits import parse_accept

    with RunEdit(run) as edit:
        for accepted in parse_accept(spans, edit.range_of, f"vseg accept {run}"):
            edit.apply(accepted)
    revision = edit.revision
    assert revision is not None, "at least one span is given"
    if as_json:
        show_json({"run": str(run), **revision.model_dump(mode="json")})
        return
    print(f"{run}: revision {revision.number}, {len(spans)} accepted")
