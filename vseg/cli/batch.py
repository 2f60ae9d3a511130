"""`vseg batch`: many clips, each as `vseg track` does it; and what came of them."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.batch_engine import EngineOptions
from vseg.cli.command import Command
from vseg.cli.option_groups import DetectionOptions, ModelOptions, PromptOptions, flat
from vseg.errors import ExitCode, UsageError
from vseg.ops.counted import counted

if TYPE_CHECKING:
    from vseg.batch.overview import Overview
    from vseg.batch.place import Place
    from vseg.batch.planning import Plan


class _Running(TyperGroup):
    """A group that runs a batch where no command is named."""

    default_command = "run"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command that was left out."""
        named = not args or args[0] in self.commands or args[0] in ("-h", "--help")
        return super().parse_args(ctx, args if named else [self.default_command, *args])


app = typer.Typer(
    cls=_Running,
    no_args_is_help=True,
    help="Track thousands of clips; go on where it stopped.",
)
Out = Annotated[
    str, typer.Argument(metavar="OUT", help="The folder of a batch, or its address.")
]


@app.command("run", cls=Command)
@flat
def run_jobs(
    jobs: Annotated[
        str,
        typer.Argument(
            metavar="JOBS", help="A .jsonl or .csv file, a folder, or 'clips/**/*.mp4'."
        ),
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", help="The folder of the batch, or an address.")
    ],
    prompts: PromptOptions,
    detection: DetectionOptions,
    model: ModelOptions,
    engine: EngineOptions,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="LENGTH", help="Cut clips into stretches of 10m for workers."
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Write overlay.mp4 and contact.png of each clip.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Track every clip of a list; started again, do only what is missing.

    Options of `vseg track` hold for all clips that do not say otherwise in the list.  OUT/jobs
    has a run for each clip, OUT/manifests how each ended.
    """
    from vseg.batch.job_list import read_jobs
    from vseg.batch.place import open_place
    from vseg.batch.planning import make_plan

    engine.share()
    config = model.read(preview=preview, **detection.settings())
    cut = {} if split is None else {"split": split}
    lines = read_jobs(jobs, _defaults(prompts) | cut | {"settings": _said(config)}, out)
    place = open_place(out)
    plan = make_plan(lines, place)
    if dry_run:
        _show_plan(place, plan, as_json=as_json)
        return
    _do(place, plan, engine, as_json=as_json)


@app.command("status", cls=Command)
def show_status(
    out: Out,
    every: Annotated[
        bool,
        typer.Option("--list", help="Also list every clip, and the folder of its run."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show how many jobs have ended how, and those that came to nothing."""
    from vseg.batch.overview import listed_jobs, overview
    from vseg.batch.place import open_place
    from vseg.batch.remaining import check_batch

    place = open_place(out)
    check_batch(place)
    listed = listed_jobs(place) if every else None
    if as_json:
        clips = {} if listed is None else {"clips": [asdict(job) for job in listed]}
        show_json({"batch": place.name} | overview(place).facts() | clips)
        return
    for job in listed or ():
        frames = f", {counted(job.frames, 'frame')}" if job.frames else ""
        print(f"{job.clip}  {job.run or '-'}  {job.status}{frames}")
    _show(place, overview(place), as_json=False, listed=every)


@app.command("retry", cls=Command)
@flat
def retry_jobs(
    out: Out,
    engine: EngineOptions,
    job: Annotated[
        list[str] | None,
        typer.Option("--job", metavar="ID", help="Only this job, also if it is done."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Do the jobs again that came to nothing, and what is still to be done."""
    from vseg.batch.place import open_place
    from vseg.batch.planning import read_plan
    from vseg.batch.remaining import check_batch, forget_failures

    engine.share()
    place = open_place(out)
    check_batch(place)
    forget_failures(place, job or ())
    _do(place, read_plan(place), engine, as_json=as_json)


@app.command("summary", cls=Command)
def summarise(
    out: Out,
    table: Annotated[
        Path, typer.Option("-o", "--out", help="The .parquet file to write.")
    ] = Path("summary.parquet"),
    as_json: options.Json = False,
) -> None:
    """Write a table with a row for each object of each clip, as Parquet."""
    if table.suffix.lower() != ".parquet":
        name = f"{table.stem or 'summary'}.parquet"
        raise UsageError(
            f"{table} is not a .parquet file",
            hint=f"-o {table.parent / name}; pandas and DuckDB read it",
        )
    from vseg.batch.overview import finished_jobs
    from vseg.batch.place import open_place
    from vseg.batch.remaining import check_batch
    from vseg.batch.summary import write_summary

    place = open_place(out)
    check_batch(place)
    done = finished_jobs(place)
    rows = write_summary(place, done, table)
    if as_json:
        show_json({"written": table, "runs": len(done), "rows": rows})
    else:
        print(f"{table}: {counted(rows, 'object')} of {counted(len(done), 'clip')}")


def _defaults(prompts: PromptOptions) -> dict[str, Any]:
    """What was said for all clips, as keys of a job."""
    names = ("point", "box", "scribble", "mask", "polygon", "text", "exemplar", "auto")
    given = {name: getattr(prompts, name) for name in names}
    return {name: value for name, value in given.items() if value}


def _said(config: Any) -> dict[str, Any]:
    settings: dict[str, Any] = config.model_dump(mode="json", exclude_unset=True)
    return settings


def _do(place: "Place", plan: "Plan", engine: EngineOptions, *, as_json: bool) -> None:
    """Do what is missing of a plan, and say how the batch stands then."""
    from vseg.batch.overview import overview

    stopped = engine.do(place, plan)
    seen = overview(place)
    _show(place, seen, as_json=as_json)
    if stopped:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if seen.problems:
        raise typer.Exit(ExitCode.PARTIAL)


def _show_plan(place: "Place", plan: "Plan", *, as_json: bool) -> None:
    from vseg.batch.remaining import unfinished

    todo = [job for job, _ in unfinished(place, plan)]
    wrong = [planned for planned in plan if planned.job is None]
    if as_json:
        show_json(
            {
                "jobs": len(plan),
                "to_do": [{"job_id": job.job_id, "clip": job.line.clip} for job in todo],
                "unreadable": [planned.clip for planned in wrong],
            }
        )
        return
    for job in todo:
        print(f"{job.job_id}  {job.line.clip}")
    for planned in wrong:
        print(f"unreadable        {planned.clip}: {planned.error and planned.error.message}")
    print(f"{len(todo)} of {counted(len(plan), 'job')} to do")


def _show(place: "Place", seen: "Overview", *, as_json: bool, listed: bool = False) -> None:
    if as_json:
        show_json({"batch": place.name} | seen.facts())
        return
    counts = ", ".join(f"{count} {status}" for status, count in sorted(seen.jobs.items()))
    print(f"{place.name}: {counted(seen.total, 'clip')}: {counts}")
    if seen.stretches:
        parts = ", ".join(
            f"{count} {status}" for status, count in sorted(seen.stretches.items())
        )
        print(f"stretches of split clips: {parts}")
    if seen.frames:
        rate = f" at {seen.tracked / seen.seconds:.1f} frames/s of a worker"
        warned = f"; {counted(seen.warnings, 'warning')}" if seen.warnings else ""
        print(f"{counted(seen.frames, 'frame')}{rate if seen.tracked else ''}{warned}")
    _show_problems(seen)
    if not listed:
        print(f"which run is of which clip: vseg batch status {place.name} --list")
    _show_next(place, seen)


def _show_next(place: "Place", seen: "Overview") -> None:
    """The command for what came to nothing, or for what nobody has done yet."""
    from vseg.batch.overview import BEGUN, WAITING

    if seen.problems:
        print(f"again: vseg batch retry {place.name}")
    elif seen.jobs[WAITING] + seen.jobs[BEGUN]:
        print(f"unless a process is at work on them: vseg batch retry {place.name}")


def _show_problems(seen: "Overview") -> None:
    """The jobs that came to nothing, and why."""
    for problem in seen.problems:
        named = problem.job_id or "-"
        print(f"{problem.status}  {named}  {problem.clip}")
        if problem.error:
            print(f"  {problem.error.type}: {problem.error.message}")
            if problem.error.hint:
                print(f"  hint: {problem.error.hint}")
