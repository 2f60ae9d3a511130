"""`vseg track`: prompts or detections in, a run directory out."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json, show_warnings
from vseg.cli.loading import loading
from vseg.cli.option_groups import (
    DetectionOptions,
    DetectionsFileOptions,
    ModelOptions,
    PromptOptions,
    flat,
)
from vseg.errors import UsageError
from vseg.io.files import check_exists
from vseg.ops.counted import counted

if TYPE_CHECKING:
    from vseg.interfaces.model import Model
    from vseg.pipelines.job import JobOutcome, TrackJob


@flat
def track(
    clip: options.Source,
    out: Annotated[Path, typer.Option("-o", "--out", help="The run directory to write.")],
    prompts: PromptOptions,
    detection: DetectionOptions,
    detector: DetectionsFileOptions,
    model: ModelOptions,
    label: options.Labels = None,
    frames: options.Range = None,
    direction: options.Direction = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue a run with its own prompts and settings."),
    ] = False,
    overwrite: options.Overwrite = False,
    preview: Annotated[
        bool | None,
        typer.Option("--preview/--no-preview", help="Write overlay.mp4 and contact.png."),
    ] = None,
    encode_ahead: options.EncodeAhead = None,
    reader: options.ReaderName = None,
    numbering: options.Numbering = None,
    topic: options.Topic = None,
    stop_at_damage: options.StopAtDamage = None,
    as_json: options.Json = False,
) -> None:
    """Track prompted or detected objects through a clip; store their masks on every frame."""
    # Before anything is imported that loads torch: a wrong name is answered at once.
    check_exists(clip)
    from vseg.pipelines.job import TrackJob
    from vseg.prompts.parse import parse_labels

    if resume and overwrite:
        raise UsageError(
            "--resume and --overwrite exclude each other", hint="give one of them"
        )
    given = prompts.prompts()
    detection.check_used(given)
    job = TrackJob(
        source=clip,
        out=out,
        prompts=given,
        labels=parse_labels(label or ()),
        config=model.read(
            range=frames,
            direction=direction,
            preview=preview,
            encode_ahead=encode_ahead,
            reader=reader,
            frames=numbering,
            topic=topic,
            stop_at_damage=stop_at_damage,
            **detector.settings(),
            **detection.settings(),
        ),
        resume=resume,
        overwrite=overwrite,
        detections=detector.detections,
        everything=prompts.auto,
        strict=detector.strict,
    )
    outcome = run_job(job)
    show_outcome(outcome, resume_command(job), as_json=as_json)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def run_job(job: "TrackJob", *, model: "Model | None" = None) -> "JobOutcome":
    """Track, showing progress on stderr; Ctrl-C ends it in an orderly way."""
    with loading():
        from vseg.cli.interrupt import stop_on_request
        from vseg.cli.progress import ProgressReport
        from vseg.pipelines.job import ProgressCallbacks
        from vseg.pipelines.track import track as run_track

    with stop_on_request() as stop, ProgressReport("tracking") as report:
        callbacks = ProgressCallbacks(
            report, stop, report.note, on_drawn=report.stage("drawing")
        )
        return run_track(job, model=model, callbacks=callbacks)


def show_outcome(outcome: "JobOutcome", resume: str, *, as_json: bool) -> None:
    """Where the run lies and how it ended, and what to type next if it was interrupted."""
    again = resume if outcome.status == "interrupted" else None
    if as_json:
        show_json(outcome.facts() | {"resume": again})
        return
    print(summary(outcome))
    for path in outcome.images:
        print(f"  {path}")
    for sentence in (*outcome.detection_changes, *outcome.notes):
        print(sentence)
    show_warnings(outcome.warnings)
    if again:
        print(f"resume with: {again}")


def summary(outcome: "JobOutcome") -> str:
    """One line: the run, how it ended, how fast it was."""
    ended = f"partial: {outcome.damage}" if outcome.damage else outcome.status
    if not outcome.frames:
        return f"{outcome.out}: {ended} already, nothing to do"
    rate = outcome.frames / outcome.times.total_s
    frames = counted(outcome.frames, "frame")
    return f"{outcome.out}: {ended}, {frames} written at {rate:.1f} frames/s"


def resume_command(job: "TrackJob") -> str:
    """The command that goes on with the job: prompts and settings are in the run."""
    return shlex.join(["vseg", "track", job.source, "-o", str(job.out), "--resume"])
