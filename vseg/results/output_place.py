"""Where a command may write: never over what it reads, nor over the files of a run."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from vseg.errors import OutputError
from vseg.io.files import check_free
from vseg.results.layout import (
    ANNOTATION,
    CONTACT_SHEET,
    LABEL_SHEET,
    MADE_FILES,
    OVERLAY,
    is_of_run,
    is_run,
)

_IMAGES = frozenset({OVERLAY, CONTACT_SHEET, LABEL_SHEET})


def check_output(
    target: Path,
    *,
    overwrite: bool,
    is_member: Callable[[Path], bool] | None = None,
    reads: Iterable[str | Path | None] = (),
) -> None:
    """Raise OutputError unless an output may be written at `target`: as `check_free` says, and
    with `overwrite` neither over what is read nor over a file that a run consists of.

    reads: files and addresses that the command reads; None where one was not given.  Images of
    a run can be drawn again, so they may be replaced.
    """
    other = "name another place with -o"
    # os.path.exists and not Path.exists: an address may be too long for a name.
    for read in reads if os.path.exists(target) else ():
        if read is not None and os.path.exists(read) and target.samefile(read):
            raise OutputError(f"{target} is what the command reads", hint=other)
    run = _run_around(target)
    if run is not None and target.name not in _IMAGES:
        raise OutputError(f"{target} belongs to the run {run}", hint=other)
    check_free(target, overwrite=overwrite, is_member=is_member)


def _run_around(target: Path) -> Path | None:
    """The run whose own file `target` is, or lies among; None of any other place."""
    inner = target.absolute()
    for folder in inner.parents:
        if is_run(folder) and is_of_run(inner):
            made = folder / ANNOTATION / MADE_FILES
            return None if target.absolute().is_relative_to(made) else folder
        inner = folder
    return None
