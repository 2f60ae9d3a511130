"""The images of a run: the clip with its masks drawn over, as mp4 and as contact sheet."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from vseg.build import open_clip
from vseg.exchange.rerun_log import LoggedFrame, RerunLog, event_words
from vseg.frame_masks import FrameMasks
from vseg.prompts.placing import frames_of
from vseg.results.render import RenderView, contact_sheet, render_video, shown_frames
from vseg.results.run import Run


def render_previews(  # noqa: PLR0913 - one parameter for each option of `vseg render`
    run: Run,
    overlay: Path,
    sheet: Path | None,
    *,
    source: str | None = None,
    frames: str = ":",
    side_by_side: bool = False,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Path, ...]:
    """The files written: the overlay mp4 and, if asked for, the contact sheet.

    source: the clip, where it has moved since.  frames: a range, as in 0:300 or 2s:5s.
    on_frame(done, total): called after each frame of the mp4.  Raises BadRun for another clip
    than the run's, BadPrompt and UsageError for the range.
    """
    with open_clip(run, source) as video:
        chosen = None if frames == ":" else frames_of(video, frames)
        view = RenderView(chosen, side_by_side)
        render_video(run, video, overlay, view, on_frame)
        if sheet is None:
            return (overlay,)
        contact_sheet(run, video, sheet, view)
        return overlay, sheet


def log_to_rerun(
    run: Run,
    target: str,
    *,
    source: str | None = None,
    frames: str = ":",
    overwrite: bool = False,
) -> None:
    """Log the clip with its masks for Rerun: to a file, or to its viewer (`spawn`).

    Raises as `render_previews` and `RerunLog` do.
    """
    lines: dict[int, list[str]] = defaultdict(list)
    for event in run.events:
        lines[event.frame].append(event_words(event))
    tags = run.tags
    with (
        open_clip(run, source) as video,
        RerunLog(target, run.name, colours=run.colours, overwrite=overwrite) as log,
    ):
        chosen = None if frames == ":" else frames_of(video, frames)
        for frame, stored in shown_frames(run, video, RenderView(chosen)):
            masks = FrameMasks.empty(frame) if stored is None else stored
            log.log(LoggedFrame(frame, masks, tags, lines.get(frame.index, ())))
