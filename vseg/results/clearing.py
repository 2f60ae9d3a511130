"""Deletes of a run directory what belongs to a run; files of others stay."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vseg.errors import OutputError
from vseg.io.unfinished import is_unfinished
from vseg.results.layout import (
    ANNOTATION,
    DERIVED,
    EVENTS,
    EXEMPLARS,
    FRAME_SHARDS,
    FRAMES,
    HEADER,
    MASK_SHARDS,
    OBJECTS,
    PROMPTS,
    REVISIONS,
    SPANS,
    TRACKS,
)


def clear_contents(root: Path) -> None:
    """Delete everything that belongs to a run except its header; foreign files stay.

    The prompts go first: a run that begins in this place must never be taken to have them.
    """
    with _refusal_named(root):
        for name in (PROMPTS, FRAMES, OBJECTS, EVENTS, SPANS, TRACKS, *DERIVED):
            (root / name).unlink(missing_ok=True)
        for folder in (MASK_SHARDS, EXEMPLARS, REVISIONS, ANNOTATION):
            if (root / folder).exists():
                shutil.rmtree(root / folder)
    clear_progress(root)
    clear_unfinished_writes(root)


def clear_run(root: Path) -> None:
    """Delete a whole run; the folder goes too unless foreign files are in it."""
    clear_contents(root)
    with _refusal_named(root):
        (root / HEADER).unlink(missing_ok=True)
        if not any(root.iterdir()):
            root.rmdir()


def remove(path: Path) -> None:
    """Delete what is there: a file, a folder, a link, or nothing."""
    with _refusal_named(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def clear_unfinished_writes(root: Path) -> None:
    """Delete the temporary files that a killed process left behind."""
    with _refusal_named(root):
        for path in root.rglob(".*.part"):
            if is_unfinished(path):
                path.unlink(missing_ok=True)


def clear_progress(root: Path) -> None:
    """Delete what only an unfinished run needs: shards of frames, saved states."""
    with _refusal_named(root):
        if (root / FRAME_SHARDS).exists():
            shutil.rmtree(root / FRAME_SHARDS)
    clear_states(root, keep=None)


def clear_states(root: Path, keep: str | None) -> None:
    """Delete the saved states of all commits but one."""
    with _refusal_named(root):
        for path in root.glob("state-*.safetensors"):
            if path.name != keep:
                path.unlink(missing_ok=True)


@contextmanager
def _refusal_named(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot delete {error.filename or root}: {error.strerror}",
            hint="check the folder's permissions, or write elsewhere",
        ) from error
