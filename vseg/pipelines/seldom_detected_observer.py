"""Whether live sources are detected on too seldom for what passes before them.

Enters: tracked frames of cameras.  Leaves: for each camera a sentence, once: while it is
tracked, when enough objects came and left, or at the end.  What is kept is bounded.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from vseg.pipelines.job import TrackJob
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.results.seldom_detections import seldom_detected
from vseg.types import VideoInfo

_ENOUGH = 10
"""Objects that came and left: of fewer it is told at the end, for the next ones may stay
longer.  A round value."""
_KEPT = 200
"""Objects that are judged: the last ones, as what passes at night is not what passes at noon.
A round value."""


@dataclass(slots=True)
class _InView:
    """What one camera showed.  begin: the first frame, or the first after a gap.  seen: the
    first and the last frame on which each object was visible.  lengths: in frames, of those
    that left.
    """

    begin: int | None = None
    seen: dict[int, tuple[int, int]] = field(default_factory=dict)
    lengths: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))
    told: bool = False


class SeldomDetectedObserver:
    """A `LiveObserver` that counts for how long objects are in view.

    every: frames between two detections.  say: is told the sentence.
    """

    def __init__(self, every: int, say: Callable[[str], None]) -> None:
        self._every = every
        self._say = say
        self._cameras: dict[str, _InView] = {}

    def begin(self, camera: str, info: VideoInfo) -> None:
        """The camera gives images."""
        self._cameras[camera] = _InView()

    def frame(self, live: LiveFrame) -> None:
        """Count the objects of a frame."""
        known = self._cameras[live.camera]
        index = live.frame.index
        if known.begin is None or live.gap_s is not None:
            # How long they were in view beyond the gap is not known.
            known.begin = index
            known.seen.clear()
        for object_id, visible in zip(live.masks, live.masks.visible.tolist(), strict=True):
            if visible:
                first, _ = known.seen.get(object_id, (index, index))
                known.seen[object_id] = (first, index)
        for event in live.events:
            if event.kind == "removed" and event.object_id in known.seen:
                first, last = known.seen.pop(event.object_id)
                if first > known.begin:
                    known.lengths.append(last + 1 - first)
        if len(known.lengths) >= _ENOUGH:
            self._tell(live.camera, known)

    def change(self, change: LiveChange) -> None:
        """Nothing: the next frame says that there was a gap."""

    def reload(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Tell of the cameras that were not told of."""
        for camera, known in self._cameras.items():
            self._tell(camera, known)
        self._cameras = {}

    def _tell(self, camera: str, known: _InView) -> None:
        if known.told:
            return
        for sentence in seldom_detected(known.lengths, self._every):
            known.told = True
            self._say(f"{camera}: {sentence}" if camera else sentence)


def seldom_detected_observer(
    job: TrackJob, say: Callable[[str], None]
) -> SeldomDetectedObserver | None:
    """The observer of a job that detects again and again; None for one that follows what was
    prompted.
    """
    if not job.everything and all(prompt.object_id is not None for prompt in job.prompts):
        return None
    return SeldomDetectedObserver(job.config.redetection.detect_every, say)
