"""A folder below the system's temporary one that is the same at every start, and the user's
own: on a machine of several people nobody finds another's clips there, nor puts others in
their place.
"""

import os
import sys
import tempfile
from pathlib import Path

from vseg.errors import OutputError
from vseg.io.files import make_folder


def private_folder(name: str, what: str) -> Path:
    """The folder of this name and user, made if it is not there.

    what: what is to be written there, as the message names it.  Raises OutputError, also where
    a link or another user's folder has the place.
    """
    if sys.platform == "win32":  # its temporary folder is of one user already
        folder = Path(tempfile.gettempdir()) / name
        make_folder(folder, what)
        return folder
    user = os.getuid()
    folder = Path(tempfile.gettempdir()) / f"{name}-{user}"
    make_folder(folder, what)
    if folder.is_symlink() or folder.stat().st_uid != user:
        raise OutputError(
            f"{folder} is not a folder of yours",
            hint="name another temporary folder: TMPDIR=FOLDER",
        )
    folder.chmod(0o700)
    return folder
