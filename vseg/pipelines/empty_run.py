"""A run without an object: where annotation begins.

Enters: a clip.  Leaves: a finished run over all frames of the clip, in which no object is;
prompts and edits fill it.  Where the reader knows its frames by an index none is decoded, and
damaged ones are told when they are tracked.
"""

from pathlib import Path

import numpy as np

from vseg.build import open_video
from vseg.config import TrackConfig
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.pipelines.editable_run import EditableRun, open_run
from vseg.pipelines.job import TrackJob
from vseg.pipelines.resumption import stored_settings
from vseg.pipelines.run_header import tracked_header
from vseg.results.fingerprint import fingerprint
from vseg.results.write_lock import write_lock
from vseg.results.writer import RunWriter


def create_empty_run(
    clip: str, out: Path, model: Model, config: TrackConfig | None = None
) -> EditableRun:
    """Write the run `out`, which `model` will track.

    Raises BadVideo, and OutputError if a run is there already.
    """
    settings = config or TrackConfig()
    job = TrackJob(clip, out, (), settings)
    opening = (settings.reader, settings.frames, settings.topic)
    with open_video(clip, *opening) as video, write_lock(out):
        info = video.info
        header = tracked_header(
            job,
            model,
            info,
            fingerprint(Path(clip)),
            settings=stored_settings(job),
            frame_range=(0, len(video)),
        )
        writer = RunWriter.create(out, header)
        for index in range(len(video)):
            if writer.write(_empty(index, video.time_at(index), info.height, info.width)):
                writer.commit()
        writer.finish()
    return open_run(out)


def _empty(index: int, time_s: float, height: int, width: int) -> FrameMasks:
    return FrameMasks(
        frame_index=index,
        time_s=time_s,
        height=height,
        width=width,
        object_ids=(),
        scores=np.zeros(0, dtype=np.float32),
        visible=np.zeros(0, dtype=bool),
        sources=(),
        crops={},
    )
