"""The header of a run that a model tracks.

Enters: a job, its model and its clip.  Leaves: everything that decides the masks, by which a
run that goes on is held against the one that began.
"""

from typing import Any

from vseg import __version__
from vseg.interfaces.model import Model
from vseg.pipelines.decisive_options import tracking_options
from vseg.pipelines.job import TrackJob
from vseg.results.records import RunHeader, SourceFingerprint
from vseg.types import VideoInfo
from vseg.weights.device import instruction_set


def tracked_header(
    job: TrackJob,
    model: Model,
    video: VideoInfo,
    source: SourceFingerprint,
    **more: Any,
) -> RunHeader:
    """The header.  more: fields of a RunHeader; `options` are those of what is detected, and
    come to those of tracking.
    """
    options = tracking_options(job) | more.pop("options", {})
    return RunHeader(
        vseg_version=__version__,
        model=model.name,
        weights_sha256=model.weights_sha256,
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
        runtime=model.runtime,
        instruction_set=instruction_set(),
        options=options,
        source=source,
        video=video,
        shard_frames=job.config.shard_frames,
        labels=dict(job.labels),
        **more,
    )
