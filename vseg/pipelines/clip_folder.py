"""A folder of recorded clips that never outgrows its limits.

Only files with the names that are given here are ever removed.
"""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vseg.errors import OutputError
from vseg.io.files import make_folder
from vseg.io.unfinished import is_own

# 20261127T125501Z, and a number where a camera begins two clips in a second.
_CLIP = re.compile(
    r"\.?[A-Za-z0-9_-]{1,64}-\d{8}T\d{6}Z(-\d+)?\.mp4(\.\d+-\d*-[0-9a-f]{8}\.part)?"
)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """most_bytes: of all clips together.  most_days: how long one is kept.  reserve_bytes:
    what stays free on the disk, so that events can be written when recording must stop.
    """

    most_bytes: int
    most_days: float
    reserve_bytes: int = 256 * 2**20


class ClipFolder:
    """Names clips, and makes room for them."""

    def __init__(self, folder: Path, limits: ClipLimits) -> None:
        """Make the folder.  Raises OutputError."""
        self.folder = folder
        self._limits = limits
        make_folder(folder, "clips")

    def new_path(self, camera: str, now: datetime) -> Path:
        """Where a clip goes that begins now (UTC)."""
        stem = f"{camera or 'camera'}-{now:%Y%m%dT%H%M%SZ}"
        path = self.folder / f"{stem}.mp4"
        number = 1
        while path.exists():
            number += 1
            path = self.folder / f"{stem}-{number}.mp4"
        return path

    def make_room(self) -> None:
        """Remove clips that are too old, and the oldest while there are too many."""
        clips = sorted(self._clips())
        total = sum(size for _, size, _ in clips)
        too_old_s = time.time() - self._limits.most_days * _DAY_S
        for changed_s, size, path in clips:
            if changed_s >= too_old_s and total <= self._limits.most_bytes:
                return
            # Whoever removed it meanwhile made the same room.
            with suppress(OSError):
                path.unlink()
            total -= size

    def check_room(self) -> None:
        """Raise OutputError where the disk is about to be full."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be written: {error.strerror}",
                hint="check that the disk is there",
            ) from error
        if free < self._limits.reserve_bytes:
            raise OutputError(
                f"{self.folder}: only {free >> 20} MiB are left on the disk",
                hint=f"free some space; {self._limits.reserve_bytes >> 20} MiB are left for "
                "events",
            )

    def _clips(self) -> Iterator[tuple[float, int, Path]]:
        """When each clip was last changed, its bytes and its path; what a killed process left
        behind counts too, but not what this one is writing.
        """
        with suppress(OSError):
            for path in self.folder.iterdir():
                if is_own(path) or not _CLIP.fullmatch(path.name):
                    continue
                with suppress(OSError):
                    stat = path.stat()
                    yield stat.st_mtime, stat.st_size, path
