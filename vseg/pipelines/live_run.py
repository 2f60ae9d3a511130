"""What a live source shows, stored as a run while it comes.

Enters: a job whose source is live, and its frames as they are tracked.  Leaves: a run
directory with one frame for each that the source gave out; a shard of them is in memory at a
time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from vseg import __version__
from vseg.errors import DamagedVideo
from vseg.interfaces.model import Model
from vseg.pipelines.decisive_options import redetection_options, tracking_options
from vseg.pipelines.job import TrackJob
from vseg.pipelines.live import LiveFrame
from vseg.results.records import Damage, RunHeader, SourceFingerprint
from vseg.results.write_lock import write_lock
from vseg.results.writer import RunWriter
from vseg.types import VideoInfo


class LiveRun:
    """Stores frames; get one from `storing`."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._broken: Damage | None = None

    def write(self, live: LiveFrame) -> None:
        """Store one frame and what happened on it."""
        self._writer.note(live.events)
        if self._writer.write(live.masks):
            # A live source cannot be read again: there is nothing to resume, so no state.
            self._writer.commit()

    def source_broke(self, error: DamagedVideo) -> None:
        """Note that the source gives no more, and why: the run will be partial."""
        end = error.frame_index
        self._broken = Damage(frame=end, reason=error.reason, end_frame=end)

    def finish(self) -> None:
        """End the run."""
        self._writer.finish(self._broken)


@contextmanager
def storing(job: TrackJob, model: Model, video: VideoInfo) -> Iterator[LiveRun]:
    """Begin the run of a job, and end it with the block.

    Raises OutputError as `RunWriter.create` does.
    """
    with write_lock(job.out):
        run = LiveRun(
            RunWriter.create(
                job.out, _header(job, model, video), job.prompts, overwrite=job.overwrite
            )
        )
        try:
            yield run
        except (BrokenPipeError, KeyboardInterrupt):
            # Who reads the output, or asked for it, has had enough: all that was shown counts.
            run.finish()
            raise
        run.finish()


def _header(job: TrackJob, model: Model, video: VideoInfo) -> RunHeader:
    options = tracking_options(job) | redetection_options(job, job.prompts, None)
    return RunHeader(
        vseg_version=__version__,
        model=model.name,
        weights_sha256=model.weights_sha256,
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
        options=options,
        # What was live has no content that another clip could be compared with.
        source=SourceFingerprint(path=video.source, size=0, sha256=""),
        video=video,
        shard_frames=job.config.shard_frames,
        labels=dict(job.labels),
    )
