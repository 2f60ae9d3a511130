"""Frames of live sources for the viewer Rerun, as they are tracked."""

from collections.abc import Mapping

from vseg.events.track_events import ObjectLabels
from vseg.exchange.rerun_log import LoggedFrame, RerunLog, event_words
from vseg.interfaces.live_source import LiveSource
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.types import VideoInfo

_MOST_LINES = 16
"""Changes that are kept for the next frame, which may not come for days.  A round value."""


class RerunObserver:
    """A `LiveObserver` that logs frames.  labels: of prompted objects."""

    def __init__(
        self, log: RerunLog, cameras: Mapping[str, LiveSource], labels: Mapping[int, str]
    ) -> None:
        self._log = log
        self._cameras = cameras
        self._labels = {name: ObjectLabels(labels) for name in cameras}
        # Changes of connections, told with the next frame.
        self._lines: dict[str, list[str]] = {name: [] for name in cameras}

    def begin(self, camera: str, info: VideoInfo) -> None:
        """Nothing: a camera is its first frame."""

    def frame(self, live: LiveFrame) -> None:
        """Log a frame, and how old its image is now."""
        labels = self._labels[live.camera]
        labels.take(live.events)
        lines = [*self._lines[live.camera], *map(event_words, live.events)]
        self._lines[live.camera].clear()
        age_s = self._cameras[live.camera].clock_s() - live.frame.time_s
        shown = LoggedFrame(live.frame, live.masks, labels.by_id, lines, age_s)
        self._log.log(shown, live.camera or "camera")

    def change(self, change: LiveChange) -> None:
        """Keep what happened to the connection; of many changes the last ones."""
        lines = self._lines[change.camera]
        reason = f": {change.change.reason}" if change.change.reason else ""
        lines.append(f"connection {change.change.state}{reason}")
        del lines[:-_MOST_LINES]

    def reload(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing: the log is closed by who opened it."""
