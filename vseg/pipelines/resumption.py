"""A job to resume, completed by what its run knows: settings, labels, detections.

Enters: a job with only what was given.  Leaves: a whole job.  What was given wins over what is
stored; whether it contradicts the run is decided by what comes of it (`results.verify`).
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vseg.checked_settings import Settings, checked
from vseg.config import TrackConfig
from vseg.errors import BadConfig, BadRun
from vseg.io.files import real_path
from vseg.pipelines.job import TrackJob
from vseg.results.layout import HEADER, RunState, read_header, run_state

DETECTIONS = "detections_file"
"""Beside the settings: the file that took the place of prompts."""
EVERYTHING = "everything"


def stored_settings(job: TrackJob) -> dict[str, Any]:
    """The settings of a job as plain values, with absolute paths of files."""
    values = job.config.model_dump(mode="json")
    if job.config.weights is not None:
        values["weights"] = str(real_path(job.config.weights))
    vocabulary = job.config.redetection.vocabulary
    if vocabulary is not None:
        values["redetection"]["vocabulary"] = str(real_path(vocabulary))
    values[EVERYTHING] = job.everything
    values[DETECTIONS] = None if job.detections is None else str(real_path(job.detections))
    return values


def completed(job: TrackJob) -> TrackJob:
    """The job; one to resume with whatever was not given as it was when the run began.

    Raises BadRun for a damaged run.
    """
    if not job.resume or run_state(job.out) is RunState.ABSENT:
        return job
    header = read_header(job.out)
    stored = dict(header.settings)
    detections = stored.pop(DETECTIONS, None)
    everything = stored.pop(EVERYTHING, False)
    for name, file in (("weights", stored.get("weights")), ("detections", detections)):
        if isinstance(file, str) and not Path(file).is_file() and _given(job, name) is None:
            raise BadRun(
                f"the {name} of {job.out} are not at {file}", hint=f"give them: --{name} FILE"
            )
    where = str(job.out / HEADER)
    try:
        config = checked(TrackConfig, _merged(stored, job.config), where=where)
    except BadConfig as error:
        raise BadRun(error.message, hint="the run is damaged: --overwrite") from error
    config = _same_runtime(job.out, header.runtime, config)
    if job.detections is None and isinstance(detections, str) and not job.prompts:
        job = replace(job, detections=Path(detections))
    return replace(
        job,
        config=config,
        labels=job.labels or header.labels,
        everything=job.everything or (everything is True and not job.prompts),
    )


def _same_runtime(out: Path, stored: str, config: TrackConfig) -> TrackConfig:
    """The settings with the runtime that the run began with: each rounds in its own way.

    Raises BadRun where another one was asked for.
    """
    if config.runtime not in ("auto", stored):
        raise BadRun(
            f"the run at {out} was begun by the runtime {stored}, not {config.runtime}",
            hint=f"--runtime {stored} goes on with it, --overwrite begins it anew",
        )
    return config.model_copy(update={"runtime": stored})


def _given(job: TrackJob, name: str) -> Path | None:
    return job.detections if name == "detections" else job.config.weights


def _merged(stored: Mapping[str, Any], given: Settings) -> dict[str, Any]:
    """Plain settings: the stored ones under those that were given, tables key by key."""
    values = dict(stored)
    for key in given.model_fields_set:
        value = getattr(given, key)
        table = values.get(key)
        below = table if isinstance(table, dict) else {}
        values[key] = _merged(below, value) if isinstance(value, Settings) else value
    return values
