"""How commands answer: results on stdout, errors on stderr in two lines, exit codes."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from vseg.errors import ExitCode, VsegError

if TYPE_CHECKING:
    from vseg.results.records import RunWarning


class Command(TyperCommand):
    """A command whose typed errors become a message and an exit code, never a traceback."""

    # The context's class moved between typer releases, so it has no name here that holds for
    # all.
    def invoke(self, ctx: Any) -> Any:
        """Run the command.  Raises typer.Exit with the error's exit code."""
        try:
            return super().invoke(ctx)
        except VsegError as error:
            show_error(error, as_json=bool(ctx.params.get("as_json")))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as stop:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(ExitCode.INTERRUPTED) from stop


def show_error(error: VsegError, *, as_json: bool) -> None:
    """One line saying what was wrong and one saying what to type next; or the same as JSON."""
    if as_json:
        show_json(
            {
                "error": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
                "exit_code": error.exit_code,
            }
        )
        return
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def show_json(value: Mapping[str, Any]) -> None:
    """One JSON document on stdout; paths and fractions as text."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def show_warnings(warnings: "Sequence[RunWarning]") -> None:
    """For each, a line saying what happened and one saying what to type next, on stderr."""
    for warning in warnings:
        print(f"warning: {warning.message}", file=sys.stderr)
        print(f"hint: {warning.hint}", file=sys.stderr)


def show_pairs(value: Mapping[str, Any]) -> None:
    """Name and value on a line each, names aligned, on stdout."""
    width = max((len(name) for name in value), default=0)
    for name, item in value.items():
        print(f"{name.replace('_', ' '):<{width}}  {item}")


def show_written(
    written: Sequence[Path], unfinished: str | None, *, as_json: bool, **facts: Any
) -> None:
    """The paths written, a line each on stdout, or as JSON with more facts.

    unfinished: what is missing of the run that they are of, which is said on stderr.
    """
    if as_json:
        show_json({"written": written, **facts, "unfinished": unfinished})
        return
    print(*written, sep="\n")
    if unfinished:
        print(f"note: {unfinished}", file=sys.stderr)
