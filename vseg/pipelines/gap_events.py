"""Gaps of live sources as scene events: one when a camera is lost, one when it is back."""

from collections.abc import Callable, Mapping

from vseg.events.scene_event import EventStamp, SceneEvent
from vseg.events.sinks.event_sink import EventSink
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.types import VideoInfo


class GapEvents:
    """A `LiveObserver` that tells a sink of gaps, and `say` in words.

    stamps: of the cameras by name.
    """

    def __init__(
        self,
        stamps: Mapping[str, EventStamp],
        sink: EventSink,
        say: Callable[[str], None],
    ) -> None:
        self._stamps = stamps
        self._sink = sink
        self._say = say
        self._since: dict[str, float] = {}

    def begin(self, camera: str, info: VideoInfo) -> None:
        """Nothing."""

    def frame(self, live: LiveFrame) -> None:
        """Nothing."""

    def change(self, change: LiveChange) -> None:
        """Tell of a connection that was lost, or is there again."""
        camera = change.camera
        what = change.change
        title = f"{camera}: " if camera else ""
        if what.state == "down":
            self._since[camera] = what.time_s
            event = SceneEvent(
                "gap", "start", what.time_s, change.frame, detail=what.reason, seen=False
            )
            self._say(f"{title}no images: {what.reason}; connecting again")
        elif camera in self._since:
            began_s = self._since.pop(camera)
            seconds = what.time_s - began_s if what.gap_s is None else what.gap_s
            detail = _detail(change)
            event = SceneEvent(
                "gap",
                "end",
                what.time_s,
                change.frame,
                begin_s=what.time_s - seconds,
                seconds=seconds,
                detail=detail or None,
            )
            # Without a gap it gave no image before, and its clock begins with this one.
            came = "its first image" if what.gap_s is None else f"back after {seconds:.1f} s"
            self._say(f"{title}{came}{detail and f', {detail}'}")
        else:
            return
        self._sink.send(self._stamps[camera].on(event))

    def reload(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing: who made the sink closes it."""


def _detail(change: LiveChange) -> str:
    """What is different after a gap, in words."""
    size = change.change.size
    parts = [] if size is None else [f"its images are {size[0]}x{size[1]} now and are scaled"]
    if not change.kept:
        parts.append("detected objects are forgotten")
    return ", ".join(parts)
