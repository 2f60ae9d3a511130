"""What became of a job: OUT/manifests/<id>.json, written last.

A job without a manifest is to be done; one that was interrupted goes on where it stopped.
"""

import json
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field, ValidationError

from vseg.batch.place import Place
from vseg.errors import BadRun, VsegError
from vseg.results.records import Record


class JobStatus(StrEnum):
    """COMPLETE: every frame is tracked.  PARTIAL: what can be read of a damaged clip is, or no
    object is visible.  EMPTY: nothing that was described is in the clip; there is no run.
    REFUSED: the input is wrong, and trying again is of no use.  FAILED: something else went
    wrong, each time.  POISON: it killed two workers.  INTERRUPTED: by the user or the system.
    BUSY: another process writes its run, and WAITING: other machines still track stretches of
    its clip; of an attempt, never in a manifest.
    """

    COMPLETE = "complete"
    PARTIAL = "partial"
    EMPTY = "empty"
    REFUSED = "refused"
    FAILED = "failed"
    POISON = "poison"
    INTERRUPTED = "interrupted"
    BUSY = "busy"
    WAITING = "waiting"

    @property
    def is_stored(self) -> bool:
        """Whether a manifest may say so."""
        return self not in (JobStatus.BUSY, JobStatus.WAITING)

    @property
    def has_run(self) -> bool:
        """Whether there is a finished run."""
        return self in (JobStatus.COMPLETE, JobStatus.PARTIAL)

    @property
    def is_wrong(self) -> bool:
        """Whether nothing came of it, and that is an error."""
        return self in (JobStatus.REFUSED, JobStatus.FAILED, JobStatus.POISON)

    @property
    def is_final(self) -> bool:
        """Whether another start leaves it as it is, unless it is asked to try again."""
        return self.is_stored and self not in (JobStatus.INTERRUPTED, JobStatus.FAILED)


class JobError(Record):
    """What went wrong, as the command line would say it."""

    type: str
    message: str
    hint: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> "JobError":
        """The error as a value."""
        if isinstance(error, VsegError):
            return cls(type=type(error).__name__, message=error.message, hint=error.hint)
        return cls(type=type(error).__name__, message=str(error) or repr(error))


class Manifest(Record):
    """How a job ended.

    attempts: how often it was begun, in all; worker: that ended it.  frames, warnings: how
    many the run has.  tracked: how many frames were tracked in the last attempt, which took
    `seconds`.
    """

    job_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    clip: str
    status: JobStatus
    attempts: int = Field(ge=1)
    worker: str
    seconds: float = Field(ge=0)
    frames: int = Field(ge=0)
    tracked: int = Field(default=0, ge=0)
    warnings: int = Field(default=0, ge=0)
    error: JobError | None = None
    vseg_version: str
    ended: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))


def manifest_name(job_id: str) -> str:
    """The file of a batch that says how a job ended."""
    return f"manifests/{job_id}.json"


def read_manifest(place: Place, job_id: str) -> Manifest | None:
    """How a job ended; None if it has not.  Raises BadRun for a damaged manifest."""
    content = place.read(manifest_name(job_id))
    if content is None:
        return None
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise BadRun(
            f"{place.name}/{manifest_name(job_id)} is damaged",
            hint="delete it, and start the batch again: the run itself is kept",
        ) from error


def write_manifest(place: Place, manifest: Manifest) -> None:
    """Say how a job ended, whole or not at all.  Raises OutputError."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=1, ensure_ascii=False)
    place.write(manifest_name(manifest.job_id), f"{text}\n".encode())
