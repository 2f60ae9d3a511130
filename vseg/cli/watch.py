"""`vseg watch`: cameras and streams in, one JSON line per frame out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.live_options import StreamOptions, TellingOptions
from vseg.cli.loading import loading
from vseg.cli.option_groups import DetectionOptions, ModelOptions, PromptOptions, flat
from vseg.cli.record_options import RecordOptions
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.config import TrackConfig
    from vseg.types import Prompt

LiveName = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="A camera number, a stream's address, a folder that grows, or a clip.",
    ),
]


@flat
def watch(
    prompts: PromptOptions,
    detection: DetectionOptions,
    model: ModelOptions,
    stream: StreamOptions,
    telling: TellingOptions,
    recording: RecordOptions,
    place: LiveName = None,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="Stop after N frames.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option("--overlay", help="Also record the frames with their masks: an mp4."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Also store the masks: a run directory.")
    ] = None,
    label: options.Labels = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Track objects on live sources; Ctrl-C ends it.  Prompts are on the first frame.

    Frames that arrive while the last one is processed are skipped: the output is always
    current.  A line has frame, time_s, dropped, objects (id, label, visible, score, box,
    area) and events; with --source also camera.  A camera that is lost is connected again,
    and the first line after it has gap_s.  -o stores the frames that were given out as a run,
    which has their masks and times but not their images; of several cameras, as a run for
    each.
    """
    with loading():
        from vseg.cli.live_loop import LiveJob, watch_live
        from vseg.pipelines.job import TrackJob
        from vseg.prompts.parse import parse_labels
        from vseg.results.output_place import check_output

    cameras = stream.cameras(place)
    given = prompts.prompts()
    detection.check_used(given)
    job = TrackJob(
        source=place or "",
        out=out or Path(),
        prompts=given,
        config=model.read(**detection.settings()),
        labels=parse_labels(label or ()),
        everything=prompts.auto,
        overwrite=overwrite,
    )
    if prompts.auto == bool(job.prompts):
        raise UsageError(
            "give prompts, or --auto, and only one of them",
            hint="for example: vseg watch 0 --text person",
        )
    if overlay is not None:
        if len(cameras) > 1:
            raise UsageError(
                "--overlay records one camera, not several",
                hint="leave it out, or watch that camera by itself",
            )
        check_output(overlay, overwrite=overwrite, reads=cameras.values())
    _note_words(job.prompts, job.config)
    broken = watch_live(
        LiveJob(
            job, cameras, stream, telling, recording, frames, overlay, store=out is not None
        )
    )
    if overlay is not None:
        print(f"recorded {overlay}", file=sys.stderr)
    if out is not None:
        print(f"stored {out}", file=sys.stderr)
    if broken is not None:
        raise broken


def _note_words(requests: "tuple[Prompt, ...]", settings: "TrackConfig") -> None:
    """Say on stderr which words nano takes for wider ones, and what its words are worth."""
    if settings.redetection.grounder is not None:
        return
    from vseg.grounding.vocabulary import HELD_OUT, narrower_notes, weak_notes
    from vseg.types import Text

    phrases = [r.value.phrase for r in requests if isinstance(r.value, Text)]
    for note in (*narrower_notes(phrases, HELD_OUT), *weak_notes(phrases, HELD_OUT, {})):
        print(note, file=sys.stderr)
