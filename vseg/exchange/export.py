"""A stored run in other people's formats: one module for each, all called through `export`.

Enters: an open run.  Leaves: a file or folder, under its final name only once it is whole.
What a format cannot hold is counted in a loss_report.json beside it.
"""

from pathlib import Path
from types import MappingProxyType

from vseg.errors import OutputError, UsageError
from vseg.exchange.coco import write_coco
from vseg.exchange.davis import write_davis
from vseg.results.run import Run

FORMATS = MappingProxyType({"coco": write_coco, "davis": write_davis})


def export(run: Run, format: str, out: Path) -> None:
    """Write the run to `out` in a format of FORMATS.

    Raises UsageError for an unknown format, OutputError if `out` exists or cannot be written,
    and BadRun if the run is damaged.
    """
    if format not in FORMATS:
        raise UsageError(
            f"unknown export format {format!r}", hint=f"known: {', '.join(sorted(FORMATS))}"
        )
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise OutputError(
            f"{out} exists already", hint="delete it, or name another place with -o"
        )
    FORMATS[format](run, out)
