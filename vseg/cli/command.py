"""A command of vseg: how its words are taken, and how it ends where something fails.

Enters: the words of the command line.  Leaves: an exit code, after one line that says what was
wrong and one that says what to type next.
"""

import errno
import os
import re
import select
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from vseg.cli.answers import show_error
from vseg.cli.interrupt import terminate_as_interrupt
from vseg.errors import ExitCode, VsegError

_OPTION_WITHOUT_VALUE = re.compile("--[^=]+=")


class Command(TyperCommand):
    """A command whose errors become a message and an exit code, never a traceback: the typed
    ones, and what the system refuses.
    """

    # The context's class moved between typer releases, so it has no name here that holds for
    # all.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words of the command line.  Ends the command for an empty one: as a path it
        would stand for the current folder, and a script whose variable is not set writes it;
        for an option of other commands; and for - in the place of a file.
        """
        for place, word in enumerate(args):
            if word == "" or _OPTION_WITHOUT_VALUE.fullmatch(word):
                named = word.rstrip("=") or (args[place - 1] if place else f"vseg {self.name}")
                ctx.fail(
                    f"an empty word follows {named}: is a variable not set? . is this folder"
                )
        own = {name for param in self.params for name in param.opts + param.secondary_opts}
        own.update(ctx.help_option_names)
        typed = [word.partition("=")[0] for word in args if word.startswith("--")]
        for name in (name for name in typed if name not in own):
            root = ctx.find_root().command
            root.load_all()
            if others := commands_with(name, root):
                ctx.fail(f"No such option: {name} (it is one of {', '.join(others)})")
        rest = super().parse_args(ctx, args)
        for param in self.params:
            if ctx.params.get(param.name) == Path("-"):
                named = param.opts[-1] if param.opts[-1].startswith("-") else param.name
                ctx.fail(f"{named} is a file, and - stands for stdin or stdout: name a file")
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command.  Raises typer.Exit with the error's exit code."""
        try:
            with terminate_as_interrupt():
                answer = super().invoke(ctx)
            flush()
        except VsegError as error:
            _tell(error, as_json=bool(ctx.params.get("as_json")))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as stop:
            raise interrupted() from stop
        except OSError as error:
            code = end_refused(error, as_json=bool(ctx.params.get("as_json")))
            raise typer.Exit(code) from error
        return answer


def commands_with(option: str, group: Any, path: str = "vseg") -> list[str]:
    """The commands of a group that have an option, as they are typed."""
    found: list[str] = []
    for name, command in getattr(group, "commands", {}).items():
        typed = f"{path} {name}"
        has = any(option in param.opts + param.secondary_opts for param in command.params)
        found += [typed] if has else commands_with(option, command, typed)
    return found


def interrupted() -> typer.Exit:
    """Tell that Ctrl-C ended the command; what is to be raised."""
    print("interrupted", file=sys.stderr)
    return typer.Exit(ExitCode.INTERRUPTED)


def end_refused(error: OSError, *, as_json: bool = False) -> ExitCode:
    """Tell what the system refused and no stage of the work has named; the exit code."""
    if isinstance(error, BrokenPipeError) and _nobody_reads():
        _drop_unwritten()
        return ExitCode.OUTPUT_CLOSED
    refused = _refused(error)
    _tell(refused, as_json=as_json)
    return refused.exit_code


def _tell(error: VsegError, *, as_json: bool) -> None:
    """Show an error as the command was asked to, or on stderr where stdout takes nothing.
    What stderr does not take is left to the exit code.
    """
    try:
        show_error(error, as_json=as_json)
        if as_json:
            flush()
    except OSError:
        with suppress(OSError):
            show_error(error, as_json=False)
    _drop_unwritten()


def flush() -> None:
    """Write out what was printed: what the system refuses of it is an error of the command."""
    if sys.stdout is not None:  # None where stdout was closed (>&-)
        sys.stdout.flush()


def _drop_unwritten() -> None:
    """Drop what stdout does not take, so that the end of Python does not stumble over it."""
    try:
        flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _nobody_reads() -> bool:
    """Whether who read stdout has closed it, as `| head` does: a pipe to a process of our own
    may break as well.
    """
    try:
        asked = select.poll()
        asked.register(sys.stdout.fileno(), select.POLLOUT)
        return any(state & (select.POLLERR | select.POLLHUP) for _, state in asked.poll(0))
    except (AttributeError, OSError, ValueError):  # no poll, or no stdout
        return False


def _refused(error: OSError) -> VsegError:
    """What the system refused and no stage of the work has named."""
    what = str(error.filename) if error.filename is not None else "the system refused"
    if len(what) > _MOST_SHOWN:
        what = f"{what[:_MOST_SHOWN]}..."
    hint = _HINTS.get(error.errno or 0, "check the path, its permissions and the disk")
    return VsegError(f"{what}: {error.strerror or error}", hint=hint)


_MOST_SHOWN = 120
"""Characters of a path: longer ones fill the terminal."""
_HINTS = {
    errno.ENAMETOOLONG: "a name has at most 255 bytes: take a shorter one",
    errno.ENOSPC: "free some space (df -h), or write elsewhere",
    errno.EMFILE: "allow more open files: ulimit -n 4096",
    errno.EACCES: "check the permissions (ls -l)",
    errno.EPERM: "check the permissions (ls -l)",
    errno.ELOOP: "links lead in a circle (ls -l)",
}
