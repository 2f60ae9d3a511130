"""The pictures of a run: the clip with its masks drawn over, as an mp4 and as one contact sheet."""

from pathlib import Path

from vseg.build import open_video
from vseg.errors import BadRun
from vseg.results.render import contact_sheet, render_video
from vseg.results.run import Run


def render_previews(
    run: Run, overlay: Path, sheet: Path | None, *, source: str | None = None
) -> tuple[Path, ...]:
    """The files written: the overlay mp4 and, if asked for, the contact sheet.

    source: the clip, where the run does not name it or it has moved.  Raises BadRun if it has
    another frame size than the run.
    """
    with open_video(
        _source_of(run, source), str(run.header.options.get("reader", "auto"))
    ) as video:
        render_video(run, video, overlay)
        if sheet is None:
            return (overlay,)
        contact_sheet(run, video, sheet)
        return overlay, sheet


def _source_of(run: Run, source: str | None) -> str:
    """Where the clip is.  Raises BadRun if nothing tells."""
    if source is not None:
        return source
    if run.header.source is None:
        raise BadRun(f"{run.path} was made from a live source", hint="give a recording: --video")
    return run.header.source.path
