"""A session whose steps are timed, and cut down to a budget if there is one.

Enters: frames, and changes that wait.  Leaves: masks of all objects, and what was done for
them.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from vseg.config import CropSettings, IdentitySettings, MemorySettings
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.interfaces.resizable_model import ResizableModel
from vseg.session.realtime.carried_masks import CarriedMasks
from vseg.session.realtime.map_scale import scale_maps
from vseg.session.realtime.update_plan import UpdatePlan, UpdatePlanner, short_sides
from vseg.session.realtime.waiting_changes import WaitingChanges, WaitingPrompt
from vseg.session.session import Session
from vseg.types import Frame

SessionSettings = tuple[MemorySettings | None, IdentitySettings | None, CropSettings | None]

# Of the budget, the share that prompts may take which came since the last update: one is taken
# in in any case, others wait for the next update.  A round value.
_ADOPTION = 0.3
# Updates of a warm-up by size: two in which kernels are built, and as many as nano's stride of
# memory, so that one of them writes it.
_WARM_UPDATES = 7


@dataclass(frozen=True, slots=True)
class Done:
    """short_side: of the frame as it was encoded.  decoded: ids.  remember: whether memory
    could be written.
    """

    short_side: int | None
    decoded: tuple[int, ...]
    remember: bool = True


class TimedSession:
    """A session for one thread.  With a budget and a model that can be resized, the model is a
    copy of its own, which shares the weights.
    """

    def __init__(
        self,
        model: Model,
        budget_s: float | None,
        least_short_side: int,
        settings: SessionSettings,
    ) -> None:
        self._sized: ResizableModel | None = None
        if budget_s is not None and isinstance(model, ResizableModel):
            self._sized = model.resized(model.short_side)
        sides: tuple[int | None, ...] = (None,)
        if self._sized is not None:
            least = min(least_short_side, self._sized.short_side)
            self._sized.resized(least)  # raises UsageError for what is no size
            sides = short_sides(self._sized.short_side, least)
        self._model: Model = model if self._sized is None else self._sized
        self._full = model.short_side if isinstance(model, ResizableModel) else None
        self._sides = sides
        self._planner = None if budget_s is None else UpdatePlanner(budget_s, sides)
        self._settings = settings
        self._carried = CarriedMasks()
        self._adoption_s = 0.0
        self.session = self._open()

    @property
    def short_side(self) -> int | None:
        """Of the frames now; None of a model of one size."""
        return self._full if self._sized is None else self._sized.short_side

    def restore(
        self, snapshot: bytes, short_side: int | None, image_hw: tuple[int, int] | None
    ) -> None:
        """Take over the state of a session.  Raises BadRun.

        short_side, image_hw: of its frames, None of a model of one size and before the first.
        """
        self.session.restore(snapshot)
        model = self._model
        if image_hw is None or short_side is None or not isinstance(model, ResizableModel):
            return
        if short_side != model.short_side:
            before = model.resized(short_side).map_hw(image_hw)
            scale_maps(self.session, before, model.map_hw(image_hw))

    def adopt(self, changes: WaitingChanges, began: float | None) -> tuple[int, ...]:
        """Take in what waits; the ids of objects that were prompted.

        began: when the update did, from which the share of the budget for this counts; None:
        everything is taken in.
        """
        for obj in changes.take_removed():
            if obj in self.session.objects:
                self.session.remove(obj)
        adopted: list[int] = []
        while not (adopted and self._is_late(began)):
            waiting = changes.take_prompted()
            if waiting is None:
                break
            self._adopt_one(waiting)
            adopted.append(waiting.object_id)
        return tuple(adopted)

    def track(self, frame: Frame, began: float) -> tuple[FrameMasks, Done]:
        """The masks of all objects on the next frame."""
        ids = self.session.object_ids
        self._carried.keep(ids)
        if self._planner is None or not ids:
            masks = self.session.step(frame)
            self._carried.decoded(masks)
            return masks, Done(self.short_side, masks.object_ids)
        return self._track_in_time(self._planner, frame, began)

    def warm_up(self, height: int, width: int, objects: int) -> None:
        """Track blank frames with a session of its own, at every size."""
        mine = self.session, self._carried
        side = self.short_side
        try:
            for each in self._sides:
                self.session = self._open()
                self._carried = CarriedMasks()
                self._set_side(each)
                self._warm_up_size(height, width, objects)
        finally:
            self.session, self._carried = mine
            self._set_side(side)

    def _warm_up_size(self, height: int, width: int, objects: int) -> None:
        blank = np.zeros((height, width, 3), dtype=np.uint8)
        first = Frame(0, None, 0.0, blank)
        for obj in range(1, objects + 1):
            self.session.prompt(obj, first, mask=_band(height, width, obj - 1, objects))
        for index in range(1, _WARM_UPDATES + 1):
            self._measure(Frame(index, None, index / 30, blank))

    def _set_side(self, side: int | None) -> None:
        if self._sized is not None and side is not None:
            self._sized.short_side = side

    def _open(self) -> Session:
        memory, identity, crops = self._settings
        return Session(
            self._model, memory=memory, identity=identity, crops=crops, encode_ahead=1
        )

    def _is_late(self, began: float | None) -> bool:
        """Whether another prompt would take too much of the budget."""
        if began is None or self._planner is None:
            return False
        until = perf_counter() - began + self._adoption_s
        return until > _ADOPTION * self._planner.budget_s

    def _adopt_one(self, waiting: WaitingPrompt) -> None:
        """Begin or correct an object by its mask on a frame that is past."""
        began = perf_counter()
        obj = waiting.object_id
        masks = self.session.prompt(obj, waiting.frame, [waiting.mask])
        self._carried.decoded(masks)
        # The frames before are never passed again: their prompts need not be kept.
        self.session.keep_prompts(obj, {waiting.frame.index})
        self._adoption_s = perf_counter() - began

    def _track_in_time(
        self, planner: UpdatePlanner, frame: Frame, began: float
    ) -> tuple[FrameMasks, Done]:
        end = began + planner.budget_s
        ids = self.session.object_ids
        plan = planner.plan(len(ids), end - perf_counter())
        self._resize(plan, frame)
        start = perf_counter()
        # Kept: the next prompts are of this frame.
        self.session.features_of(frame)
        encoded = perf_counter()
        plan = planner.after_encoding(plan, end - encoded)
        chosen = self._carried.longest_waiting(ids, plan.objects)
        masks = self.session.step(frame, objects=chosen, remember=plan.remember)
        if any(event.kind == "cut" for event in masks.events):
            self._begin_shot(chosen)
        self._carried.decoded(masks)
        tracked = perf_counter()
        planner.note(plan, encoded - start, tracked - encoded, tracked - began)
        done = Done(self.short_side, tuple(sorted(chosen)), plan.remember)
        return self._carried.with_held(masks, ids), done

    def _measure(self, frame: Frame) -> None:
        """Track all objects on a frame, for what it takes alone."""
        began = perf_counter()
        self.session.features_of(frame)
        encoded = perf_counter()
        ids = self.session.object_ids
        self.session.step(frame)
        if self._planner is not None:
            tracked = perf_counter()
            plan = UpdatePlan(self.short_side, len(ids))
            self._planner.costs.note(
                plan.short_side or 0, encoded - began, tracked - encoded, len(ids), len(ids)
            )

    def _resize(self, plan: UpdatePlan, frame: Frame) -> None:
        """Have the model work at the size of the plan from this frame on."""
        if self._sized is None or plan.short_side in (None, self._sized.short_side):
            return
        assert plan.short_side is not None
        hw = frame.hw
        before = self._sized.map_hw(hw)
        self._sized.short_side = plan.short_side
        scale_maps(self.session, before, self._sized.map_hw(hw))

    def _begin_shot(self, chosen: list[int]) -> None:
        """Objects that were not decoded on the first frame of a shot are no longer where they
        were.
        """
        for obj, tracked in self.session.objects.items():
            if obj not in chosen:
                tracked.prior = None
        self._carried.keep(chosen)


def _band(height: int, width: int, number: int, count: int) -> np.ndarray:
    """The mask of one of several bands side by side, half as high as the frame."""
    mask = np.zeros((height, width), dtype=bool)
    left = width * number // count
    right = max(left + 1, width * (number + 1) // count)
    mask[height // 4 : max(height // 4 + 1, 3 * height // 4), left:right] = True
    return mask
