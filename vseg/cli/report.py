"""`vseg report`: one run as a page for people."""

from pathlib import Path
from typing import Annotated

from typer import Option

from vseg.cli import options
from vseg.cli.answers import show_json, show_warnings
from vseg.cli.label import Clip


def report(
    run: options.RunFolder,
    out: Annotated[Path, Option("-o", "--out", help="The page to write (.html).")],
    clip: Clip = None,
    revision: options.RevisionNumber = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Write a page about a run: one file without scripts that loads nothing from elsewhere.

    It shows when each object is present, how large it is, images of it, anchors, accepted
    spans, events, and where the masks are probably wrong.  Where the clip is not there any
    more, the page has no images.
    """
    from vseg.analysis.report_page import write_report
    from vseg.build import open_run
    from vseg.results.output_place import check_output

    opened = open_run(run, revision)
    check_output(out, overwrite=overwrite, reads=(clip, opened.header.source.path))
    summary = write_report(opened, out, clip)
    warnings = summary.warnings
    if as_json:
        show_json(
            {
                "written": out,
                "frames": summary.frames,
                "objects": summary.total_objects,
                "masks": summary.queue.masks,
                "wrong": summary.queue.wrong,
                "risky_spans": summary.queue.found,
                "warnings": [warning.model_dump() for warning in warnings],
            }
        )
        return
    print(out)
    show_warnings(warnings)
