"""What a job does: track a clip into a run, or write a run in another format."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vseg.build import open_run
from vseg.client.values import ExportRequest, JobStatus, TrackRequest
from vseg.config import RedetectionSettings, TrackConfig
from vseg.exchange.export import export
from vseg.exchange.formats import format_named
from vseg.exchange.sidecar import origin_of
from vseg.interfaces.model import Model
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.results.layout import RunState, run_state
from vseg.server.loaded_models import Models
from vseg.server.settings import ServerSettings
from vseg.server.storage.served_folder import ServedFolder
from vseg.server.wire_prompts import prompts_of
from vseg.server.worker import Worker
from vseg.types import Prompt

RUNS = "runs"
"""The folder below the root in which jobs make their runs."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What a job tells while it runs.  frame: called with frames done and all; stop: whether
    it was asked to end.
    """

    frame: Callable[[int, int], None]
    stop: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class JobWork:
    """What jobs need of the service."""

    settings: ServerSettings
    folder: ServedFolder
    models: Models
    worker: Worker

    def run_folder(self, name: str) -> Path:
        """Where the run of a job lies.  Raises NotThere for a link that leads out."""
        return self.folder.inside(self.folder.root / RUNS / name)

    def prompts(self, request: TrackRequest) -> tuple[Prompt, ...]:
        """The prompts of a request.  Raises as `prompts_of` does."""
        most = self.settings.limits.pixels
        return prompts_of(request.prompts, request.exemplar_frames, self.folder, most)

    def track(self, request: TrackRequest, owner: str, progress: JobProgress) -> JobStatus:
        """Track into the run of the request, from its last commit on if it was begun.

        Raises what `vseg.pipelines.track.track` raises.
        """
        out = self.run_folder(request.run)
        job = TrackJob(
            source=str(self.folder.find("video", request.video)),
            out=out,
            prompts=self.prompts(request),
            config=self._config(request),
            labels=request.labels,
            everything=request.everything,
            resume=run_state(out) is not RunState.ABSENT,
        )
        callbacks = ProgressCallbacks(
            on_frame=progress.frame, stop=progress.stop, turn=partial(self._turn, owner)
        )
        outcome = track(job, model=self._model(owner), callbacks=callbacks)
        ended: dict[str, JobStatus] = {"complete": "complete", "partial": "partial"}
        return ended.get(outcome.status, "cancelled")

    def export(self, request: ExportRequest, into: Path) -> str:
        """Write a run in another format; the name of the file in the folder `into`.

        A format that is a folder becomes a zip.  Raises what `export` raises.
        """
        run = open_run(self.folder.find("run", request.run))
        chosen = format_named(request.format)
        name = f"{run.path.name}-{chosen.name}"
        out = into / (name if chosen.folder else name + chosen.suffix)
        export(run, chosen.name, out, overwrite=True, origin=origin_of(run))
        if not chosen.folder:
            return out.name
        shutil.make_archive(str(out), "zip", out)
        shutil.rmtree(out)
        return out.name + ".zip"

    def _config(self, request: TrackRequest) -> TrackConfig:
        chosen = request.settings
        return TrackConfig(
            model=self.settings.model,
            device=self.settings.device,
            short_side=self.settings.short_side,
            range=chosen.range,
            direction=chosen.direction,
            memory=chosen.memory,
            identity=chosen.identity,
            preview=False,
            redetection=RedetectionSettings(
                grounder=self.settings.grounder,
                detect_every=chosen.detect_every,
                max_objects=chosen.max_objects,
            ),
        )

    def _model(self, owner: str) -> Model:
        with self.worker.turn(owner):
            return self.models.load()

    @contextmanager
    def _turn(self, owner: str) -> Iterator[None]:
        with self.worker.turn(owner):
            yield
