"""Files of other programs as masks: a module per format, all called through `read_masks`.

Enters: a file, a folder, or a zip of one.  Leaves: a MaskSequence, frame by frame.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from vseg.errors import BadExchange
from vseg.exchange.file_rows import located
from vseg.exchange.formats import format_named
from vseg.exchange.spool import MaskSpool
from vseg.interfaces.mask_format import MaskFormat
from vseg.io.archive import unpacked
from vseg.types import VideoInfo


def read_masks(
    path: Path, format_name: str, video: VideoInfo, name: str, taken: Iterable[int] = ()
) -> MaskSpool:
    """The masks of a clip in a file or folder of a format of FORMATS.  Close what comes back.

    video, name: the clip that they belong to.  taken: ids that a new object must not get.
    Raises UsageError for an unknown format, and
    BadExchange naming the place if something cannot be read, is unsafe to read, or does not
    fit the clip; nothing outside `path` is read.
    """
    chosen = format_named(format_name)
    spool = MaskSpool(name, video)
    try:
        with located(str(path)), _unpacked(path, chosen) as content:
            chosen.read(content, spool)
            spool.number_objects(taken)
    except OSError as error:
        spool.close()
        reason = f"cannot read {error.filename or path!s:.120}: {error.strerror or error}"
        raise BadExchange(reason, hint="check the path") from error
    except BaseException:
        spool.close()
        raise
    return spool


def _unpacked(path: Path, chosen: MaskFormat) -> AbstractContextManager[Path]:
    suffix = None if chosen.folder else chosen.suffix
    return unpacked(path, suffix=suffix, own=chosen.beside)
