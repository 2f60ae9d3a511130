"""Zones and lines of live sources: every tracked frame is judged, and the sinks are told.

Enters: tracked frames of cameras, and a file of zones for each.  Leaves: scene events.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from vseg.events.event_engine import EventEngine
from vseg.events.event_snapshots import SnapshotFolder
from vseg.events.scene_event import EventStamp, SceneEvent
from vseg.events.sinks.event_sink import EventSink
from vseg.events.track_events import ObjectLabels
from vseg.events.zone_file import ZoneFile, read_zone_file
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.types import VideoInfo


class ZoneObserver:
    """A `LiveObserver` that judges zones.

    paths: of the zones by camera; a camera that is not named has none.  stamps: of the
    cameras.  labels: of prompted objects.  say: is told in words what is odd about a zone.
    """

    def __init__(
        self,
        paths: Mapping[str, Path],
        stamps: Mapping[str, EventStamp],
        sink: EventSink,
        labels: Mapping[int, str],
        say: Callable[[str], None],
    ) -> None:
        """Read the files.  Raises BadConfig for one that cannot be read."""
        self._paths = paths
        self._stamps = stamps
        self._sink = sink
        self._say = say
        self._files = _read(paths)
        self._engines: dict[str, EventEngine] = {}
        self._labels = {camera: ObjectLabels(labels) for camera in paths}
        self._snapshots: SnapshotFolder | None = None

    def keep_snapshots(self, folder: SnapshotFolder) -> None:
        """Write an image of the object of each event that begins."""
        self._snapshots = folder

    def begin(self, camera: str, info: VideoInfo) -> None:
        """Lay the zones out in the camera's frames.  Raises BadZones if they make no sense
        there.
        """
        file = self._files.get(camera)
        if file is None:
            return
        engine = EventEngine(file, info.height, info.width, self._stamps[camera])
        self._engines[camera] = engine
        self._warn(camera, engine)

    def frame(self, live: LiveFrame) -> None:
        """Judge a frame."""
        engine = self._engines.get(live.camera)
        if engine is None:
            return
        labels = self._labels[live.camera]
        repairs = labels.take(live.events)
        events = engine.update(live.masks, labels.by_id, repairs=repairs)
        if self._snapshots is not None and events:
            events = self._snapshots.attach(events, live.frame.image, live.masks)
        self._send(events)

    def change(self, change: LiveChange) -> None:
        """Nothing: times tell how long a gap was, and objects keep their zones over it for as
        long as the zones say.
        """

    def reload(self) -> None:
        """Read the files anew; what goes on in zones ends, and begins in the new ones.

        Raises BadConfig or BadZones for a file that is wrong, and goes on as before.
        """
        files = _read(self._paths)
        ended: list[SceneEvent] = []
        for camera, engine in self._engines.items():
            engine.check(files[camera])
        for camera, engine in self._engines.items():
            ended += engine.change(files[camera])
            self._warn(camera, engine)
        self._files = files
        self._send(ended)

    def close(self) -> None:
        """Tell the end of what goes on."""
        for engine in self._engines.values():
            self._send(engine.end())
        self._engines = {}

    def _send(self, events: list[SceneEvent]) -> None:
        for event in events:
            self._sink.send(event)

    def _warn(self, camera: str, engine: EventEngine) -> None:
        for warning in engine.plan.warnings:
            self._say(f"{camera}: {warning}" if camera else warning)


def _read(paths: Mapping[str, Path]) -> dict[str, ZoneFile]:
    return {camera: read_zone_file(path) for camera, path in paths.items()}
