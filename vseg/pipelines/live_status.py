"""How live sources do, for whoever watches them: as JSON and in Prometheus' text format.

Enters: tracked frames and changes of connections.  Leaves: per camera the images that come and
are done per second, how old a frame is when its masks are there, drops and reconnections.
What is kept is bounded.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vseg.interfaces.live_source import LiveSource
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.types import VideoInfo

WINDOW_S = 30.0
"""Rates and ages are of the frames of the last half minute.  A round value."""
_AGES_KEPT = 2048
ALIVE_WITHIN_S = 60.0
"""A loop that did nothing for so long hangs: it wakes up several times a second, and a frame
of a large model takes seconds.  A round value."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera now.  up: 1 if it gives images, reason: why not.  age_*: seconds from the
    arrival of an image to its masks.  newest_age_s: since the last image arrived.
    """

    up: int
    state: str
    reason: str
    frames_in_per_s: float
    frames_done_per_s: float
    frames_in: int
    frames_done: int
    dropped: int
    reconnects: int
    newest_age_s: float | None
    age_p50_s: float | None
    age_p95_s: float | None
    objects: int


class _Window:
    """What one camera did lately."""

    def __init__(self) -> None:
        self.state = "connecting"
        self.reason = ""
        self.objects = 0
        self.done: deque[tuple[float, float]] = deque(maxlen=_AGES_KEPT)
        self.arrivals: deque[tuple[float, int]] = deque(maxlen=_AGES_KEPT)

    def lately(self, now_s: float) -> None:
        """Forget what is older than the window."""
        for kept in (self.done, self.arrivals):
            while kept and now_s - kept[0][0] > WINDOW_S:
                kept.popleft()


class LiveStatus:
    """A `LiveObserver` that counts; `report` may be called from another thread."""

    def __init__(self, cameras: Mapping[str, LiveSource]) -> None:
        self._cameras = cameras
        self._windows = {name: _Window() for name in cameras}
        self._start_s = time.monotonic()
        self._beat_s = self._start_s
        self._lock = threading.Lock()

    def beat(self) -> None:
        """Note that the loop goes on, with or without frames."""
        self._beat_s = time.monotonic()

    def begin(self, camera: str, info: VideoInfo) -> None:
        """The camera gives images."""
        with self._lock:
            self._windows[camera].state = "up"

    def frame(self, live: LiveFrame) -> None:
        """Count a frame."""
        source = self._cameras[live.camera]
        age_s = source.clock_s() - live.frame.time_s
        arrived = source.counts().arrived
        now_s = time.monotonic()
        with self._lock:
            window = self._windows[live.camera]
            window.done.append((now_s, age_s))
            window.arrivals.append((now_s, arrived))
            window.objects = int(live.masks.visible.sum())
            window.lately(now_s)

    def change(self, change: LiveChange) -> None:
        """Note the state of a connection."""
        with self._lock:
            window = self._windows[change.camera]
            window.state = change.change.state
            window.reason = change.change.reason

    def reload(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def report(self) -> dict[str, Any]:
        """Everything, as plain values."""
        now_s = time.monotonic()
        with self._lock:
            cameras = {
                name or "camera": asdict(self._camera(name, now_s)) for name in self._cameras
            }
        return {
            "uptime_s": round(now_s - self._start_s, 3),
            "loop_age_s": round(now_s - self._beat_s, 3),
            "memory_bytes": memory_bytes(),
            "cameras": cameras,
        }

    def _camera(self, name: str, now_s: float) -> CameraStatus:
        window = self._windows[name]
        window.lately(now_s)
        counts = self._cameras[name].counts()
        ages = np.array([age for _, age in window.done])
        span_s = min(WINDOW_S, max(now_s - self._start_s, 1e-9))
        arrivals = window.arrivals
        came = counts.arrived - arrivals[0][1] if arrivals else 0
        came_s = max(now_s - arrivals[0][0], 1e-9) if arrivals else 1.0
        return CameraStatus(
            up=int(window.state == "up"),
            state=window.state,
            reason=window.reason,
            frames_in_per_s=round(came / came_s, 3),
            frames_done_per_s=round(len(ages) / span_s, 3),
            frames_in=counts.arrived,
            frames_done=counts.given,
            dropped=counts.dropped,
            reconnects=counts.reconnects,
            newest_age_s=counts.newest_age_s,
            age_p50_s=float(np.quantile(ages, 0.5)) if len(ages) else None,
            age_p95_s=float(np.quantile(ages, 0.95)) if len(ages) else None,
            objects=window.objects,
        )


def prometheus_text(report: Mapping[str, Any]) -> str:
    """The report in Prometheus' text exposition format, version 0.0.4."""
    lines = []
    for name, kind, unit in _METRICS:
        lines.append(f"# TYPE vseg_camera_{unit} {kind}")
        for camera, status in report["cameras"].items():
            if status[name] is not None:
                label = f'camera="{_escaped(camera)}"'
                lines.append(f"vseg_camera_{unit}{{{label}}} {status[name]}")
    for name, unit in _TOTALS:
        if report[name] is not None:
            lines += [f"# TYPE vseg_{unit} gauge", f"vseg_{unit} {report[name]}"]
    return "\n".join(lines) + "\n"


# Field of the report, kind, and the name of the metric.
_METRICS = (
    ("up", "gauge", "up"),
    ("frames_in", "counter", "frames_in_total"),
    ("frames_done", "counter", "frames_done_total"),
    ("dropped", "counter", "dropped_total"),
    ("reconnects", "counter", "reconnects_total"),
    ("frames_in_per_s", "gauge", "frames_in_per_second"),
    ("frames_done_per_s", "gauge", "frames_done_per_second"),
    ("newest_age_s", "gauge", "newest_age_seconds"),
    ("age_p50_s", "gauge", "age_p50_seconds"),
    ("age_p95_s", "gauge", "age_p95_seconds"),
    ("objects", "gauge", "objects"),
)
_TOTALS = (("memory_bytes", "memory_bytes"), ("uptime_s", "uptime_seconds"))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def memory_bytes() -> int | None:
    """What this process holds in memory; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
