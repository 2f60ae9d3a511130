"""`vseg correct`: edits of a finished run in, a new revision of it out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.report import show_json
from vseg.cli.revisions import changed
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.pipelines.run_edit import RunEdit
    from vseg.types.edit_values import Edit

Absent = Annotated[
    list[str] | None,
    typer.Option("--absent", metavar="OBJ@A:B", help="Not in the image on these frames."),
]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="OBJ@A:B", help="Right on these frames: left as it is."),
]
Delete = Annotated[
    list[str] | None, typer.Option("--delete", metavar="OBJ", help="Drop the object.")
]
Rename = Annotated[
    list[str] | None, typer.Option("--rename", metavar="OBJ=NAME", help="Name the object.")
]
Merge = Annotated[
    list[str] | None,
    typer.Option("--merge", metavar="OBJ,OBJ", help="One object: it keeps the first id."),
]
Split = Annotated[
    list[str] | None,
    typer.Option("--split", metavar="OBJ@FRAME", help="Another object from this frame on."),
]


def correct(
    run: options.RunFolder,
    absent: Absent = None,
    accept: Accept = None,
    delete: Delete = None,
    rename: Rename = None,
    merge: Merge = None,
    split: Split = None,
    as_json: options.Json = False,
) -> None:
    """Correct a finished run: a new revision, in which all else stays as it is."""
    from vseg.pipelines.run_edit import RunEdit
    from vseg.prompts import parse_edits as parse

    def edits(opened: "RunEdit") -> "Iterator[Edit]":
        """In this order, whatever the order of the options."""
        yield from parse.parse_delete(delete or ())
        yield from parse.parse_absent(absent or (), opened.range_of)
        yield from parse.parse_merge(merge or ())
        yield from parse.parse_split(split or (), opened.frame_of)
        yield from parse.parse_rename(rename or ())
        yield from parse.parse_accept(accept or (), opened.range_of)

    with RunEdit(run) as opened:
        for edit in edits(opened):
            opened.apply(edit)
    revision = opened.revision
    if revision is None:
        raise UsageError(
            "nothing to correct was given",
            hint="for example --absent 2@40:55, --rename 1=car or --merge 4,7",
        )
    if as_json:
        show_json({"run": str(run), **revision.model_dump(mode="json")})
        return
    print(f"{run}: revision {revision.number}{changed(revision)}")
    print(f"back with: vseg revisions {run} --undo")
