"""Options of `vseg batch` that say who does the jobs: processes here, or Ray actors."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.batch.batch_job import BatchJob
    from vseg.batch.local_engine import LocalEngine
    from vseg.batch.place import Place
    from vseg.batch.planning import Plan
    from vseg.batch.ray_engine import RayEngine
    from vseg.batch.remaining import MachineShare
    from vseg.batch.watcher import BatchWatcher

_ENGINES = ("local", "ray")


class _Noted:
    """Jobs on their way to a schedule, and what of them is needed beside it."""

    def __init__(self, jobs: "Iterator[tuple[BatchJob, int]]") -> None:
        self._jobs = jobs
        self.sizes: list[float] = []
        self.devices: set[str] = set()

    def __iter__(self) -> "Iterator[tuple[BatchJob, int]]":
        for job, before in self._jobs:
            self.sizes.append(job.work_bytes)
            self.devices.add(job.line.settings.get("device", "cpu"))
            yield job, before


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Who does the jobs."""

    engine: Annotated[
        str, typer.Option("--engine", metavar="local|ray", help="Processes, or Ray actors.")
    ] = "local"
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="One for each core, or one on a GPU."),
    ] = None
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="This machine's share of the jobs; a Slurm array says it by itself.",
        ),
    ] = None
    address: Annotated[
        str | None,
        typer.Option("--address", help="Of a Ray cluster; left out, Ray is started here."),
    ] = None
    gpus_per_worker: Annotated[
        float, typer.Option("--gpus-per-worker", min=0.0, help="Ray: 0.5 puts two on a GPU.")
    ] = 0.0

    metrics: Annotated[
        Path | None,
        typer.Option("--metrics", metavar="FILE", help="Write figures for Prometheus there."),
    ] = None

    def share(self) -> "MachineShare | None":
        """This machine's share of the jobs; None for all.  Raises UsageError, also for an
        engine that is none: before clips are read for a plan, which may take hours.
        """
        from vseg.batch.remaining import parse_share, share_of_environment

        if self.engine not in _ENGINES:
            raise UsageError(
                f"there is no engine '{self.engine}'", hint="--engine local or ray"
            )
        return parse_share(self.shard) if self.shard else share_of_environment(os.environ)

    def do(self, place: "Place", plan: "Plan") -> bool:
        """Do what is missing of a plan; whether it was stopped.  Raises UsageError."""
        from vseg.batch.local_engine import workers_here
        from vseg.batch.remaining import unfinished
        from vseg.batch.schedule import Schedule
        from vseg.cli.batch_progress import BatchProgress
        from vseg.cli.interrupt import stop_on_request

        share = self.share()
        own = share.of(plan) if share else range(len(plan))
        left = _Noted(unfinished(place, (plan[number] for number in own)))
        schedule = Schedule(left)
        todo = len(left.sizes)
        with stop_on_request() as stop, BatchProgress(len(own) - todo, left.sizes) as progress:
            if todo:
                workers = min(self.workers or workers_here(left.devices), todo)
                watcher = self._watcher(progress, todo)
                self._engine(place, workers, watcher, stop).run(schedule)
            return stop()

    def _watcher(self, progress: "BatchWatcher", jobs: int) -> "BatchWatcher":
        if self.metrics is None:
            return progress
        from vseg.batch.metrics_file import MetricsFile

        return MetricsFile(self.metrics, jobs, progress)

    def _engine(
        self, place: "Place", workers: int, watcher: "BatchWatcher", stop: Callable[[], bool]
    ) -> "LocalEngine | RayEngine":
        if self.engine == "local":
            from vseg.batch.local_engine import LocalEngine

            return LocalEngine(place, workers, watcher, stop)
        from vseg.batch.ray_engine import RayEngine, RayResources

        resources = RayResources(self.address, gpus=self.gpus_per_worker)
        return RayEngine(place, workers, watcher, stop, resources)
