"""One live source, tracked as it comes: nothing is stored, nothing grows, and a gap is no end.

Enters: frames of a camera, a stream or a clip, and prompts on its first frame or descriptions
of what to detect.  Leaves: per frame, the image, the masks and what happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vseg.config import TrackConfig
from vseg.errors import BadPrompt, UsageError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.closing import Closing
from vseg.interfaces.live_source import ConnectionChange
from vseg.interfaces.model import Model
from vseg.pipelines.driver import make_driver
from vseg.pipelines.passes import check_marks
from vseg.pipelines.prepare import check_instances, check_redetection, grounder_of
from vseg.prompts.timecode import parse_timecode
from vseg.session.encode_ahead import EncodeAhead
from vseg.session.session import Session
from vseg.types import Frame, Prompt, Text, Timecode, TrackEvent


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """One frame, the objects on it, and what happened since the one before.

    camera: its source's name.  gap_s: seconds without an image before it, where the connection
    was lost meanwhile.
    """

    frame: Frame
    masks: FrameMasks
    events: tuple[TrackEvent, ...]
    camera: str = ""
    gap_s: float | None = None


@dataclass(frozen=True, slots=True)
class LiveChange:
    """What happened to the connection of a camera.  frame: the number of its last frame, or of
    the next one if it is up; kept: objects are still known, and none is if not.
    """

    change: ConnectionChange
    camera: str
    frame: int
    kept: bool = True


class LiveTracker(Closing):
    """Tracks one source.

    camera: its name.  requests: prompts on the first frame; those of every instance are
    detected again and again; none at all means everything there is.  max_gap_s: after a longer
    gap, detected objects are forgotten.  ahead: encodes frames for several trackers together.
    """

    def __init__(
        self,
        camera: str,
        requests: tuple[Prompt, ...],
        config: TrackConfig,
        model: Model,
        *,
        max_gap_s: float,
        ahead: EncodeAhead | None = None,
    ) -> None:
        """Raises UsageError and BadPrompt for what a live source cannot be asked."""
        self.camera = camera
        self.max_gap_s = max_gap_s
        text = config.redetection.until
        until = None if text is None else parse_timecode(text)
        _check(requests, config, until)
        texts = [r.value for r in requests if isinstance(r.value, Text)]
        words = grounder_of(config, texts, model, everything=not requests)
        self._session = Session(
            model,
            memory=config.memory,
            identity=config.identity,
            crops=config.crops,
            grounder=words,
        )
        if ahead is not None:
            self._session.encode_with(ahead)
        self._driver = make_driver(self._session, config, requests, None, words, until)
        # For words about what moves, the first frame waits for the second.
        self._waits = words is not None
        self._waiting: Frame | None = None
        self._before: Frame | None = None
        self._generation: int | None = None
        self._scaled_from: tuple[int, int] | None = None

    def step(self, frame: Frame, generation: int) -> Iterator[LiveFrame]:
        """The next frame, tracked; the first one may come only with the second.

        generation: of its source's connection.
        """
        if self._waits:
            self._waits = False
            self._waiting = frame
            self._generation = generation
            return
        if self._waiting is not None:
            first = self._waiting
            self._waiting = None
            yield self._tracked(first, frame, None)
        yield self._tracked(frame, self._before, self._gap(frame, generation))

    def end(self) -> Iterator[LiveFrame]:
        """The first frame, where no second one came."""
        if self._waiting is not None:
            first = self._waiting
            self._waiting = None
            yield self._tracked(first, None, None)

    def close(self) -> None:
        """Free the state of the objects."""
        self._session.close()

    def _gap(self, frame: Frame, generation: int) -> float | None:
        """Seconds since the frame before, if it was of another connection."""
        before = self._generation
        self._generation = generation
        if before in (None, generation) or self._before is None:
            return None
        return frame.time_s - self._before.time_s

    def _tracked(self, frame: Frame, adjacent: Frame | None, gap_s: float | None) -> LiveFrame:
        if gap_s is not None:
            self._driver.resume(frame, keep=gap_s <= self.max_gap_s)
            adjacent = None  # what changed since then did not move
        masks = self._driver.step(frame, adjacent)
        events = self._driver.drain()
        if frame.scaled_from != self._scaled_from:
            self._scaled_from = frame.scaled_from
            events = (TrackEvent(frame.index, "rescaled"), *events)
        self._before = frame
        return LiveFrame(frame, masks, events, self.camera, gap_s)


def _check(requests: tuple[Prompt, ...], config: TrackConfig, until: Timecode | None) -> None:
    """Raise UsageError or BadPrompt for what a live source cannot be asked."""
    check_instances(requests)
    if config.direction != "forward":
        raise UsageError(
            f"a live source cannot be tracked in the direction {config.direction}",
            hint="leave `direction` out of the settings",
        )
    for request in requests:
        if request.at.frame != 0:
            raise BadPrompt(
                f"the prompt of object {request.object_id} is at {request.at}, and a live "
                "source has no frame but the newest",
                hint="prompt on the first frame: leave @FRAME out",
            )
    check_marks(requests, config.direction)
    if until is not None and until.reached(0, 0.0):
        raise UsageError(
            f"detecting would end at {until}, before the first detection",
            hint="give --until a later frame or time, or leave it out",
        )
    check_redetection(config.redetection, everything=not requests)
