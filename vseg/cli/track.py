"""`vseg track`: prompts or detections in, a run directory out."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.report import show_json
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.config import TrackConfig
    from vseg.interfaces.model import Model
    from vseg.pipelines.job import JobOutcome, TrackJob

_TABLES = {
    "memory": {
        "policy": "--memory-policy",
        "approximation": "--memory-approximation",
        "budget_mib": "--memory-budget",
    },
    "redetection": {
        "grounder": "--grounder",
        "tagger": "--tagger",
        "vocabulary": "--vocabulary",
        "detect_every": "--detect-every",
        "until": "--until",
        "max_objects": "--max-objects",
    },
}
"""Settings in tables that are options too."""


def track(
    clip: options.Source,
    out: Annotated[Path, typer.Option("-o", "--out", help="The run directory to write.")],
    point: options.Points = None,
    box: options.Boxes = None,
    scribble: options.Scribbles = None,
    mask: options.Masks = None,
    label: options.Labels = None,
    text: options.Texts = None,
    exemplar: options.Exemplars = None,
    auto: options.Auto = False,
    grounder: options.GrounderName = None,
    tagger: options.TaggerName = None,
    vocabulary: options.Vocabulary = None,
    detect_every: options.DetectEvery = None,
    until: options.Until = None,
    max_objects: options.MaxObjects = None,
    detections: options.DetectionsFile = None,
    frames: options.Range = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue an interrupted run, with its own settings."),
    ] = False,
    overwrite: options.Overwrite = False,
    preview: Annotated[
        bool | None,
        typer.Option("--preview/--no-preview", help="Write overlay.mp4 and contact.png."),
    ] = None,
    model: options.Model = None,
    weights: options.Weights = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    short_side: options.ShortSide = None,
    flip: options.Flip = None,
    compile: options.Compile = None,
    encode_ahead: options.EncodeAhead = None,
    reader: options.ReaderName = None,
    memory_policy: options.MemoryPolicy = None,
    memory_approximation: options.MemoryApproximation = None,
    memory_budget: options.MemoryBudget = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Track prompted or detected objects through a clip; store their masks on every frame."""
    from vseg.pipelines.job import TrackJob
    from vseg.prompts.parse import parse_concepts, parse_labels, parse_prompts

    if resume and overwrite:
        raise UsageError(
            "--resume and --overwrite exclude each other", hint="give one of them"
        )
    job = TrackJob(
        source=clip,
        out=out,
        prompts=(
            *parse_prompts(point or (), box or (), scribble or (), mask or ()),
            *parse_concepts(text or (), exemplar or ()),
        ),
        labels=parse_labels(label or ()),
        config=read_config(
            config,
            range=frames,
            preview=preview,
            model=model,
            weights=weights,
            device=device,
            dtype=dtype,
            short_side=short_side,
            flip=flip,
            compile=compile,
            encode_ahead=encode_ahead,
            reader=reader,
            memory=chosen(
                policy=memory_policy,
                approximation=memory_approximation,
                budget_mib=memory_budget,
            ),
            redetection=chosen(
                grounder=grounder,
                tagger=tagger,
                vocabulary=vocabulary,
                detect_every=detect_every,
                until=until,
                max_objects=max_objects,
            ),
        ),
        resume=resume,
        overwrite=overwrite,
        detections=detections,
        everything=auto,
    )
    outcome = run_job(job)
    show_outcome(outcome, resume_command(job, config), as_json=as_json)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def read_config(path: Path | None, **overrides: Any) -> "TrackConfig":
    """The settings of a file, if any, with the options given put over them."""
    from vseg.config import TrackConfig, checked, load_toml, without_none

    if path is None:
        return checked(TrackConfig, without_none(overrides))
    return load_toml(path, TrackConfig, **overrides)


def chosen(**keys: Any) -> dict[str, Any] | None:
    """The keys of one table that were given as options; None if none was."""
    return {key: value for key, value in keys.items() if value is not None} or None


def run_job(job: "TrackJob", *, model: "Model | None" = None) -> "JobOutcome":
    """Track, showing progress on stderr; Ctrl-C ends it in an orderly way."""
    from vseg.cli.interrupt import stop_on_request
    from vseg.cli.progress import ProgressReport
    from vseg.pipelines.job import ProgressCallbacks
    from vseg.pipelines.track import track as run_track

    with stop_on_request() as stop, ProgressReport("tracking") as report:
        callbacks = ProgressCallbacks(report, stop, report.note)
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
    for sentence in outcome.not_found:
        print(sentence)
    if again:
        print(f"resume with: {again}")


def summary(outcome: "JobOutcome") -> str:
    """One line: the run, how it ended, how fast it was."""
    if outcome.damage:
        ended = f"partial: damaged at frame {outcome.damage.frame} ({outcome.damage.reason})"
    else:
        ended = outcome.status
    if not outcome.frames:
        return f"{outcome.out}: {ended} already, nothing to do"
    rate = outcome.frames / outcome.times.total_s
    return f"{outcome.out}: {ended}, {outcome.frames} frames tracked at {rate:.1f} frames/s"


def resume_command(job: "TrackJob", config: Path | None) -> str:
    """The command that goes on with the job: prompts are in the run, settings must be
    repeated.
    """
    words = ["vseg", "track", job.source, "-o", str(job.out), "--resume"]
    words += ["--config", str(config)] if config else []
    words += ["--detections", str(job.detections)] if job.detections else []
    words += ["--auto"] if job.everything else []
    words += [
        w for key, name in sorted(job.labels.items()) for w in ("--label", f"{key}={name}")
    ]
    for key, value in job.config.model_dump(exclude_defaults=True).items():
        flag = f"--{key.replace('_', '-')}"
        if key == "preview":
            words.append("--no-preview")
        elif key in ("flip", "compile"):
            words.append(flag)
        elif key in _TABLES:
            options_of = _TABLES[key].items()
            words += [
                w for k, option in options_of if k in value for w in (option, str(value[k]))
            ]
        elif key not in ("shard_frames", "detections", "identity"):
            words += [flag, str(value)]
    return shlex.join(words)
