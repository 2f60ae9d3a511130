"""What this machine offers: `vseg doctor`."""

import typer

from vseg.cli import options
from vseg.cli.answers import show_json, show_pairs
from vseg.errors import ExitCode


def doctor(as_json: options.Json = False) -> None:
    """Check versions, processor, GPU, codecs, readers, disk and weights."""
    from vseg.pipelines.diagnose import diagnose

    diagnosis = diagnose()
    if as_json:
        show_json(diagnosis.facts())
    else:
        show_pairs(diagnosis.facts())
        for problem in diagnosis.problems:
            print(f"problem: {problem}")
    if diagnosis.problems:
        raise typer.Exit(ExitCode.MODEL_OR_DEVICE)
