"""Zip archives of files made elsewhere, checked member by member before anything is written.

Enters: a path.  Leaves: the path itself, or what a zip holds, in a folder that is removed
afterwards.
"""

import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from vseg.errors import BadExchange
from vseg.io.files import check_no_pipe, is_hidden, real_path

_MOST_MEMBERS = 200_000
"""Two files for each of 100 000 frames, an hour at 25 frames a second."""
_MOST_BYTES = 2**34
"""16 GiB unpacked."""
_MOST_RATIO = 1100
"""Deflate squeezes no more than 1032:1."""
_BLOCK = 2**20
_REPORTS = ("loss_report.json", "vseg_export.json")
"""What an export has beside its masks."""
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
)
"""What reading a member raises: damage; as a RuntimeError, a password or an unknown method."""


@contextmanager
def unpacked(path: Path, *, suffix: str | None, own: Collection[str] = ()) -> Iterator[Path]:
    """The path, or where its content lies if it is a zip, or a folder around one file.

    suffix: the ending of the file that is wanted, None where a folder is.  own: names in that
    folder, by which it is told from a folder around it.  Raises BadExchange for a zip that is
    damaged, too large, or has a member that leads out of it.
    """
    check_no_pipe(path)
    if not (path.is_file() and zipfile.is_zipfile(path)):
        yield _file_in(path, path, suffix) if suffix and path.is_dir() else path
        return
    with tempfile.TemporaryDirectory(prefix="vseg-") as temporary:
        root = Path(temporary)
        try:
            with zipfile.ZipFile(path) as archive:
                _check(path, archive.infolist())
                for member in archive.infolist():
                    if not any(map(is_hidden, _place(member).parts)):
                        _extract(path, archive, member, root)
        except DAMAGE as error:
            raise BadExchange(f"{path} cannot be unpacked: {error}") from error
        content = _file_in(path, root, suffix) if suffix else _innermost(root, own)
        with _named_as(path, root):
            yield content


@contextmanager
def _named_as(path: Path, root: Path) -> Iterator[None]:
    """Name the archive in errors, not the temporary folder, which is gone by then."""
    try:
        yield
    except BadExchange as error:
        told = error.message.replace(f"{root}/", f"{path}: ")
        raise BadExchange(told, hint=error.hint) from error


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_MEMBERS:
        raise BadExchange(f"{path} holds {len(members)} files, more than {_MOST_MEMBERS}")
    size = sum(member.file_size for member in members)
    if size > _MOST_BYTES:
        raise BadExchange(f"{path} would take {size >> 30} GiB, more than {_MOST_BYTES >> 30}")
    for member in members:
        place = _place(member)
        kind = stat.S_IFMT(member.external_attr >> 16)
        outside = place.is_absolute() or ".." in place.parts or ":" in member.filename
        if outside or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BadExchange(
                f"{path}: member {member.filename!r} leads out of the archive",
                hint="unpack it by hand if you trust it, and give the folder",
            )
        if member.file_size > _MOST_RATIO * max(1, member.compress_size):
            raise BadExchange(f"{path}: member {member.filename!r} has an impossible size")


def _place(member: zipfile.ZipInfo) -> PurePosixPath:
    """Where a member lies; Windows writes its own separator."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _extract(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, root: Path
) -> None:
    """One member, no longer than it says it is."""
    target = root / _place(member)
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise BadExchange(f"{path} holds {member.filename!r} twice")
    with archive.open(member) as source, target.open("xb") as handle:
        shutil.copyfileobj(source, handle, _BLOCK)


def _innermost(root: Path, own: Collection[str]) -> Path:
    """The folder within all that hold nothing else; one named by a number is an object's."""
    inside = sorted(root.iterdir())
    while len(inside) == 1 and inside[0].is_dir():
        name = inside[0].name
        if name in own or name.isdecimal():
            break
        root = inside[0]
        inside = sorted(root.iterdir())
    return root


def _file_in(path: Path, folder: Path, suffix: str) -> Path:
    """The only file with an ending, wherever it lies: tools put images beside it."""
    found = [file for file in sorted(folder.rglob(f"*{suffix}")) if file.is_file()]
    found = [file for file in found if not file.name.endswith(_REPORTS)]
    found = [file for file in found if not is_hidden(file.name)]
    if len(found) != 1:
        raise BadExchange(
            f"{path} holds {len(found)} files that end in {suffix}", hint="give the one itself"
        )
    if not real_path(found[0]).is_relative_to(real_path(folder)):
        raise BadExchange(f"{found[0]} leads out of {path}", hint="put the file itself there")
    return found[0]
