"""Revisions of a run: which one is read, back and forth, and which are kept.

Enters: a run directory.  Leaves: run.json with another current revision; no mask is touched.
"""

from pathlib import Path

from vseg.errors import BadRun
from vseg.results.draft import clear_unlisted
from vseg.results.layout import content_root, read_header, write_header
from vseg.results.records import RunHeader
from vseg.results.write_lock import write_lock


def undo(path: Path) -> RunHeader:
    """Make the parent of the current revision the one that is read.  Raises BadRun at 0."""
    header = read_header(path)
    current = next((r for r in header.revisions if r.number == header.revision), None)
    if current is None:
        raise BadRun(
            f"nothing to undo: {path} is as it was tracked", hint="--redo goes forward"
        )
    return go_to(path, current.parent)


def redo(path: Path) -> RunHeader:
    """Make the newest revision made from the current one the one that is read.

    Raises BadRun if there is none.
    """
    header = read_header(path)
    children = [r.number for r in header.revisions if r.parent == header.revision]
    if not children:
        raise BadRun(
            f"nothing to redo: no revision of {path} was made from {header.revision}",
            hint=f"`vseg revisions {path}` lists them; --to N reads any",
        )
    return go_to(path, max(children))


def go_to(path: Path, number: int) -> RunHeader:
    """Make a revision the one that is read.  Raises BadRun if there is none of that number."""
    with write_lock(path):
        header = read_header(path)
        content_root(path, header, number)
        header = header.model_copy(update={"revision": number})
        write_header(path, header)
    return header


def prune(path: Path) -> tuple[int, ...]:
    """Delete every revision that the current one was not made from; their numbers."""
    with write_lock(path):
        header = read_header(path)
        kept = ancestry(header, header.revision)
        chain = tuple(r for r in header.revisions if r.number in kept)
        gone = tuple(r.number for r in header.revisions if r.number not in kept)
        header = header.model_copy(update={"revisions": chain})
        # The list goes first: a folder that is not in it counts as gone already.
        write_header(path, header)
        clear_unlisted(path, header)
    return gone


def ancestry(header: RunHeader, number: int) -> set[int]:
    """A revision and all that it was made from, down to 0."""
    parents = {known.number: known.parent for known in header.revisions}
    found = {number}
    while number:
        number = parents[number]
        found.add(number)
    return found
