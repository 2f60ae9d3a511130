"""What commands say: results on stdout, errors on stderr in two lines, or either as JSON."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vseg.errors import VsegError

if TYPE_CHECKING:
    from vseg.results.records import RunWarning


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
    """One JSON document on stdout; paths and fractions as text.  What the encoding of stdout
    does not have is escaped.
    """
    text = json.dumps(value, indent=2, default=str, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, default=str)
    print(text)


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
