"""The images of a run: the clip with its masks drawn over, as mp4 and as contact sheet."""

from pathlib import Path

from vseg.build import open_clip
from vseg.prompts.placing import frames_of
from vseg.results.render import RenderView, contact_sheet, render_video
from vseg.results.run import Run


def render_previews(
    run: Run,
    overlay: Path,
    sheet: Path | None,
    *,
    source: str | None = None,
    frames: str = ":",
    side_by_side: bool = False,
) -> tuple[Path, ...]:
    """The files written: the overlay mp4 and, if asked for, the contact sheet.

    source: the clip, where it has moved since.  frames: a range, as in 0:300 or 2s:5s.  Raises
    BadRun for another clip than the run's, BadPrompt and UsageError for the range.
    """
    with open_clip(run, source) as video:
        chosen = None if frames == ":" else frames_of(video, frames)
        view = RenderView(chosen, side_by_side)
        render_video(run, video, overlay, view)
        if sheet is None:
            return (overlay,)
        contact_sheet(run, video, sheet, view)
        return overlay, sheet
