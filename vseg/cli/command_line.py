"""The commands of `vseg`.  Each group has its file; heavy imports wait inside the commands."""

from collections.abc import Callable
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

COMMANDS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    "Track": {
        "track": track.track,
        "watch": watch.watch,
        "annotate": annotate.annotate,
        "batch": batch.app,
        "demo": demo.demo,
    },
    "Review and correct": {
        "review": review.review,
        "accept": accept.accept,
        "correct": correct.correct,
        "revisions": revisions.revisions,
        "associate": associate.associate,
        "label": label.label,
    },
    "Show and find": {
        "frame": source.frame,
        "render": outputs.render,
        "report": run_report.report,
        "events": events_command.events,
        "search": search.search,
    },
    "Clips and files": {
        "probe": source.probe,
        "export": outputs.export,
        "import": import_command.import_masks,
        "validate": validate_command.validate,
    },
    "Service": {
        "serve": serve.serve,
        "keys": key_commands.app,
    },
    "Models and measurements": {
        "models": models.app,
        "doctor": machine.doctor,
        "bench": bench.bench,
        "eval": evaluate.evaluate,
        "verify-model": verify_model.verify_model,
        "train": train.app,
        "distill": distill.distill,
    },
}
"""The commands by the panel of the help that lists them."""

for _panel, _commands in COMMANDS.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, rich_help_panel=_panel)
            continue
        _words = ("Examples:", *EXAMPLES[_name]) if _name in EXAMPLES else ()
        app.command(
            _name,
            cls=Command,
            epilog="\n\n".join(_words) or None,
            rich_help_panel=_panel,
        )(_command)
