"""Files that are made of a run for who annotates it: exports and reports.

Enters: an open clip.  Leaves: a file in RUN/annotation/files, which the page offers to save.
An export is a zip archive, which `vseg import` takes back as it is.
"""

import shutil
from pathlib import Path

from vseg.analysis.report_page import write_report
from vseg.exchange.export import export
from vseg.exchange.formats import format_named
from vseg.exchange.sidecar import origin_of
from vseg.io.unfinished import scratch_folder
from vseg.results.layout import MADE_FILES
from vseg.results.run import Run
from vseg.server.annotator.open_clip import OpenClip


def export_file(opened: OpenClip, format_name: str) -> Path:
    """The run in a format of `vseg export`.  Raises UsageError for an unknown one."""
    chosen = format_named(format_name)
    run = Run(opened.project.path)
    folder = _folder(opened)
    with scratch_folder(folder / "export") as scratch:
        # With what was lost and where the masks are from beside it: one archive.
        inside = scratch / "export"
        if not chosen.folder:
            inside.mkdir()
        out = inside if chosen.folder else inside / f"{run.name}{chosen.suffix}"
        export(run, chosen.name, out, origin=origin_of(run))
        archive = Path(shutil.make_archive(str(scratch / "whole"), "zip", inside))
        return archive.replace(folder / f"{run.name}-{chosen.name}.zip")


def report_file(opened: OpenClip) -> Path:
    """The report of `vseg report`, one page with its images."""
    run = Run(opened.project.path)
    run.take_source(opened.clip)
    path = _folder(opened) / f"{run.name}-report.html"
    write_report(run, path, str(opened.clip))
    return path


def _folder(opened: OpenClip) -> Path:
    folder = opened.project.journal.root / MADE_FILES
    folder.mkdir(parents=True, exist_ok=True)
    return folder
