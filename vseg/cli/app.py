"""The `vseg` command.  Each group of commands has its file; heavy imports wait inside the
commands.
"""

import io
import sys
from typing import Annotated

import typer

from vseg import __version__
from vseg.cli import (
    accept,
    annotate,
    associate,
    batch,
    bench,
    correct,
    demo,
    distill,
    evaluate,
    events_command,
    import_command,
    key_commands,
    label,
    machine,
    models,
    outputs,
    review,
    revisions,
    run_report,
    search,
    serve,
    source,
    track,
    train,
    validate_command,
    verify_model,
    watch,
)
from vseg.cli.report import Command
from vseg.errors import ExitCode
from vseg.weights.threads import spare_memory

app = typer.Typer(
    name="vseg",
    help="Promptable video object segmentation and tracking.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool | None) -> None:
    if asked:
        print(f"vseg {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = None,
) -> None:
    pass


EXAMPLES = {
    "track": (
        "vseg track clip.mp4 -o runs/a --point 412,220",
        "vseg track clip.mp4 -o runs/b --box 1:10,20,200,300 --point 2@1:150,90",
        "vseg track clip.mp4 -o runs/c --text person",
        "vseg track clip.mp4 -o runs/a --resume",
    ),
    "correct": (
        "vseg correct runs/a --point 2@60:412,220 --dry-run",
        "vseg correct runs/a --absent 2@40:55 --rename 1=car",
        "vseg correct runs/a --merge 4,7",
    ),
    "watch": (
        "vseg watch 0 --text person",
        "vseg watch clip.mp4 --point 412,220 --overlay seen.mp4",
        "vseg watch 0 --box 10,20,200,300 --label 1=person -o runs/live",
        "vseg watch --source door=rtsp://10.0.0.7/live --source yard=1 --text person",
    ),
    "events": (
        "vseg events runs/a --zones zones.toml",
        "vseg events runs/a --zones zones.toml -o events.jsonl --plot events.html",
    ),
    "annotate": (
        "vseg annotate clip.mp4",
        "vseg annotate clip.mp4 -o runs/a --no-browser",
        "vseg annotate runs/a",
    ),
    "serve": (
        "vseg serve --root clips",
        "vseg keys add keys.json --name lab --scope write",
        "vseg serve --root clips --host 0.0.0.0 --keys keys.json --allow-host vseg.example",
    ),
}
"""Command lines at the end of the help of a command."""

for _name, _run in (
    ("track", track.track),
    ("watch", watch.watch),
    ("probe", source.probe),
    ("frame", source.frame),
    ("render", outputs.render),
    ("export", outputs.export),
    ("import", import_command.import_masks),
    ("validate", validate_command.validate),
    ("correct", correct.correct),
    ("revisions", revisions.revisions),
    ("associate", associate.associate),
    ("events", events_command.events),
    ("label", label.label),
    ("search", search.search),
    ("review", review.review),
    ("accept", accept.accept),
    ("report", run_report.report),
    ("eval", evaluate.evaluate),
    ("bench", bench.bench),
    ("verify-model", verify_model.verify_model),
    ("doctor", machine.doctor),
    ("demo", demo.demo),
    ("distill", distill.distill),
    ("annotate", annotate.annotate),
    ("serve", serve.serve),
):
    _examples = "\n\n".join(("Examples:", *EXAMPLES[_name])) if _name in EXAMPLES else None
    app.command(_name, cls=Command, epilog=_examples)(_run)
app.add_typer(batch.app, name="batch")
app.add_typer(models.app, name="models")
app.add_typer(train.app, name="train")
app.add_typer(key_commands.app, name="keys")


def main() -> None:
    """Entry point of the `vseg` script."""
    spare_memory()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding does not have is shown, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:  # before the command itself has begun
        print("interrupted", file=sys.stderr)
        raise SystemExit(ExitCode.INTERRUPTED) from None
