"""Several live sources on one model: each in its turn, and none stops the others.

Enters: live sources by name.  Leaves: their tracked frames as they come, and what happens to
their connections.  In a turn every camera that has a new frame gets one, so a fast one cannot
keep the others waiting.  On a CPU a frame is taken when its turn comes, and so is the newest;
on a GPU the frames of a turn are encoded together.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from vseg.config import TrackConfig
from vseg.errors import DamagedVideo, UsageError
from vseg.interfaces.live_source import ConnectionChange, LiveSource
from vseg.interfaces.model import Model
from vseg.pipelines.live import LiveChange, LiveFrame, LiveTracker
from vseg.session.encode_ahead import EncodeAhead
from vseg.types import Frame, Prompt

MAX_GAP_S = 60.0
"""Objects are recognised after a gap of at most a minute: over longer ones whoever was there
has usually left.  A round value; `--max-gap` sets it."""
_POLL_S = 0.25
"""Without news, how long until it is asked again whether to stop."""


@dataclass(frozen=True, slots=True)
class LiveTask:
    """What to track on live sources.  stop: whether to end; asked between frames, and while
    there are none.  together: frames of different cameras that are encoded together; None for
    all of a turn on CUDA and one on a CPU, where a batch brings nothing.
    """

    requests: tuple[Prompt, ...]
    config: TrackConfig
    max_gap_s: float = MAX_GAP_S
    stop: Callable[[], bool] = lambda: False
    together: int | None = None


def watch(
    cameras: Mapping[str, LiveSource], task: LiveTask, model: Model, news: threading.Event
) -> Iterator[LiveFrame | LiveChange]:
    """Every frame that the cameras give, tracked, until all have ended.

    news: what the cameras set when there is something new.  Raises UsageError and BadPrompt
    before the first frame is taken; DamagedVideo when a clip breaks.
    """
    usual = len(cameras) if model.device.type == "cuda" else 1
    together = usual if task.together is None else task.together
    ahead = EncodeAhead(model.encode, together)
    if len(cameras) > 1:
        check_shared(task.requests)
    with ExitStack() as held:
        turns: list[_Turn] = []
        for name, source in cameras.items():
            tracker = LiveTracker(
                name,
                task.requests,
                task.config,
                model,
                max_gap_s=task.max_gap_s,
                ahead=ahead,
            )
            held.enter_context(tracker)
            turns.append(_Turn(source, tracker, alone=len(cameras) == 1))
        while not task.stop() and not all(turn.over for turn in turns):
            news.clear()
            idle = True
            for first in range(0, len(turns), together):
                for item in _taken(turns[first : first + together], ahead):
                    idle = False
                    yield item
                    if task.stop():
                        return
            if idle:
                news.wait(_POLL_S)


def check_shared(requests: tuple[Prompt, ...]) -> None:
    """Raise UsageError for a prompt that is a place, which is one camera's."""
    for request in requests:
        if request.object_id is not None:
            raise UsageError(
                "a place in the frame can be prompted on one camera, not on several",
                hint="give --text, --exemplar or --auto, or watch that camera by itself",
            )


class _Turn:
    """One camera, `alone` or among others."""

    def __init__(self, source: LiveSource, tracker: LiveTracker, *, alone: bool) -> None:
        self.source = source
        self.tracker = tracker
        self.over = False
        self._alone = alone
        self._last = 0
        self._broken: DamagedVideo | None = None

    def take(self) -> Frame | None:
        """The newest frame, if there is a new one."""
        try:
            frame = self.source.take(0.0)
        except DamagedVideo as error:
            self._broken = error
            return None
        if frame is not None:
            self._last = frame.index
        return frame

    def changes(self) -> Iterator[LiveChange]:
        """What happened to the connection."""
        for change in self.source.changes():
            kept = change.gap_s is None or change.gap_s <= self.tracker.max_gap_s
            yield LiveChange(change, self.tracker.camera, self._last, kept)

    def end(self) -> Iterator[LiveFrame | LiveChange]:
        """What is left where the source has ended.  A clip that breaks is an error where it is
        alone, and ends by itself beside others.
        """
        if self.over or not (self._broken or self.source.ended):
            return
        self.over = True
        yield from self.tracker.end()
        if self._broken is not None:
            if self._alone:
                raise self._broken
            now_s = self.source.clock_s()
            lost = ConnectionChange("down", self.source.generation, now_s, str(self._broken))
            yield LiveChange(lost, self.tracker.camera, self._last)


def _taken(turns: list[_Turn], ahead: EncodeAhead) -> Iterator[LiveFrame | LiveChange]:
    """A frame of each camera that has one, encoded together where they are of one size."""
    taken: dict[tuple[int, ...], list[tuple[_Turn, Frame]]] = {}
    for turn in turns:
        frame = turn.take()
        yield from turn.changes()
        if frame is not None:
            taken.setdefault(frame.image.shape, []).append((turn, frame))
    for alike in taken.values():
        encoded = ahead.over([frame for _, frame in alike])
        for (turn, _), frame in zip(alike, encoded, strict=True):
            yield from turn.tracker.step(frame, turn.source.generation)
    for turn in turns:
        yield from turn.end()
