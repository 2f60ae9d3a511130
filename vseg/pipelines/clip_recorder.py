"""Clips around what happens: the seconds before it, it, and the seconds after it.

Enters: frames of live sources, and events.  Leaves: mp4 files of the frames as they came, each
at its time, in a folder with limits.  When one cannot be written, the recording stops and says
so once; everything else goes on, and a later event tries again.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from vseg.errors import OutputError
from vseg.events.scene_event import SceneEvent, utc_now
from vseg.events.sinks.event_sink import EventSink
from vseg.io.mp4 import Mp4Writer
from vseg.pipelines.clip_folder import ClipFolder
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.pipelines.pre_roll import PreRoll
from vseg.types import UNKNOWN_FPS, TrackEvent, VideoInfo

MOST_SECONDS = 300.0
"""Of one clip, so that a process that is killed loses minutes at most, and old parts of what
goes on for days can be removed.  A round value."""
RETRY_S = 60.0
"""After a clip could not be written.  A round value."""
_BEGINNINGS = frozenset({"created", "relinked", "recovered"})


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """roll_s: seconds kept before and after what happens.  objects: record when an object
    comes, as nothing judges the scene.
    """

    roll_s: float
    objects: bool


class ClipRecorder:
    """A `LiveObserver` that records.  say: is told in words."""

    def __init__(
        self, folder: ClipFolder, settings: RecordSettings, say: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._say = say
        self._cameras: dict[str, _CameraClips] = {}
        self._failed_s: float | None = None

    def begin(self, camera: str, info: VideoInfo) -> None:
        """A camera's frames are about to come."""
        self._cameras[camera] = _CameraClips(camera, info, self._folder, self._settings.roll_s)

    def frame(self, live: LiveFrame) -> None:
        """Record a frame, or hold it in case something happens."""
        clips = self._cameras[live.camera]
        if self._settings.objects and any(_begins(event) for event in live.events):
            clips.happened(live.frame.time_s)
        self._try(lambda: clips.take(live, may_begin=self._may_begin()))

    def happened(self, event: SceneEvent, camera: str) -> None:
        """Note that something happens on a camera; a gap is nothing to be seen."""
        clips = self._cameras.get(camera)
        if clips is not None and event.kind not in ("gap", "degraded", "correction"):
            clips.happened(event.time_s)

    def change(self, change: LiveChange) -> None:
        """End the clip at a gap."""
        clips = self._cameras.get(change.camera)
        if clips is not None and change.change.state == "down":
            self._try(clips.interrupt)

    def reload(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """End the clips."""
        for clips in self._cameras.values():
            self._try(clips.interrupt)

    def _may_begin(self) -> bool:
        return self._failed_s is None or time.monotonic() - self._failed_s > RETRY_S

    def _try(self, record: Callable[[], bool | None]) -> None:
        """Record; where that fails, say so unless it was said."""
        try:
            recorded = record()
        except OutputError as error:
            if self._failed_s is None:
                self._say(f"recording stops, everything else goes on: {error}")
            self._failed_s = time.monotonic()
            return
        if recorded and self._failed_s is not None:
            self._failed_s = None
            self._say("clips are recorded again")


class RecordingSink:
    """An `EventSink` that tells a recorder too.  names: of cameras, by those in events."""

    def __init__(
        self, sink: EventSink, recorder: ClipRecorder, names: Mapping[str, str]
    ) -> None:
        self._sink = sink
        self._recorder = recorder
        self._names = names

    def send(self, event: SceneEvent) -> None:
        """Pass an event on."""
        self._recorder.happened(event, self._names.get(event.camera, event.camera))
        self._sink.send(event)

    def close(self) -> None:
        """Close what it passes events on to."""
        self._sink.close()


class _CameraClips:
    """The clips of one camera."""

    def __init__(
        self, camera: str, info: VideoInfo, folder: ClipFolder, roll_s: float
    ) -> None:
        self._camera = camera
        self._info = info
        self._folder = folder
        self._roll_s = roll_s
        self._pre_roll = PreRoll(roll_s)
        self._clip: Mp4Writer | None = None
        self._began_s = 0.0
        self._until_s = -1.0

    def happened(self, time_s: float) -> None:
        """Record from before this time until after it."""
        self._until_s = max(self._until_s, time_s + self._roll_s)

    def take(self, live: LiveFrame, *, may_begin: bool) -> bool:
        """Record a frame or hold it; whether it was recorded.  Raises OutputError."""
        frame = live.frame
        if live.gap_s is not None:
            self._pre_roll.clear()
        wanted = frame.time_s <= self._until_s
        if self._clip is not None and (
            not wanted or frame.time_s - self._began_s > MOST_SECONDS
        ):
            self.interrupt()
        if self._clip is None:
            if not (wanted and may_begin):
                self._pre_roll.add(frame)
                return False
            self._begin(frame.time_s)
        self._write(live)
        return True

    def interrupt(self) -> None:
        """End the clip, if there is one.  Raises OutputError."""
        clip = self._clip
        self._clip = None
        if clip is not None:
            clip.__exit__(None, None, None)

    def _begin(self, time_s: float) -> None:
        self._folder.make_room()
        self._folder.check_room()
        path = self._folder.new_path(self._camera, utc_now())
        info = self._info
        clip = Mp4Writer(
            path,
            info.height,
            info.width,
            info.fps or UNKNOWN_FPS,
            timed=True,
            pixel_aspect=info.pixel_aspect,
        )
        held = self._pre_roll.drain(time_s)
        with ExitStack() as opened:
            opened.enter_context(clip)
            for one in held:
                clip.write(one.image(), one.time_s)
            opened.pop_all()
        self._began_s = held[0].time_s if held else time_s
        self._clip = clip

    def _write(self, live: LiveFrame) -> None:
        assert self._clip is not None
        try:
            self._folder.check_room()
            self._clip.write(live.frame.image, live.frame.time_s)
        except OutputError:
            # What was recorded so far is worth keeping, if there is room for its index.
            self.interrupt()
            raise


def _begins(event: TrackEvent) -> bool:
    return event.kind in _BEGINNINGS
