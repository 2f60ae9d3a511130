"""The images of a run: the clip with its masks drawn over, as mp4 and as contact sheet."""

from pathlib import Path

from vseg.build import open_clip
from vseg.results.render import contact_sheet, render_video
from vseg.results.run import Run


def render_previews(
    run: Run, overlay: Path, sheet: Path | None, *, source: str | None = None
) -> tuple[Path, ...]:
    """The files written: the overlay mp4 and, if asked for, the contact sheet.

    source: the clip, where it has moved since.  Raises BadRun if it has
    another frame size than the run.
    """
    with open_clip(run, source) as video:
        render_video(run, video, overlay)
        if sheet is None:
            return (overlay,)
        contact_sheet(run, video, sheet)
        return overlay, sheet
