"""Jobs on disk: what was asked, and how it ended.

Enters and leaves: job records.  What a job has done so far is in its run directory; a record
changes only when the job begins and when it ends.
"""

import shutil
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vseg.client.values import JobRequest, JobStatus, Problem
from vseg.io.files import atomic_write_text

_RECORD = "job.json"


class JobRecord(BaseModel):
    """owner: the key that made it.  clip: of a job that tracks, relative to the root.  file:
    the name of what an export gave.  done, total: frames, once it has ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    owner: str
    request: JobRequest
    created: datetime
    status: JobStatus = "queued"
    clip: str = ""
    done: int = 0
    total: int | None = None
    file: str | None = None
    problem: Problem | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.status not in ("queued", "running")


class JobFiles:
    """The jobs in a folder, each in one of its own, with what it exports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def records(self) -> dict[str, JobRecord]:
        """What is there, oldest first."""
        found = []
        for path in self._folder.glob(f"*/{_RECORD}"):
            try:
                found.append(JobRecord.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                continue
        return {record.id: record for record in sorted(found, key=lambda one: one.created)}

    def save(self, record: JobRecord) -> None:
        """Replace the record of a job.  Raises OutputError."""
        atomic_write_text(self.folder(record.id) / _RECORD, record.model_dump_json())

    def folder(self, job_id: str) -> Path:
        """Where a job keeps its files."""
        return self._folder / job_id

    def remove(self, job_id: str) -> None:
        """Delete the record of a job and what it exported; not the run that it wrote."""
        (self.folder(job_id) / _RECORD).unlink(missing_ok=True)
        shutil.rmtree(self.folder(job_id), ignore_errors=True)
