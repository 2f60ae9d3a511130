"""Jobs of the service: queued fairly over keys, resumed after a restart, cancelled on request.

Enters: job requests.  Leaves: run directories and exported files.  A few threads work on jobs;
their frames take turns on the device with everything else.
"""

import logging
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vseg.client.values import ExportRequest, JobFacts, JobRequest, JobStatus, Problem
from vseg.errors import InTheWay, NotThere, OutputError, TooLarge, TooMany, VsegError
from vseg.results.layout import RunState, run_state
from vseg.server.fair_queue import FairQueue
from vseg.server.idempotency import id_of_request, reused_key
from vseg.server.job_work import RUNS, JobProgress, JobWork
from vseg.server.problem import problem_of, unexpected_problem
from vseg.server.security.access import Caller
from vseg.server.storage.ids import id_of
from vseg.server.storage.job_files import JobFiles, JobRecord

_LOG = logging.getLogger(__name__)
_WITHOUT_END = 1 << 30
"""Of the queue: how many jobs a key may have is checked when they are made."""


@dataclass(slots=True)
class _Running:
    """done, total: frames.  stop: set to end the job; cancelled: whether for good."""

    done: int = 0
    total: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False


class Jobs:
    """All jobs, and the threads that work on them."""

    def __init__(self, work: JobWork) -> None:
        self._work = work
        self._files = JobFiles(work.settings.state_folder / "jobs")
        self._lock = threading.RLock()
        self._records = self._files.records()
        self._running: dict[str, _Running] = {}
        self._queue: FairQueue[str] = FairQueue(_WITHOUT_END)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work: first on what an earlier process of the service left."""
        for record in self._records.values():
            if not record.ended:
                self._queue.put(record.owner, record.id)
        for number in range(self._work.settings.running_jobs):
            thread = threading.Thread(
                target=self._loop, name=f"vseg-job-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Have every running job commit and end; the next start goes on with them."""
        self._queue.close()
        with self._lock:
            running = list(self._running.values())
        for one in running:
            one.stop.set()
        for thread in self._threads:
            thread.join()

    def create(self, caller: Caller, request: JobRequest, key: str | None) -> JobFacts:
        """A new job; with an idempotency key that was used, the one made with it.

        Raises BadPrompt, NotThere, InTheWay for a name that is taken, TooLarge and TooMany.
        """
        job_id = id_of_request(caller.id, key)
        clip = "" if job_id in self._records else self._checked(request)
        with self._lock:
            known = self._records.get(job_id)
            if known is not None:
                if known.request != request:
                    raise reused_key()
                return self._facts(known)
            self._check_place(caller, request)
            record = JobRecord(
                id=job_id,
                owner=caller.id,
                request=request,
                created=datetime.now(UTC),
                clip=clip,
            )
            self._files.save(record)
            self._records[job_id] = record
        self._queue.put(caller.id, job_id)
        return self._facts(record)

    def listed(self, caller: Caller) -> list[JobFacts]:
        """The jobs that the caller may see, newest first."""
        with self._lock:
            known = self._records.values()
            seen = [record for record in known if caller.may_see(record.owner)]
        return [self._facts(record) for record in reversed(seen)]

    def facts(self, caller: Caller, job_id: str) -> JobFacts:
        """One job.  Raises NotThere."""
        return self._facts(self._record(caller, job_id))

    def file(self, caller: Caller, job_id: str) -> Path:
        """What an export gave.  Raises NotThere."""
        record = self._record(caller, job_id)
        if record.file is None:
            raise NotThere(
                f"job {job_id} has no file: it is {record.status}",
                hint="an export that is complete has one",
            )
        return self._files.folder(job_id) / record.file

    def cancel(self, caller: Caller, job_id: str) -> JobFacts:
        """End a job; of one that has ended, forget it and what it exported.  Raises
        NotThere.
        """
        record = self._record(caller, job_id)
        with self._lock:
            if record.ended:
                del self._records[job_id]
                self._files.remove(job_id)
                return self._facts(record)
            running = self._running.get(job_id)
            if running is None:
                self._queue.remove(record.owner, job_id)
                return self._facts(self._change(record, status="cancelled"))
            running.cancelled = True
            running.stop.set()
        return self._facts(record)

    @property
    def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many run."""
        return len(self._queue), len(self._running)

    def _checked(self, request: JobRequest) -> str:
        """Where the clip of a job is, once what can be told at once is known to be good."""
        if isinstance(request, ExportRequest):
            self._work.folder.find("run", request.run)
            return ""
        most = self._work.settings.limits.objects
        path = self._work.folder.find("video", request.video)
        prompts = self._work.prompts(request)
        if max(len({p.object_id for p in prompts}), request.settings.max_objects) > most:
            raise TooLarge(f"a job of this key may have {most} objects", hint="use two jobs")
        return path.relative_to(self._work.folder.root).as_posix()

    def _check_place(self, caller: Caller, request: JobRequest) -> None:
        most = self._work.settings.limits.jobs
        unfinished = [record for record in self._records.values() if not record.ended]
        if sum(record.owner == caller.id for record in unfinished) >= most:
            raise TooMany(
                f"this key has {most} jobs waiting or running",
                hint="wait for one to end, or cancel one",
                retry_after_s=30,
            )
        if isinstance(request, ExportRequest):
            return
        taken = run_state(self._work.run_folder(request.run)) is not RunState.ABSENT
        others = (
            r.request.run for r in unfinished if not isinstance(r.request, ExportRequest)
        )
        if taken or request.run in others:
            raise InTheWay(f"there is a run {request.run} already", hint="take another name")

    def _loop(self) -> None:
        while (job_id := self._queue.get()) is not None:
            with self._lock:
                record = self._records.get(job_id)
                if record is None or record.ended:
                    continue
                record = self._change(record, status="running")
                running = self._running[job_id] = _Running()
            try:
                self._run(record, running)
            finally:
                with self._lock:
                    del self._running[job_id]

    def _run(self, record: JobRecord, running: _Running) -> None:
        """Work on a job until it ends or is told to."""
        root = self._work.folder.root
        try:
            status, file = self._done(record, running)
        except VsegError as error:
            self._change(record, status="failed", problem=problem_of(error, root))
            return
        except Exception as error:
            _LOG.error("job %s failed", record.id, exc_info=error)
            self._change(record, status="failed", problem=unexpected_problem())
            return
        if status == "cancelled" and not running.cancelled:
            return  # the service ends: the record stays `running`, and is gone on with
        self._change(record, status=status, file=file)

    def _done(self, record: JobRecord, running: _Running) -> tuple[JobStatus, str | None]:
        request = record.request
        if isinstance(request, ExportRequest):
            folder = self._files.folder(record.id)
            return "complete", self._work.export(request, folder)

        def frame(done: int, total: int) -> None:
            running.done = done
            running.total = total

        progress = JobProgress(frame, running.stop.is_set)
        status = self._work.track(request, record.owner, progress)
        self._work.folder.id_at(self._work.run_folder(request.run))
        return status, None

    def _change(
        self,
        record: JobRecord,
        *,
        status: JobStatus,
        file: str | None = None,
        problem: Problem | None = None,
    ) -> JobRecord:
        """The record with another status, kept in memory too: a full disk ends no thread."""
        running = self._running.get(record.id, _Running(record.done, record.total))
        changed = record.model_copy(
            update={
                "status": status,
                "done": running.done,
                "total": running.total,
                "file": file,
                "problem": problem,
            }
        )
        with self._lock:
            self._records[record.id] = changed
            try:
                self._files.save(changed)
            except OutputError as error:
                _LOG.error("job %s is %s, which is not stored: %s", record.id, status, error)
        return changed

    def _record(self, caller: Caller, job_id: str) -> JobRecord:
        with self._lock:
            record = self._records.get(job_id)
        if record is None or not caller.may_see(record.owner):
            raise NotThere(f"there is no job {job_id}", hint="GET /v1/jobs lists them")
        return record

    def _facts(self, record: JobRecord) -> JobFacts:
        running = self._running.get(record.id, _Running(record.done, record.total))
        request = record.request
        exports = isinstance(request, ExportRequest)
        return JobFacts(
            id=record.id,
            kind=request.kind,
            status=record.status,
            created=record.created,
            done=running.done,
            total=running.total,
            run=request.run if exports else id_of(f"{RUNS}/{request.run}"),
            file=record.file,
            problem=record.problem,
        )
