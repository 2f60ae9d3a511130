"""Options of clips that are recorded around events."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vseg.pipelines.clip_recorder import ClipRecorder


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """Clips around events."""

    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FOLDER",
            help="Record clips around the events of --zones, or else where objects come.",
        ),
    ] = None
    record_roll: Annotated[
        float,
        typer.Option(
            "--record-roll",
            metavar="SECONDS",
            min=0.0,
            max=60.0,
            help="How much before and after an event a clip shows.",
        ),
    ] = 5.0
    record_size: Annotated[
        float,
        typer.Option(
            "--record-size", metavar="GB", min=0.001, help="Remove the oldest clips above it."
        ),
    ] = 10.0
    record_days: Annotated[
        float,
        typer.Option("--record-days", metavar="DAYS", min=0.001, help="Remove older clips."),
    ] = 7.0

    def recorder(self, say: Callable[[str], None], *, zones: bool) -> "ClipRecorder | None":
        """What records, if anything.  Raises OutputError."""
        if self.record is None:
            return None
        from vseg.pipelines.clip_folder import ClipFolder, ClipLimits
        from vseg.pipelines.clip_recorder import ClipRecorder, RecordSettings

        limits = ClipLimits(int(self.record_size * 1e9), self.record_days)
        settings = RecordSettings(self.record_roll, objects=not zones)
        return ClipRecorder(ClipFolder(self.record, limits), settings, say)
