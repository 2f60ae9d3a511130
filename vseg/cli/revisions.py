"""`vseg revisions`: the corrected states of a run, listed, compared, chosen, pruned."""

from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.errors import UsageError
from vseg.ops.counted import counted

if TYPE_CHECKING:
    from vseg.results.records import Revision, RunHeader


def revisions(
    run: options.RunFolder,
    undo: Annotated[
        bool, typer.Option("--undo", help="Go back to what the current one was made from.")
    ] = False,
    redo: Annotated[
        bool,
        typer.Option("--redo", help="Go forward to the newest made from the current one."),
    ] = False,
    to: Annotated[
        int | None, typer.Option("--to", min=0, metavar="N", help="Make N the current one.")
    ] = None,
    compare: Annotated[
        tuple[int, int] | None,
        typer.Option(
            "--compare", metavar="A B", help="IoU per object and span of two of them."
        ),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete those that the current one was not made from."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """List the revisions of a run, compare two, or choose the one that is read."""
    asked = [undo, redo, to is not None, compare is not None, prune]
    if sum(asked) > 1:
        raise UsageError(
            "--undo, --redo, --to, --compare and --prune exclude each other",
            hint="give one of them",
        )
    if compare is not None:
        _compare(run, compare, as_json)
        return
    gone = _change(run, undo=undo, redo=redo, to=to, prune=prune)
    _show(run, gone, as_json)


def _change(
    run: Path, *, undo: bool, redo: bool, to: int | None, prune: bool
) -> tuple[int, ...]:
    """Do what was asked; the numbers of revisions that were deleted."""
    from vseg.results import revision_chain as stored

    if undo:
        stored.undo(run)
    if redo:
        stored.redo(run)
    if to is not None:
        stored.go_to(run, to)
    return stored.prune(run) if prune else ()


def _show(run: Path, gone: tuple[int, ...], as_json: bool) -> None:
    from vseg.results.layout import read_header

    header = read_header(run)
    if as_json:
        show_json(_facts(run, header) | {"pruned": list(gone)})
        return
    if gone:
        print(f"deleted: {', '.join(map(str, gone))}")
    print(_line(0, header.revision, f"as tracked, {header.created:%Y-%m-%d %H:%M}"))
    for revision in header.revisions:
        print(_line(revision.number, header.revision, described(revision)))


def described(revision: "Revision") -> str:
    """One line: when it was made from what, what was said, and what changed."""
    made = f"from {revision.parent}, {revision.created:%Y-%m-%d %H:%M}"
    tracked = f", {counted(revision.frames, 'frame')} tracked" if revision.frames else ""
    return f"{made}: {' '.join(revision.commands)}{tracked}{changed(revision)}"


def changed(revision: "Revision") -> str:
    """The spans of a revision in words, at most three for each object."""
    parts = []
    for object_id, spans in sorted(revision.spans.items()):
        named = ", ".join(f"{first}:{end}" for first, end in spans[:3])
        more = f" and {len(spans) - 3} more" if len(spans) > 3 else ""
        parts.append(f"; object {object_id}: {named}{more}")
    return "".join(parts)


def show_next(run: Path) -> None:
    """What to type after a revision was made: drawing it, which is not done by itself, and the
    way back.
    """
    from vseg.results.layout import OVERLAY

    typed = quote(str(run))
    drawn = run / OVERLAY
    stale = f" ({drawn} shows the run as tracked)" if drawn.exists() else ""
    print(f"draw it with: vseg render {typed}{stale}")
    print(f"back with: vseg revisions {typed} --undo")


def _line(number: int, current: int, text: str) -> str:
    return f"{'*' if number == current else ' '} {number:>3}  {text}"


def _facts(run: Path, header: "RunHeader") -> dict[str, Any]:
    listed = [revision.model_dump(mode="json") for revision in header.revisions]
    return {"run": str(run), "revision": header.revision, "revisions": listed}


def _compare(run: Path, pair: tuple[int, int], as_json: bool) -> None:
    from vseg.results.compare_revisions import compare_revisions

    spans = compare_revisions(run, *pair)
    if as_json:
        show_json({"run": str(run), "revisions": pair, "spans": [asdict(s) for s in spans]})
        return
    for span in spans:
        print(
            f"object {span.object_id}, frames {span.first}:{span.end}: mean IoU "
            f"{span.mean_iou:.3f}, least {span.least_iou:.3f}"
        )
    if not spans:
        print(f"revisions {pair[0]} and {pair[1]} have the same masks")
