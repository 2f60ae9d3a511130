"""A run in other programs' formats: a module per format, all called through `export`.

Enters: an open run.  Leaves: a file or folder, under its final name only once it is whole, and
a loss_report.json where the format had no room for something.
"""

import json
from functools import partial
from pathlib import Path
from types import MappingProxyType

from vseg.errors import UsageError
from vseg.exchange.coco import CocoFormat
from vseg.exchange.davis import DavisFormat
from vseg.exchange.mot import MotFormat
from vseg.interfaces.export_format import ExportFormat, Loss, MaskSequence
from vseg.io.files import atomic_folder, atomic_path, atomic_write_text, check_free

_EVERY: tuple[ExportFormat, ...] = (CocoFormat(), DavisFormat(), MotFormat())
FORMATS = MappingProxyType({one.name: one for one in _EVERY})
LOSS_REPORT = "loss_report.json"


def export(
    masks: MaskSequence, format_name: str, out: Path, *, overwrite: bool = False
) -> list[Path]:
    """Write a run to `out` in a format of FORMATS; the paths that were written.

    The loss report is OUT/loss_report.json for a folder, OUT.loss_report.json beside a file.
    Raises UsageError for an unknown format, OutputError if `out` exists and `overwrite` is not
    given, holds files of another kind, or cannot be written, and BadRun if the run is damaged.
    """
    if format_name not in FORMATS:
        raise UsageError(
            f"unknown export format {format_name!r}",
            hint=f"known: {', '.join(sorted(FORMATS))}",
        )
    chosen = FORMATS[format_name]
    check_free(
        out,
        overwrite=overwrite,
        is_member=partial(_is_exported, chosen) if chosen.folder else None,
    )
    if not chosen.folder:
        with atomic_path(out) as unfinished:
            loss = chosen.write(masks, unfinished)
        report = out.with_name(f"{out.name}.{LOSS_REPORT}")
        report.unlink(missing_ok=True)
        if loss.pixels:
            atomic_write_text(report, _loss_report(chosen, loss))
        return [out, report] if loss.pixels else [out]
    with atomic_folder(out) as unfinished:
        loss = chosen.write(masks, unfinished)
        if loss.pixels:
            atomic_write_text(unfinished / LOSS_REPORT, _loss_report(chosen, loss))
    return [out]


def _is_exported(chosen: ExportFormat, path: Path) -> bool:
    return path.is_file() and (path.suffix == chosen.suffix or path.name == LOSS_REPORT)


def _loss_report(chosen: ExportFormat, loss: Loss) -> str:
    report = {
        "format": chosen.name,
        "reason": loss.reason,
        "objects": [
            {"object_id": obj, "pixels_lost": loss.pixels[obj], "frames": loss.frames[obj]}
            for obj in sorted(loss.pixels)
        ],
    }
    return json.dumps(report, indent=2) + "\n"
