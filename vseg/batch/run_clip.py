"""One job, done: what every worker of every engine does.

Enters: a job.  Leaves: its run directory, and how it ended.  A run that was begun goes on
where it stopped, bit for bit.
"""

import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vseg import __version__
from vseg.batch.batch_job import BatchJob
from vseg.batch.clip_cache import changed_clip, shared_cache
from vseg.batch.join_parts import StretchesMissing, join_parts
from vseg.batch.manifest import JobError, JobStatus, Manifest, read_manifest
from vseg.batch.place import Place
from vseg.batch.remaining import is_to_do
from vseg.build import open_run
from vseg.config import TrackConfig
from vseg.errors import ExitCode, NothingFound, OutputError, RunBusy, VsegError
from vseg.interfaces.model import Model
from vseg.io.stores import is_address, unsigned
from vseg.pipelines.job import JobOutcome, ProgressCallbacks
from vseg.pipelines.prepare import load_configured
from vseg.pipelines.track import track
from vseg.results.layout import RunState, read_header, run_state


class ClipRunner:
    """Does jobs one after another; the model is loaded once and kept while jobs name it.

    worker: what the manifests call it.
    """

    def __init__(self, place: Place, worker: str) -> None:
        self._place = place
        self._worker = worker
        self._model: Model | None = None
        self._of: str | None = None

    def run(self, job: BatchJob, attempt: int, callbacks: ProgressCallbacks) -> Manifest:
        """Do a job; how it ended.  Raises nothing that a job can be the reason of."""
        done = self._done_elsewhere(job)
        if done is not None:
            return done
        began = time.perf_counter()
        told: JobError | None = None
        ended = _Ended(JobStatus.FAILED)
        try:
            with self._place.claim(job.job_id):
                do = self._join if job.parts else self._track
                ended = do(job, callbacks)
        except Exception as error:  # whatever it is, it is this job's, and the batch goes on
            ended = _Ended(_status_after(error))
            told = JobError.of(error)
        return Manifest(
            job_id=job.job_id,
            clip=unsigned(job.line.clip),
            status=ended.status,
            attempts=attempt,
            worker=self._worker,
            seconds=round(time.perf_counter() - began, 3),
            frames=ended.frames,
            tracked=ended.tracked,
            warnings=ended.warnings,
            error=told,
            vseg_version=__version__,
        )

    def _done_elsewhere(self, job: BatchJob) -> Manifest | None:
        """How the job ended, if another machine, or the worker of a driver that was killed,
        did it since this driver began.
        """
        with suppress(VsegError):
            manifest = read_manifest(self._place, job.job_id)
            if manifest is not None and not is_to_do(self._place, manifest):
                return manifest
        return None

    def _track(self, job: BatchJob, callbacks: ProgressCallbacks) -> "_Ended":
        """Track the clip, and store the run.  Raises whatever can go wrong."""
        clip = job.line.clip
        stored = is_address(clip)
        with shared_cache().local(job.source) if stored else nullcontext(Path(clip)) as path:
            folder = self._place.take(job.job_id)
            begun = run_state(folder) is not RunState.ABSENT
            asked = replace(job.line.track_job(folder, resume=begun), source=str(path))
            outcome = track(asked, model=self._model_of(asked.config), callbacks=callbacks)
        if not stored:
            self._check_unchanged(job, folder)
        frames = len(open_run(folder, revision=0))
        self._place.give(job.job_id)
        if outcome.status != "interrupted":
            self._place.release(job.job_id)
        return _Ended(_status(outcome), frames, len(outcome.warnings), outcome.frames)

    def _join(self, job: BatchJob, callbacks: ProgressCallbacks) -> "_Ended":
        """Join the stretches of a clip.  Raises whatever can go wrong."""

        def on_frame(done: int, total: int) -> None:
            callbacks.on_frame(done, total)
            if callbacks.stop():
                raise _Stopped

        try:
            header, frames = join_parts(job, self._place, on_frame)
        except _Stopped:
            return _Ended(JobStatus.INTERRUPTED)
        complete = header.status == "complete"
        status = JobStatus.COMPLETE if complete else JobStatus.PARTIAL
        return _Ended(status, frames, len(header.warnings))

    def _check_unchanged(self, job: BatchJob, folder: Path) -> None:
        """Raise and drop the run, where the clip is not the one that was planned."""
        if read_header(folder).source.sha256 != job.source.sha256:
            self._place.drop(job.job_id)
            raise changed_clip(job.line.clip)

    def _model_of(self, config: TrackConfig) -> Model:
        """The model of a job; another one than that of the job before takes its place."""
        deciding = {"model", "device", "dtype", "runtime", "short_side", "weights", "flip"}
        deciding |= {"compile"}
        wanted = config.model_dump_json(include=deciding)
        if self._model is None or self._of != wanted:
            self._model = None  # before the next one is loaded: both may not fit
            self._model = load_configured(config)
            self._of = wanted
        return self._model


class _Stopped(Exception):
    """A join is cheap: it begins anew."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a job ended, without an error or with one; frames, warnings, tracked: as in a
    Manifest.
    """

    status: JobStatus
    frames: int = 0
    warnings: int = 0
    tracked: int = 0


def _status(outcome: JobOutcome) -> JobStatus:
    if outcome.status == "interrupted":
        return JobStatus.INTERRUPTED
    return JobStatus.PARTIAL if outcome.exit_code else JobStatus.COMPLETE


def _status_after(error: Exception) -> JobStatus:
    """Wrong input stays wrong; what a full disk, a device or the system did may pass."""
    if isinstance(error, RunBusy):
        return JobStatus.BUSY
    if isinstance(error, StretchesMissing):
        return JobStatus.WAITING
    if isinstance(error, NothingFound):
        return JobStatus.EMPTY
    if isinstance(error, OutputError) or not isinstance(error, VsegError):
        return JobStatus.FAILED
    passing = error.exit_code == ExitCode.MODEL_OR_DEVICE
    return JobStatus.FAILED if passing else JobStatus.REFUSED
