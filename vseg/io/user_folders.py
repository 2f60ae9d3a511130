"""Folders of the user that a machine has for programs (XDG Base Directory Specification)."""

import os
from contextlib import suppress
from pathlib import Path


def user_folder(variable: str, below_home: str) -> Path | None:
    """vseg's folder: below the one that the environment names, or that of the home folder.

    As the specification says, a relative path counts as not set: the same command would have
    another folder wherever it is started.  None for a user without a home folder, as
    containers have under the number of another system.
    """
    named = Path(os.environ.get(variable, ""))
    with suppress(RuntimeError):
        folder = named if named.is_absolute() else Path.home() / below_home
        return folder / "vseg" if folder.is_absolute() else None
    return None
