"""Tracker: what a robot's control loop calls for every image, with a latency budget.

Enters: images as they come, and prompts and removals from any thread.  Leaves: FrameMasks per
image, within the budget by doing less where there is no time for everything
(`vseg.session.realtime.update_plan` has the order), and reports of what was left out.
Without a budget nothing is left out, and the masks are those of a Session, bit for bit.
"""

from collections.abc import Sequence
from math import inf
from numbers import Real
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np

from vseg.config import CropSettings, IdentitySettings, MemorySettings
from vseg.errors import BadFrame, BadRun, BadTrackerState, LateFrame, UsageError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.closing import Closing
from vseg.interfaces.grounder import Grounder, check_grounder
from vseg.interfaces.model import Model
from vseg.interfaces.promptable_model import check_loaded
from vseg.interfaces.resizable_model import ResizableModel
from vseg.io.files import given_path
from vseg.ops.frame_time import checked_time
from vseg.ops.label_text import check_label
from vseg.ops.rgb import checked_rgb
from vseg.prompts.check import collect_prompts
from vseg.session.realtime.frame_clock import FrameClock
from vseg.session.realtime.latency_report import LatencyLog, LatencyReport, UpdateReport
from vseg.session.realtime.prompted_mask import prompted_mask
from vseg.session.realtime.recent_frames import RecentFrames
from vseg.session.realtime.timed_session import TimedSession
from vseg.session.realtime.tracker_file import TrackerState, read_state, write_state
from vseg.session.realtime.waiting_changes import WaitingChanges
from vseg.types import Frame, Mask, PromptValue, Text


class Tracker(Closing):
    """Masks of prompted objects on one image after another, in bounded time and memory.

    latency_budget_s: seconds that an update may take; None: as long as it takes.
    least_short_side: frames are never scaled to less.  memory, identity, grounder: as for
    Session.  crops: which small objects are tracked in crops, each encoded by itself; left
    out, as Session has it without a budget, and none with one.

    One thread calls `update`; `prompt`, `remove` and everything else may be called from any.
    """

    def __init__(  # noqa: PLR0913 - one parameter for each kind of setting
        self,
        model: Model,
        latency_budget_s: float | None = None,
        *,
        memory: MemorySettings | None = None,
        identity: IdentitySettings | None = None,
        crops: CropSettings | None = None,
        grounder: Grounder | None = None,
        least_short_side: int = 192,
    ) -> None:
        budget = latency_budget_s
        positive = isinstance(budget, Real) and 0 < budget < inf
        if budget is not None and not positive:
            raise UsageError(
                f"a latency budget of {latency_budget_s!r} s cannot be kept",
                hint="give seconds above 0, such as 0.05, or leave it out",
            )
        if grounder is not None:
            check_grounder(grounder)
        self.model = model
        self.latency_budget_s = latency_budget_s
        self._grounder = grounder
        if crops is None:
            crops = CropSettings() if latency_budget_s is None else CropSettings(most=0)
        self._session = TimedSession(
            model, latency_budget_s, least_short_side, (memory, identity, crops)
        )
        self._changes = WaitingChanges()
        self._clock = FrameClock()
        self._recent = RecentFrames()
        full = model.short_side if isinstance(model, ResizableModel) else None
        self._log = LatencyLog(latency_budget_s, full)
        self._image_hw: tuple[int, int] | None = None
        self._state_lock = Lock()
        self._updates = False

    def update(self, image: np.ndarray, time_s: float | None = None) -> FrameMasks:
        """The masks of every object on an image: RGB uint8 (H, W, 3), which is copied.

        time_s: when it was taken, by the clock of its source; left out, when it came.  An
        image of the same time as the last one is that image again, and so are its masks.
        Where the budget leaves no time for all, some objects are decoded in turn:
        `last_update.held` has those whose masks are of an earlier image.  Raises LateFrame for
        an image up to a second older than the last (older still: the clock was set), BadFrame
        for one that is no RGB image or of another size, UsageError while another thread
        updates; then nothing has changed.
        """
        began = perf_counter()
        if not self._state_lock.acquire(blocking=False):
            if self._updates:
                raise UsageError(
                    "update is running in another thread",
                    hint="give images from one thread; prompts may come from any",
                )
            # `save` holds it for no longer than it takes to copy the state.
            self._state_lock.acquire()
        self._updates = True
        try:
            return self._update(image, time_s, began)
        finally:
            self._updates = False
            self._state_lock.release()

    def prompt(
        self,
        obj: int | None,
        prompts: Sequence[PromptValue] = (),
        *,
        frame: int | None = None,
        label: str | None = None,
        **numbers: Any,
    ) -> FrameMasks:
        """Begin an object, or correct it; its mask on the frame that the prompts mean.

        obj: None takes the next id that was never used.  frame: the `frame_index` of one of
        the last 16 results; left out, the newest one.  label: its name; of a text the phrase.
        numbers: points, labels, box, scribble, mask, polygon, text, exemplar, as for
        `Session.prompt`.  Decoded in this thread; the next update takes the mask in and tracks
        from it.  Raises BadPrompt, NothingFound, and UsageError where nobody updates.
        """
        values = collect_prompts(prompts, **numbers)
        if label is not None:
            check_label(label)
        number = self._changes.check(obj)
        shown, masks, before = self._recent.at(frame)
        known = None
        if number is not None and number in masks and masks.area(number):
            known = Mask(masks[number])
        working = (number or 1, known)
        found = prompted_mask(self.model, self._grounder, (shown, before), working, values)
        if label is None:
            label = next((v.phrase for v in values if isinstance(v, Text)), None)
        mask = found[working[0]]
        number = self._changes.prompt(number, shown, Mask(mask), label)
        return FrameMasks.of(shown, {number: mask}, {number: float(found.scores[0])})

    def remove(self, obj: int) -> None:
        """Stop tracking an object, from the next update on; its id is not used again.  Raises
        BadPrompt for an object that is not tracked.
        """
        self._changes.remove(obj)

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids of the objects, ascending; prompted ones that wait for the next update too."""
        return self._changes.object_ids

    @property
    def labels(self) -> dict[int, str]:
        """Labels by object id, of those that have one."""
        return dict(self._changes.labels)

    @property
    def last_update(self) -> UpdateReport | None:
        """How the last update was done; None before the first."""
        return self._log.last

    def latency(self) -> LatencyReport:
        """How long updates take, and what was left out to keep the budget."""
        return self._log.report(self._clock.clock_sets)

    def state_bytes(self) -> int:
        """Bytes of memory and last masks on the device; constant once the memory is full."""
        return self._session.session.state_bytes()

    def warm_up(self, height: int, width: int, objects: int = 1) -> None:
        """Build what the first updates would build, and measure them: at every size, on blank
        images.  Call it before the first update; it takes some seconds.  Raises UsageError.
        """
        if not all(isinstance(n, int) and n >= 1 for n in (height, width, objects)):
            raise UsageError(
                f"images of {width!r}x{height!r} with {objects!r} objects cannot be tracked",
                hint="give the height and width that update will get, and 1 object or more",
            )
        with self._state_lock:
            self._session.warm_up(height, width, objects)

    def save(self, path: Path | str) -> None:
        """Write everything but past images and latencies to a file; prompts that wait are
        taken in first.  Raises OutputError.
        """
        with self._state_lock:
            self._session.adopt(self._changes, None)
            session = self._session
            state = TrackerState(
                session.session.snapshot(),
                self.model.weights_sha256,
                session.short_side,
                self._image_hw,
                self._clock.index,
                self._clock.last_s,
                self._changes.object_ids,
                self._changes.used,
                self.labels,
            )
        write_state(given_path(path, "the file of a tracker"), state)

    @classmethod
    def load(
        cls,
        path: Path | str,
        model: Model,
        latency_budget_s: float | None = None,
        **settings: Any,
    ) -> "Tracker":
        """The tracker that was saved, which goes on with the same bits.

        model, latency_budget_s, settings: as for a new one.  Raises BadTrackerState.
        """
        check_loaded(model)
        file = given_path(path, "the file of a tracker")
        state = read_state(file, model.weights_sha256)
        tracker = cls(model, latency_budget_s, **settings)
        try:
            tracker._session.restore(state.snapshot, state.short_side, state.image_hw)
        except BadRun as error:
            raise BadTrackerState(
                f"{path} is of another version of vseg",
                hint="begin a new Tracker, and prompt it",
            ) from error
        tracker._changes = WaitingChanges(state.object_ids, state.used)
        tracker._changes.labels |= state.labels
        tracker._clock.resume(state.index, state.last_s)
        tracker._image_hw = state.image_hw
        return tracker

    def close(self) -> None:
        """Free all state, for good, once a running update has ended."""
        with self._state_lock:
            self._session.session.close()

    def _update(self, image: np.ndarray, time_s: float | None, began: float) -> FrameMasks:
        pixels = self._checked(image)
        given = self._clock.arrival_s() if time_s is None else checked_time(time_s)
        try:
            repeated = self._clock.repeats(given)
        except LateFrame:
            self._log.count("late")
            raise
        newest = self._recent.newest
        if repeated and newest is not None:
            self._log.count("repeated")
            return newest[1]
        # A copy: cameras write the next image into the same array.
        frame = Frame(self._clock.index + 1, None, given, pixels.copy())
        adopted = self._session.adopt(self._changes, began)
        masks, done = self._session.track(frame, began)
        self._image_hw = frame.hw
        self._clock.advance(frame.time_s)
        self._recent.add(frame, masks)
        self._log.add(
            UpdateReport(
                frame.index,
                frame.time_s,
                perf_counter() - began,
                done.short_side,
                done.decoded,
                tuple(i for i in masks.object_ids if i not in done.decoded),
                done.remember,
                adopted,
            )
        )
        return masks

    def _checked(self, image: np.ndarray) -> np.ndarray:
        """The pixels.  Raises BadFrame for an image that cannot be tracked."""
        pixels = checked_rgb(image)
        height, width = pixels.shape[:2]
        if self._image_hw not in (None, (height, width)):
            assert self._image_hw is not None
            before = f"{self._image_hw[1]}x{self._image_hw[0]}"
            raise BadFrame(
                f"the image is {width}x{height}, those before were {before}",
                hint="resize the image, or begin a new Tracker",
            )
        return pixels
