"""What a driver and its workers say to each other: one JSON line each, over a pipe.

Nothing here grows with a clip: frames and masks stay with the worker.
"""

from typing import Literal

from pydantic import Field

from vseg.batch.batch_job import BatchJob
from vseg.batch.manifest import Manifest
from vseg.results.records import Record


class BeginJob(Record):
    """To a worker: do this job, for the so-manieth time."""

    job: BatchJob
    attempt: int = Field(ge=1)


class Advance(Record):
    """From a worker: so many frames of its job are tracked, of so many."""

    kind: Literal["advance"] = "advance"
    done: int
    total: int


class End(Record):
    """From a worker: how its job ended."""

    kind: Literal["end"] = "end"
    manifest: Manifest
