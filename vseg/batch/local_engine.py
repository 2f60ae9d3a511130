"""Workers as processes of this machine, each with its share of the cores.

Enters: a schedule.  Leaves: manifests, written as jobs end.  One thread here waits for each
worker; a worker that dies is replaced.  Workers whose driver was killed commit what they have
and end.
"""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait

from vseg.batch.manifest import write_manifest
from vseg.batch.place import Place, committed_frames
from vseg.batch.schedule import Attempt, Schedule, WorkerDeath
from vseg.batch.watcher import BatchWatcher
from vseg.batch.worker_process import WorkerProcess
from vseg.weights.threads import thread_limit, usable_cores

_POLL_S = 0.1
"""How long a request to stop, or a job that may be tried again, waits at most."""


class LocalEngine:
    """Does the jobs of a schedule with some worker processes.

    stop(): whether to end; then the frames at hand are committed, and their jobs left to be
    continued.
    """

    def __init__(
        self, place: Place, workers: int, watcher: BatchWatcher, stop: Callable[[], bool]
    ) -> None:
        self._place = place
        self._workers = workers
        self._threads = max(1, cores() // workers)
        self._watcher = watcher
        self._stop = stop
        self._lock = threading.Lock()
        self._active = 0
        self._ending = False
        self._running: dict[str, WorkerProcess] = {}

    def run(self, schedule: Schedule) -> None:
        """Do all jobs, or end early when asked to.  Raises OutputError for a manifest that
        cannot be written.
        """
        with ThreadPoolExecutor(self._workers) as pool:
            names = [f"local-{number}" for number in range(self._workers)]
            lanes = [pool.submit(self._lane, name, schedule) for name in names]
            try:
                self._wait(lanes)
            except KeyboardInterrupt:  # asked a second time: not even the frame at hand
                self._end()
                self._kill()
                raise
            finally:
                self._end()
        for lane in lanes:
            lane.result()

    def _wait(self, lanes: list[Future[None]]) -> None:
        left = set(lanes)
        while left:
            left = wait(left, _POLL_S).not_done
            if self._stop():
                self._end()

    def _end(self) -> None:
        """No job is begun any more, and those at hand stop."""
        with self._lock:
            first = not self._ending
            self._ending = True
            running = list(self._running.values())
        for worker in running if first else ():
            worker.stop()

    def _kill(self) -> None:
        with self._lock:
            running = list(self._running.values())
        for worker in running:
            worker.kill()

    def _lane(self, name: str, schedule: Schedule) -> None:
        """One worker after the other, under one name, until there is nothing left to do."""
        worker: WorkerProcess | None = None
        try:
            while (attempt := self._next(schedule)) is not None:
                worker = worker or self._started(name)
                worker = self._do(worker, attempt, schedule)
        finally:
            with self._lock:
                self._running.pop(name, None)
            if worker is not None:
                worker.close()

    def _started(self, name: str) -> WorkerProcess:
        worker = WorkerProcess(self._place, name, self._threads)
        with self._lock:
            self._running[name] = worker
            ending = self._ending
        if ending:
            worker.stop()
        return worker

    def _next(self, schedule: Schedule) -> Attempt | None:
        """The next job; None once nothing waits and nothing can fail any more."""
        while True:
            with self._lock:
                if self._ending or not (len(schedule) or self._active):
                    return None
                attempt = schedule.take(time.monotonic())
                if attempt is not None:
                    self._active += 1
                    return attempt
            time.sleep(_POLL_S)

    def _do(
        self, worker: WorkerProcess, attempt: Attempt, schedule: Schedule
    ) -> WorkerProcess | None:
        """Do a job; the worker, None if it died."""
        self._watcher.begins(worker.name, attempt)
        manifest = worker.do(
            attempt, lambda done, of: self._watcher.advances(worker.name, done, of)
        )
        died = manifest is None
        how = worker.how_it_died() if died else ""
        with self._lock:
            now = time.monotonic()
            if manifest is not None:
                final = schedule.ended(attempt, manifest, now)
            elif self._ending:
                final = None
            else:
                reached = committed_frames(self._place, attempt.job.job_id)
                death = WorkerDeath(worker.name, how, reached)
                final = schedule.killed(attempt, death, now)
            self._active -= 1
        if final is not None:
            write_manifest(self._place, final)
            with self._lock:
                schedule.settled(final, attempt)
        self._watcher.ends(worker.name, attempt, final)
        if died:
            worker.close()
        return None if died else worker


def workers_here(devices: Collection[str]) -> int:
    """How many workers this machine is good for: one for each core; one where a job names
    another device than the processor, which workers would share.
    """
    return cores() if set(devices) == {"cpu"} else 1


def cores() -> int:
    """How many cores workers share: those that may be used, or fewer by `VSEG_THREADS`."""
    usable = usable_cores()
    return min(usable, thread_limit() or usable)
