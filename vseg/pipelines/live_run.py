"""What live sources show, stored as runs while it comes.

Enters: a job whose sources are live, and their frames as they are tracked.  Leaves: a run
directory for each camera, with one frame for each that it gave out; a shard of them is in
memory at a time.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from vseg.errors import DamagedVideo
from vseg.interfaces.model import Model
from vseg.pipelines.decisive_options import redetection_options
from vseg.pipelines.job import TrackJob
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.pipelines.run_header import tracked_header
from vseg.results.records import Damage, RunHeader, SourceFingerprint
from vseg.results.write_lock import write_lock
from vseg.results.writer import RunWriter
from vseg.types import VideoInfo


class LiveRuns:
    """A `LiveObserver` that stores; the runs are finished with the block."""

    def __init__(self, job: TrackJob, model: Model, cameras: Iterable[str]) -> None:
        """job: `out` is the run of a camera without a name, and the folder of all others.

        Raises OutputError and BadRun, before a frame is shown, where one of these cameras
        cannot have its run.
        """
        for camera in cameras:
            RunWriter.check_free(job.out / camera, overwrite=job.overwrite)
        self._job = job
        self._model = model
        self._held = ExitStack()
        self._writers: dict[str, RunWriter] = {}
        self._broken: dict[str, Damage] = {}

    def begin(self, camera: str, info: VideoInfo) -> None:
        """Begin the run of a camera.  Raises OutputError as `RunWriter.create` does."""
        job = self._job
        path: Path = job.out / camera
        self._held.enter_context(write_lock(path))
        header = _header(job, self._model, info)
        self._writers[camera] = RunWriter.create(
            path, header, job.prompts, overwrite=job.overwrite
        )

    def frame(self, live: LiveFrame) -> None:
        """Store one frame and what happened on it."""
        writer = self._writers[live.camera]
        writer.note(live.events)
        if writer.write(live.masks):
            # A live source cannot be read again: there is nothing to resume, so no state.
            writer.commit()

    def change(self, change: LiveChange) -> None:
        """Nothing: the frames' times show the gap."""

    def reload(self) -> None:
        """Nothing."""

    def broke(self, camera: str, error: DamagedVideo) -> None:
        """Note that a clip gives no more, and why: the run will be partial."""
        end = error.frame_index
        self._broken[camera] = Damage(frame=end, reason=error.reason, end_frame=end)

    def close(self) -> None:
        """Nothing: the runs are finished with the block."""

    def __enter__(self) -> "LiveRuns":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Who reads the output, or asked for it, has had enough: all that was shown counts.
        with self._held:
            if error is None or isinstance(error, BrokenPipeError | KeyboardInterrupt):
                for camera, writer in self._writers.items():
                    writer.finish(self._broken.get(camera))


def _header(job: TrackJob, model: Model, video: VideoInfo) -> RunHeader:
    return tracked_header(
        job,
        model,
        video,
        # What was live has no content that another clip could be compared with.
        SourceFingerprint(path=video.source, size=0, sha256=""),
        options=redetection_options(job, job.prompts, None),
    )
