"""One job of a batch and its id: a hash of everything that decides its masks.

Enters: a line of the job list and the content of its clip.  Leaves: a BatchJob.  The same clip
with the same prompts, settings and weights is the same job wherever the clip lies; change one
of them, and it is another one.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from pydantic import Field

from vseg.batch.job_list import JobLine
from vseg.batch.split_length import parse_length
from vseg.build import model_path
from vseg.errors import ModelError
from vseg.io.files import sha256_of
from vseg.pipelines.decisive_options import redetection_options, tracking_options
from vseg.pipelines.job import TrackJob
from vseg.results.prompts import prompt_line
from vseg.results.records import Record, SourceFingerprint
from vseg.types import Text

ID_CHARACTERS = 16
"""64 bits of a hash: among a hundred million jobs two ids are equal with a chance of 1 in
3 700.
"""


class BatchJob(Record):
    """A job that any worker can do.  job_id: names its run and its manifest.

    part_of: the job that joins its run to others, of a stretch of a clip.  parts: the jobs
    whose runs it joins; then it tracks nothing.  share: of the clip.
    """

    job_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    line: JobLine
    source: SourceFingerprint
    part_of: str | None = None
    parts: tuple[str, ...] = ()
    share: float = Field(default=1.0, ge=0, le=1)

    @property
    def work_bytes(self) -> float:
        """What a job costs, as far as it is known before."""
        return self.source.size * self.share


def identified(
    line: JobLine, source: SourceFingerprint, part_of: str | None = None
) -> BatchJob:
    """The job with its id.  Raises UsageError, BadPrompt, ModelError and WeightsMissing."""
    job = line.track_job(Path())
    decisive = {
        "source": [source.sha256, source.size],
        "prompts": [prompt_line(prompt) for prompt in job.prompts],
        "labels": {str(obj): label for obj, label in job.labels.items()},
        "range": job.config.range,
        "dtype": job.config.dtype,
        "model": job.config.model,
        "weights": _tracker_sha256(job),
        "grounder": _grounder_sha256(job),
        "options": tracking_options(job) | redetection_options(job, job.prompts, None),
    }
    if line.split is not None:
        decisive["split_s"] = parse_length(line.split)
    if part_of is not None:
        decisive["part_of"] = part_of
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    job_id = digest[:ID_CHARACTERS]
    return BatchJob(job_id=job_id, line=line, source=source, part_of=part_of)


def _tracker_sha256(job: TrackJob) -> str:
    weights = job.config.weights
    return _sha256_at(str(weights)) if weights is not None else _model_sha256(job.config.model)


def _grounder_sha256(job: TrackJob) -> str | None:
    """Of what detects the words of a job; None where there are none, or nano's own do."""
    name = job.config.redetection.grounder
    worded = job.everything or any(isinstance(p.value, Text) for p in job.prompts)
    return _model_sha256(name) if worded and name is not None else None


@cache
def _model_sha256(name: str) -> str:
    return _sha256_at(name if Path(name).is_dir() else str(model_path(name)))


@cache
def _sha256_at(place: str) -> str:
    """Of a file, or of the files of a folder one after another."""
    path = Path(place)
    files = (
        sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    )
    try:
        return sha256_of(*files)
    except OSError as error:
        raise ModelError(f"cannot read the weights at {place}: {error.strerror}") from error
