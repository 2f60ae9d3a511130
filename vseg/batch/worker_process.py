"""One worker process, seen from the driver."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from pydantic import TypeAdapter

from vseg.batch.manifest import Manifest
from vseg.batch.place import Place
from vseg.batch.schedule import Attempt
from vseg.batch.worker_messages import Advance, BeginJob, End
from vseg.io.files import make_folder
from vseg.weights.threads import LIBRARY_DEFAULTS, THREADS_VARIABLE

LOGS = "logs"
_MESSAGE: TypeAdapter[Advance | End] = TypeAdapter(Advance | End)
_END_S = 10.0
"""For a worker without a job to end by itself."""


class WorkerProcess:
    """A process that does one job at a time; what it prints goes to logs/NAME.log of
    the batch's folder on this machine."""

    def __init__(self, place: Place, name: str, threads: int) -> None:
        """Start it.  Raises OutputError where the folder of its log cannot be made."""
        self.name = name
        logs = place.folder / LOGS
        make_folder(logs, "logs")
        with (logs / f"{name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vseg.batch.worker_main", place.name, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | worker_environment(threads),
                text=True,
                # Ctrl-C is for the driver, which tells its workers.
                start_new_session=True,
            )

    def do(self, attempt: Attempt, on_frame: Callable[[int, int], None]) -> Manifest | None:
        """How the job ended; None if the worker died of it.  on_frame(done, total)."""
        assert self._process.stdin is not None and self._process.stdout is not None
        begin = BeginJob(job=attempt.job, attempt=attempt.number)
        try:
            self._process.stdin.write(begin.model_dump_json() + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        for line in self._process.stdout:
            if not line.endswith("\n"):  # it died while it wrote
                break
            message = _MESSAGE.validate_json(line)
            if isinstance(message, End):
                return message.manifest
            on_frame(message.done, message.total)
        return None

    def how_it_died(self) -> str:
        """In words, once it has."""
        code = self._process.wait()
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def stop(self) -> None:
        """Ask it to commit the frame at hand and end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once; what it committed stays."""
        self._process.kill()

    def close(self) -> None:
        """End it: at once if it has no job, else when its job is."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def worker_environment(threads: int) -> dict[str, str]:
    """No worker computes with more than its share of the cores, and none takes the core that
    another needs while it waits.
    """
    return {
        THREADS_VARIABLE: str(threads),
        "OMP_NUM_THREADS": str(threads),
    } | LIBRARY_DEFAULTS
