"""Workers of a batch within the process of a test: where it is not their processes that are
tested, those would spend most of their time on importing torch.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from vseg.batch.manifest import Manifest
from vseg.batch.place import Place, open_place
from vseg.batch.run_clip import ClipRunner
from vseg.batch.schedule import Attempt
from vseg.batch.worker_messages import BeginJob, End
from vseg.batch.worker_process import WorkerProcess
from vseg.pipelines.job import ProgressCallbacks


class WorkerInProcess(WorkerProcess):
    """What is said to it and what it says goes through the same text; it never dies."""

    def __init__(self, place: Place, name: str, threads: int) -> None:
        self.name = name
        self._runner = ClipRunner(open_place(place.name), name)
        self._stopped = threading.Event()

    def do(self, attempt: Attempt, on_frame: Callable[[int, int], None]) -> Manifest:
        text = BeginJob(job=attempt.job, attempt=attempt.number).model_dump_json()
        begin = BeginJob.model_validate_json(text)
        callbacks = ProgressCallbacks(on_frame, self._stopped.is_set)
        manifest = self._runner.run(begin.job, begin.attempt, callbacks)
        return End.model_validate_json(End(manifest=manifest).model_dump_json()).manifest

    def stop(self) -> None:
        self._stopped.set()

    def kill(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        pass


@contextmanager
def workers_in_process() -> Iterator[None]:
    """Until the block ends, batches start no processes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("vseg.batch.local_engine.WorkerProcess", WorkerInProcess)
        yield
