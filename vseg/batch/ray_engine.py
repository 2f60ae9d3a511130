"""Workers as Ray actors, on one machine or on a cluster.

Enters: a schedule.  Leaves: manifests, written as jobs end.  An actor loads its model once and
takes whole clips; what goes between it and the driver is a job and a manifest, and nothing
large enters the object store.  Ray starts an actor that died again, where there is room; the
job that it had is given to another one by the schedule and not by Ray, which would not see
that a clip takes every worker with it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vseg.batch.manifest import Manifest, write_manifest
from vseg.batch.place import Place, committed_frames, open_place
from vseg.batch.run_clip import ClipRunner
from vseg.batch.schedule import Attempt, Schedule, WorkerDeath
from vseg.batch.watcher import BatchWatcher
from vseg.batch.worker_messages import BeginJob
from vseg.batch.worker_process import worker_environment
from vseg.errors import UsageError
from vseg.pipelines.job import ProgressCallbacks

_POLL_S = 0.5
"""How long a request to stop, or a job that may be tried again, waits at most."""


@dataclass(frozen=True, slots=True)
class RayResources:
    """What each actor asks for.  address: of a cluster; None starts Ray on this machine."""

    address: str | None = None
    cpus: int = 1
    gpus: float = 0.0


class ClipActor:
    """What runs in an actor: one job at a time, and beside it a request to stop."""

    def __init__(self, place: str, name: str) -> None:
        self._runner = ClipRunner(open_place(place), name)
        self._stopped = threading.Event()
        self._at = (0, 0)

    def do(self, begin: str) -> str:
        """Do a job; how it ended."""
        asked = BeginJob.model_validate_json(begin)
        self._at = (0, 0)
        callbacks = ProgressCallbacks(self._advance, self._stopped.is_set)
        return self._runner.run(asked.job, asked.attempt, callbacks).model_dump_json()

    def _advance(self, done: int, total: int) -> None:
        self._at = (done, total)

    def at(self) -> tuple[int, int]:
        """How many frames of its job are tracked, of how many; 0 before the first."""
        return self._at

    def stop(self) -> None:
        """Commit the frame at hand and end the job."""
        self._stopped.set()


@dataclass(slots=True)
class _Busy:
    """An actor, and what it does."""

    name: str
    actor: Any
    attempt: Attempt


class RayEngine:
    """Does the jobs of a schedule with some actors.

    stop(): whether to end; then the frames at hand are committed, and their jobs left to be
    continued.
    """

    def __init__(
        self,
        place: Place,
        workers: int,
        watcher: BatchWatcher,
        stop: Callable[[], bool],
        resources: RayResources | None = None,
    ) -> None:
        """Raises UsageError where Ray is not installed."""
        self._ray = _ray()
        self._place = place
        self._workers = workers
        self._watcher = watcher
        self._stop = stop
        self._resources = resources or RayResources()
        self._busy: dict[Any, _Busy] = {}
        self._asked: dict[Any, _Busy] = {}
        # Actors that died, until they answer: a job given before would die with nobody.
        self._restarting: dict[Any, tuple[str, Any]] = {}

    def run(self, schedule: Schedule) -> None:
        """Do all jobs, or end early when asked to.  Raises OutputError for a manifest that
        cannot be written.
        """
        started = self._start()
        try:
            idle = deque(self._actors())
            while (schedule and not self._stop()) or self._busy:
                idle.extend(self._restarted())
                self._give(schedule, idle)
                if self._stop():
                    self._end()
                self._collect(schedule, idle)
                self._ask()
        finally:
            if started:
                self._ray.shutdown()

    def _start(self) -> bool:
        """Connect to Ray; whether it was not before."""
        if self._ray.is_initialized():
            return False
        address = self._resources.address
        options: dict[str, Any] = {"address": address}
        if address is None:
            cpus = self._workers * self._resources.cpus
            options = {"num_cpus": cpus, "include_dashboard": False}
        self._ray.init(**options, log_to_driver=False)
        return True

    def _actors(self) -> list[tuple[str, Any]]:
        actor = self._ray.remote(
            num_cpus=self._resources.cpus,
            num_gpus=self._resources.gpus,
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=3,  # a job, how far it is, and the request to stop it
            runtime_env={"env_vars": worker_environment(self._resources.cpus)},
        )(ClipActor)
        names = [f"ray-{number}" for number in range(self._workers)]
        return [(name, actor.remote(self._place.name, name)) for name in names]

    def _give(self, schedule: Schedule, idle: deque[tuple[str, Any]]) -> None:
        while idle and not self._stop():
            attempt = schedule.take(time.monotonic())
            if attempt is None:
                return
            name, actor = idle.popleft()
            begin = BeginJob(job=attempt.job, attempt=attempt.number)
            self._busy[actor.do.remote(begin.model_dump_json())] = _Busy(name, actor, attempt)
            self._watcher.begins(name, attempt)

    def _collect(self, schedule: Schedule, idle: deque[tuple[str, Any]]) -> None:
        """What has ended within the next moment."""
        if not self._busy:
            time.sleep(_POLL_S)
            return
        ended, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=_POLL_S)
        for task in ended:
            busy = self._busy.pop(task)
            final, died = self._final(task, busy, schedule)
            if final is not None:
                write_manifest(self._place, final)
                schedule.settled(final, busy.attempt)
            self._watcher.ends(busy.name, busy.attempt, final)
            if died:
                self._restarting[busy.actor.at.remote()] = (busy.name, busy.actor)
            else:
                idle.append((busy.name, busy.actor))

    def _restarted(self) -> list[tuple[str, Any]]:
        """The actors that died and are there again."""
        asked = list(self._restarting)
        answered, _ = (
            self._ray.wait(asked, num_returns=len(asked), timeout=0) if asked else ([], [])
        )
        alive = []
        for question in answered:
            name, actor = self._restarting.pop(question)
            try:
                self._ray.get(question)
            except self._ray.exceptions.RayError as error:
                _check_started(error)
                self._restarting[actor.at.remote()] = (name, actor)
            else:
                alive.append((name, actor))
        return alive

    def _final(
        self, task: Any, busy: _Busy, schedule: Schedule
    ) -> tuple[Manifest | None, bool]:
        """What is to be written of a job, None if it is tried again; whether its actor died.

        Raises UsageError where actors cannot even start.
        """
        now = time.monotonic()
        try:
            manifest = Manifest.model_validate_json(self._ray.get(task))
        except self._ray.exceptions.RayError as error:
            _check_started(error)
            if getattr(error, "preempted", False):  # its machine was taken away
                schedule.postponed(busy.attempt, now)
                return None, True
            reached = committed_frames(self._place, busy.attempt.job.job_id)
            death = WorkerDeath(busy.name, f"died: {str(error).splitlines()[0]}", reached)
            return schedule.killed(busy.attempt, death, now), True
        return schedule.ended(busy.attempt, manifest, now), False

    def _ask(self) -> None:
        """Tell the watcher how far the jobs are, and ask the actors again."""
        answered, _ = self._ray.wait(
            list(self._asked), num_returns=max(1, len(self._asked)), timeout=0
        )
        for question in answered:
            busy = self._asked.pop(question)
            with suppress(self._ray.exceptions.RayError):
                done, total = self._ray.get(question)
                if done and any(busy is one for one in self._busy.values()):
                    self._watcher.advances(busy.name, done, total)
        waiting = [busy.name for busy in self._asked.values()]
        for busy in self._busy.values():
            if busy.name not in waiting:
                self._asked[busy.actor.at.remote()] = busy

    def _end(self) -> None:
        for busy in self._busy.values():
            busy.actor.stop.remote()


def _check_started(error: Exception) -> None:
    """Raise UsageError for an actor that cannot even start: no clip's fault."""
    if getattr(error, "actor_init_failed", False):
        raise UsageError(
            f"no Ray worker can start: {str(error).splitlines()[-1]}",
            hint="are vseg, its weights and the extra of the bucket on every node?",
        ) from error


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError("Ray is not installed", hint="pip install 'vseg[ray]'") from error
    return ray
