"""The settings that decide the masks, flat, as run.json names them: a run that goes on must
have the same.

Enters: a job, and what it detects.  Leaves: values by name.  A file counts by its content.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vseg.io.files import sha256_of
from vseg.pipelines.job import TrackJob
from vseg.types import Prompt

if TYPE_CHECKING:  # it needs torch, which who looks at what is done does not
    from vseg.interfaces.grounder import Grounder


def tracking_options(job: TrackJob) -> dict[str, str | int | float | bool | None]:
    """The settings that decide the masks and have no place of their own in the header,
    flat.
    """
    tables = {
        "memory": job.config.memory,
        "identity": job.config.identity,
        "crops": job.config.crops,
    }
    decisive = job.config.model_dump(
        include={
            "short_side",
            "flip",
            "reader",
            "frames",
            "topic",
            "direction",
            "compile",
            "encode_ahead",
            "stop_at_damage",
        }
    )
    for name, table in tables.items():
        decisive |= {f"{name}.{key}": value for key, value in table.model_dump().items()}
    if job.detections is None:
        return decisive
    settings = job.config.detections.model_dump().items()
    decisive["detections"] = sha256_of(job.detections)
    return decisive | {f"detections.{key}": value for key, value in settings}


def redetection_options(
    job: TrackJob, prompts: Sequence[Prompt], grounder: "Grounder | None"
) -> dict[str, str | int | float | bool | None]:
    """The settings that decide what is detected, flat; none where nothing is."""
    words = {} if grounder is None else {"grounder.weights": grounder.weights_sha256}
    if not job.everything and all(placed.object_id is not None for placed in prompts):
        return {**words}
    settings = job.config.redetection
    options = {f"redetection.{key}": value for key, value in settings.model_dump().items()}
    # Another list of words under the same name is another run.
    options["redetection.vocabulary"] = settings.vocabulary and sha256_of(settings.vocabulary)
    return {"everything": job.everything, **options, **words}
