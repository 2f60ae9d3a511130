"""Looking again: what a grounder finds becomes objects, frame by frame, with identities of
their own.

Enters: frames, and a `DetectFunction` that says what is on one.  Leaves: masks of the objects
found so far.  The segmenter carries every object from frame to frame; every so many frames,
and soon after an object was lost, the scene is looked at again and what is found is matched to
what is tracked, one to one by overlap.  What matches nothing becomes a new object, shown once
a second look has seen it too (those of the first look at once); what overlaps an object is a
duplicate.  The state is bounded by the objects allowed, so this works on live sources of any
length.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vseg.config import RedetectionSettings
from vseg.frame_masks import FrameMasks
from vseg.pipelines.driver_state import packed_state, unpacked_state
from vseg.pipelines.track_links import box_within
from vseg.pipelines.tracked_instances import (
    TrackedInstance,
    contained,
    overlap_matrix,
    packed_instance,
    unpacked_instance,
)
from vseg.results.events import RunEvent
from vseg.session.session import Session
from vseg.types import Detections, Frame, Grounding, Mask, MaskCrop, Timecode, VisualPrompt
from vseg_trackers.assignment import Candidates, assign

DetectFunction = Callable[[Frame, Frame | None], Grounding]
"""What is on a frame; the second is one close in time, for what moves."""

JOINS = 0.3
"""A detection is of the object whose mask it overlaps by this IoU."""
SAME_NAME = 0.1
"""What the name is worth, in IoU, where a detection overlaps several objects."""
DUPLICATE = 0.5
INSIDE = 0.8
"""By this IoU, or by this share of itself, a detection that matched nothing is of a known
object.
"""
SOON = 4
"""After an object was lost or is to be confirmed, the next look comes in 1 / SOON of the usual
time.
"""
ALIKE = 0.7
"""Cosine by which a detection is of an object that is out of sight."""


class RedetectionTracker:
    """Keeps one session's objects in step with what is found on its video.

    until: nothing new is looked for from then on.  best: the best score of each description so
    far.
    """

    def __init__(
        self,
        session: Session,
        look: DetectFunction,
        settings: RedetectionSettings,
        until: Timecode | None = None,
    ) -> None:
        self._session = session
        self._look = look
        self._settings = settings
        self._until = until
        self._watched: dict[int, TrackedInstance] = {}
        self._next_id = 1
        self._next_look = 0
        self._last_look = -1
        self._events: list[RunEvent] = []
        self.best: list[float] = []

    def step(self, frame: Frame, near: Frame | None = None) -> FrameMasks | None:
        """The masks of all confirmed objects on this frame and what happened to them; None
        where nothing is tracked.

        near: the frame before, if there is one.
        """
        if self._ended(frame):
            self._drop_unsure(frame)
        elif frame.index >= self._next_look:
            self._match(frame, self._look(frame, near))
        if not self._watched:
            return None
        masks = self._session.step(frame)
        for object_id in masks:
            self._see(frame, self._watched[object_id], masks.crop(object_id))
        shown = [i for i in masks if self._watched[i].confirmed]
        unsure = {each.object_id for each in self._watched.values() if not each.confirmed}
        told = tuple(event for event in masks.events if event.object_id not in unsure)
        return replace(masks.only(shown), events=told)

    def drain(self) -> tuple[RunEvent, ...]:
        """What happened since this was last asked: born, joined, reanchored, dropped, full."""
        happened = tuple(self._events)
        self._events = []
        return happened

    def snapshot(self) -> bytes:
        """The whole state, the session's with it."""
        own = {
            "next_id": self._next_id,
            "next_look": self._next_look,
            "last_look": self._last_look,
            "best": self.best,
            "watched": [packed_instance(each) for each in self._watched.values()],
        }
        return packed_state(own, self._session.snapshot())

    def restore(self, payload: bytes) -> None:
        """Replace the state by a snapshot's.  Raises BadRun if it is damaged."""
        own, session = unpacked_state(payload)
        self._next_id = own["next_id"]
        self._next_look = own["next_look"]
        self._last_look = own["last_look"]
        self.best = own["best"]
        watched = [unpacked_instance(each) for each in own["watched"]]
        self._watched = {each.object_id: each for each in watched}
        self._session.restore(session)

    def _ended(self, frame: Frame) -> bool:
        return self._until is not None and self._until.reached(frame.index, frame.time_s)

    def _drop_unsure(self, frame: Frame) -> None:
        """Drop what no look will ever confirm: unseen, it would keep its pixels from the
        others.
        """
        for watched in tuple(self._watched.values()):
            if not watched.confirmed:
                self._drop(frame, watched)

    def _match(self, frame: Frame, grounding: Grounding) -> None:
        """Give each detection to the object it is of; make, confirm, correct and drop
        objects.
        """
        found = grounding.found
        first = self._last_look < 0
        best = grounding.best.tolist()
        self.best = [max(pair) for pair in zip(self.best or best, best, strict=True)]
        in_sight = [each for each in self._watched.values() if each.crop is not None]
        iou = overlap_matrix(found, in_sight)
        same = np.array([[w.name == name for w in in_sight] for name in grounding.names])
        rows, columns = np.nonzero(iou >= JOINS)
        gain = iou[rows, columns] + SAME_NAME * same.reshape(iou.shape)[rows, columns]
        pairs = assign(Candidates(rows, columns, gain))
        for row, column in zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True):
            self._support(frame, found, row, in_sight[column], float(iou[row, column]))
        for column in sorted(set(range(len(in_sight))) - set(pairs.columns.tolist())):
            self._miss(frame, in_sight[column])
        self._forget_absent(frame)
        for row in sorted(set(range(len(found))) - set(pairs.rows.tolist())):
            if not self._known(found, row, iou):
                self._meet(frame, found, row, grounding.names[row], sure=first)
        self._last_look = frame.index
        wait = self._settings.detect_every
        unsure = any(not each.confirmed for each in self._watched.values())
        self._next_look = frame.index + (max(1, wait // SOON) if unsure else wait)

    def _support(
        self,
        frame: Frame,
        found: Detections,
        row: int,
        watched: TrackedInstance,
        overlap: float,
    ) -> None:
        """The detection speaks for the object; where its mask strays from it, it is prompted
        again.
        """
        if not watched.confirmed:
            self._say("born", frame, watched.object_id, label=watched.name or None)
        watched = replace(watched, confirmed=True, missed=0)
        rested = frame.index - watched.prompted >= self._settings.detect_every
        alone = np.delete(overlap_matrix(found, [watched])[:, 0], row).max(initial=0.0) < JOINS
        if overlap < self._settings.agree and rested and alone:
            self._prompt(frame, found, row, watched)
            self._say("reanchored", frame, watched.object_id, iou=overlap)
        else:
            self._keep(watched)

    def _miss(self, frame: Frame, watched: TrackedInstance) -> None:
        """What only its first look has seen is dropped; what was seen again stays."""
        watched = replace(watched, missed=watched.missed + 1)
        if watched.confirmed and watched.missed < self._settings.max_missed_detections:
            self._keep(watched)
        else:
            self._drop(frame, watched)

    def _forget_absent(self, frame: Frame) -> None:
        """Drop who is out of sight for long, or was never shown."""
        for watched in tuple(self._watched.values()):
            patience_s = self._settings.absent_s if watched.confirmed else 0.0
            if watched.crop is None and frame.time_s - watched.seen_s > patience_s:
                self._drop(frame, watched)

    def _known(self, found: Detections, row: int, iou: np.ndarray) -> bool:
        """Whether a detection that matched nothing is one more of a tracked object."""
        if iou[row].max(initial=0.0) >= DUPLICATE:
            return True
        met = [w for w in self._watched.values() if w.crop is not None]
        return contained(found, row, met) >= INSIDE

    def _meet(
        self, frame: Frame, found: Detections, row: int, name: str, *, sure: bool
    ) -> None:
        """An object that was out of sight, or a new one if there is room."""
        prompts = prompts_of(found, row, frame)
        away = {
            i for i, each in self._watched.items() if each.crop is None and each.name == name
        }
        if away:
            likeness = self._session.similarity(frame, prompts, among=away)
            again = max(likeness, key=lambda i: likeness[i], default=None)
            if again is not None and likeness[again] >= ALIKE:
                self._prompt(frame, found, row, self._watched[again])
                self._say("joined", frame, again)
                return
        if len(self._watched) >= self._settings.max_objects:
            self._say("full", frame, label=name or None)
            return
        new = TrackedInstance(self._next_id, name, sure, frame.time_s)
        self._next_id += 1
        self._prompt(frame, found, row, new)
        if sure:
            self._say("born", frame, new.object_id, label=name or None)

    def _prompt(
        self, frame: Frame, found: Detections, row: int, watched: TrackedInstance
    ) -> None:
        """Say where the object is; of what was said before, the first and the last are
        kept.
        """
        object_id = watched.object_id
        prompts = prompts_of(found, row, frame)
        crop = watched.crop
        if crop is None:
            # Its mask is needed at once: another detection that lies in it is of it as well.
            masks = self._session.prompt(object_id, frame, prompts)
            drawn = masks.crop(object_id)
            crop = drawn if drawn.area else None
        else:
            self._session.add_prompt(object_id, frame, prompts)
        frames = self._session.prompted_frames(object_id)
        self._session.keep_prompts(object_id, {frames[0], frames[-1]})
        self._keep(replace(watched, prompted=frame.index, crop=crop))

    def _see(self, frame: Frame, watched: TrackedInstance, crop: MaskCrop) -> None:
        """Note where the object is now; one that was lost is looked for soon."""
        if crop.area:
            self._keep(replace(watched, crop=crop, seen_s=frame.time_s))
            return
        if watched.crop is not None:
            soon = self._last_look + max(1, self._settings.detect_every // SOON)
            self._next_look = min(self._next_look, max(soon, frame.index + 1))
        self._keep(replace(watched, crop=None))

    def _drop(self, frame: Frame, watched: TrackedInstance) -> None:
        self._session.remove(watched.object_id)
        del self._watched[watched.object_id]
        if watched.confirmed:
            self._say("dropped", frame, watched.object_id)

    def _keep(self, watched: TrackedInstance) -> None:
        self._watched[watched.object_id] = watched

    def _say(
        self,
        kind: str,
        frame: Frame,
        object_id: int | None = None,
        *,
        label: str | None = None,
        iou: float | None = None,
    ) -> None:
        rounded = None if iou is None else round(iou, 3)
        self._events.append(
            RunEvent(
                frame=frame.index, kind=kind, object_id=object_id, label=label, iou=rounded
            )
        )


def prompts_of(found: Detections, row: int, frame: Frame) -> list[VisualPrompt]:
    """A detection as prompts: its box as far as it lies in the frame, and its mask, which is a
    guess.
    """
    box = box_within(found, row, frame)
    if found.masks is None:
        return [box]
    return [Mask(found.masks[row].paste(*frame.image.shape[:2])), box]
