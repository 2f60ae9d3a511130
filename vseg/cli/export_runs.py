"""Runs in another format, one by itself or several as a data set, for `vseg export`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.exchange.sidecar import Origin
    from vseg.interfaces.mask_format import MaskSequence
    from vseg.results.run import Run


@dataclass(frozen=True, slots=True)
class RunExport:
    """What `vseg export` was told about runs."""

    to: str
    every: int | None
    classes: tuple[str, ...]
    val: float | None
    images: bool
    revision: int | None

    def open(self, paths: Sequence[str]) -> "list[Run]":
        """The runs.  Raises UsageError for settings that cannot be, BadRun for damage."""
        from vseg.batch.overview import with_runs_of_batches
        from vseg.build import open_run

        if self.every is not None and self.every < 1:
            raise UsageError(f"--every {self.every}: it counts frames", hint="--every 5")
        if self.val is not None and not 0 <= self.val <= 1:
            raise UsageError(f"--val {self.val}: it is a share of the runs", hint="--val 0.2")
        folders = with_runs_of_batches(paths)
        if self.revision is not None and len(folders) > 1:
            raise UsageError("--revision is of one run", hint="drop it, or export one run")
        runs = [open_run(path, self.revision) for path in folders]
        for run in runs:
            run.check_objects()
        return runs

    def write(self, runs: "Sequence[Run]", out: Path, *, overwrite: bool) -> list[Path]:
        """Write the file or folder; the paths that were written."""
        from vseg.build import open_clip
        from vseg.exchange.dataset import DataSetClip, export_dataset
        from vseg.exchange.export import export

        if len(runs) == 1 and self.val is None and not self.images:
            masks, origin = self._view(runs[0])
            return export(masks, self.to, out, overwrite=overwrite, origin=origin)
        clips = []
        for run in runs:
            masks, origin = self._view(run)
            opener = partial(open_clip, run) if self.images else None
            clips.append(DataSetClip(masks, origin, opener))
        return export_dataset(clips, self.to, out, val=self.val or 0.0, overwrite=overwrite)

    def _view(self, run: "Run") -> "tuple[MaskSequence, Origin]":
        """What is exported of a run."""
        from vseg.exchange.sidecar import origin_of
        from vseg.exchange.views import EveryNth, Renamed

        settings: dict[str, str | int | float] = {}
        masks: MaskSequence = run
        if self.every is not None:
            masks = EveryNth(masks, self.every)
            settings["every"] = self.every
        names = dict(map(_renaming, self.classes))
        if names:
            masks = Renamed(masks, names)
            settings |= {f"class {old}": new for old, new in names.items()}
        return masks, origin_of(run, settings)


def _renaming(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise UsageError(f"--class {text}: no LABEL=NAME", hint="--class dog=animal")
    return old, new
