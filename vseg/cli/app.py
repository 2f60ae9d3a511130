"""The `vseg` script: the commands are loaded once Ctrl-C is listened to, and how they end is
told.
"""

import gc
import io
import sys

from vseg.errors import ExitCode


def main() -> None:
    """Entry point of the `vseg` script."""
    try:
        _run()
    except KeyboardInterrupt:  # before the command itself has begun
        print("interrupted", file=sys.stderr)
        raise SystemExit(ExitCode.INTERRUPTED) from None


def _run() -> None:
    """Run the command of the command line."""
    from vseg.cli.command import end_refused, flush
    from vseg.cli.command_line import app
    from vseg.weights.threads import spare_memory

    spare_memory()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding does not have is shown, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            flush()
            # What is left ends with the process: no cycles need be looked for in all of it.
            gc.freeze()
    except OSError as error:  # of what is no command: the help, the version
        raise SystemExit(end_refused(error)) from None
