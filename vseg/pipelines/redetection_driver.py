"""Redetection: what is detected every few frames becomes objects with ids of their own.

Enters: frames, and a `DetectFunction` that finds what is on one.  Leaves: masks of the objects
found so far.  The segmenter tracks every object from frame to frame; every `detect_every`
frames, and soon after an object was lost, the frame is detected on again and the detections
are matched to the objects, one to one by overlap.  What matches nothing becomes a new object,
returned once a second detection has confirmed it (those of the first frame at once); what
overlaps an object is a duplicate.  The state is bounded by the objects allowed, so this works
on live sources of any length.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from vseg.config import RedetectionSettings
from vseg.frame_masks import FrameMasks
from vseg.pipelines.detection_overlaps import Overlaps, is_duplicate, is_renamed, prompts_of
from vseg.pipelines.detection_schedule import DetectionSchedule
from vseg.pipelines.driven_session import DrivenSession
from vseg.pipelines.queries import DetectFunction, Query
from vseg.pipelines.redetection_events import changed, created, not_found
from vseg.pipelines.tracked_instances import (
    TrackedInstance,
    packed_instance,
    unpacked_instance,
)
from vseg.session.session import Session
from vseg.types import Detections, Frame, Grounding, MaskCrop, Timecode, TrackEvent

SAME_OBJECT_COSINE = 0.7
"""From this cosine on, a detection is of an object that is not visible.  A round value."""


class RedetectionTracker:
    """Makes, confirms, corrects and removes the objects of one session; a `SessionDriver`.

    until: from then on nothing is detected any more.  queries: what `detect` is asked for, in
    the order of its labels; none where it detects whatever there is.
    """

    def __init__(
        self,
        session: Session,
        detect: DetectFunction,
        settings: RedetectionSettings,
        until: Timecode | None = None,
        queries: Sequence[Query] = (),
    ) -> None:
        self._driven = DrivenSession(session, "redetection")
        self._detect = detect
        self._settings = settings
        self._until = until
        self._queries = tuple(queries)
        self._instances: dict[int, TrackedInstance] = {}
        self._schedule = DetectionSchedule(settings.detect_every)
        self._last_frame = -1
        self._best = [0.0] * len(self._queries)

    def step(self, frame: Frame, adjacent: Frame | None = None) -> FrameMasks:
        """The masks of all confirmed objects on this frame.

        adjacent: the frame before or after it, for words about what moves.
        """
        if self._ended(frame):
            self._remove_unconfirmed(frame)
        elif frame.index >= self._schedule.due:
            features = partial(self._driven.features_of, frame)
            self._match(frame, self._detect(frame, features, adjacent))
        masks = self._driven.step(frame)
        for object_id in masks:
            self._update(frame, self._instances[object_id], masks.crop(object_id))
        confirmed = [i for i in masks if self._instances[i].confirmed]
        hidden = {known.object_id for known in self._instances.values() if not known.confirmed}
        events = tuple(event for event in masks.events if event.object_id not in hidden)
        self._driven.note(*events)
        self._last_frame = frame.index
        return replace(masks.only(confirmed), events=events)

    def resume(self, frame: Frame, *, keep: bool) -> None:
        """Detect on this frame: what resembles a kept object continues it.  Without `keep`,
        detections begin new objects, as on a first frame.
        """
        self._driven.interrupt(frame)
        for instance in tuple(self._instances.values()):
            if keep and instance.confirmed:
                # Nobody was absent while nobody was watching.
                still = replace(instance, crop=None, motion=None, visible_s=frame.time_s)
                self._keep(still)
            else:
                self._remove(frame, instance)
        self._schedule.begin(frame.index, anew=not keep)

    def drain(self) -> tuple[TrackEvent, ...]:
        """What happened to objects, and that there was no room for one."""
        return self._driven.drain()

    def finish(self) -> tuple[TrackEvent, ...]:
        """Every query that nothing matched, with the best score that anything reached."""
        if self._schedule.last is None:
            return ()
        return tuple(not_found(self._last_frame, self._queries, self._best))

    def snapshot(self) -> bytes:
        """The objects, when detections are due, and the session's state."""
        own: dict[str, Any] = {
            "due": self._schedule.due,
            "last_detection": self._schedule.last,
            "last_regular": self._schedule.regular,
            "last_frame": self._last_frame,
            "best": self._best,
            "instances": [packed_instance(known) for known in self._instances.values()],
        }
        return self._driven.snapshot(own)

    def restore(self, payload: bytes) -> None:
        """Replace the state by a snapshot's.  Raises BadRun if it is damaged."""
        with self._driven.restoring(payload) as own:
            instances = [unpacked_instance(values) for values in own["instances"]]
            self._schedule.due = own["due"]
            self._schedule.last = own["last_detection"]
            self._schedule.regular = own["last_regular"]
            self._last_frame = own["last_frame"]
            self._best = own["best"]
            self._instances = {known.object_id: known for known in instances}

    def _ended(self, frame: Frame) -> bool:
        return self._until is not None and self._until.reached(frame.index, frame.time_s)

    def _remove_unconfirmed(self, frame: Frame) -> None:
        """Remove what is never confirmed, nor returned, and would keep pixels from others."""
        for instance in [one for one in self._instances.values() if not one.confirmed]:
            self._remove(frame, instance)

    def _match(self, frame: Frame, grounding: Grounding) -> None:
        """Give detections to their objects; create, confirm, correct and remove objects."""
        detections = grounding.found
        is_first = self._schedule.last is None
        if self._queries:
            reached = zip(self._best, grounding.best.tolist(), strict=True)
            self._best = [max(pair) for pair in reached]
        visible = [known for known in self._instances.values() if known.crop is not None]
        overlaps = Overlaps.of(detections, visible, frame)
        pairs = overlaps.assigned(grounding.names, visible)
        matched = dict(zip(pairs.columns.tolist(), pairs.rows.tolist(), strict=True))
        for column, row in matched.items():
            voted = self._voted(frame, visible[column], grounding.names[row])
            known = voted.detected(detections.boxes[row], frame.index)
            overlap = float(overlaps.mask[row, column])
            certain = overlaps.is_certain(row, column)
            # A prompt would say that what goes out stays.
            corrects = certain and not visible[column].is_leaving(frame)
            self._support(frame, detections, row, known, overlap if corrects else 1.0)
        for column in sorted(set(range(len(visible))) - matched.keys() - overlaps.within):
            self._miss(frame, visible[column])
        self._remove_absent(frame)
        names = grounding.names
        claimed = list(matched.values())
        for row in sorted(set(range(len(detections))) - set(claimed) - overlaps.joining):
            objects = tuple(self._instances.values())
            if is_duplicate(detections, row, overlaps, matched, objects):
                continue
            if not is_renamed(detections, row, names, claimed):
                claimed.append(row)
                self._relink_or_create(frame, detections, row, names[row], confirmed=is_first)
        sure = all(known.confirmed for known in self._instances.values())
        self._schedule.detected(frame.index, sure=sure)

    def _voted(self, frame: Frame, instance: TrackedInstance, label: str) -> TrackedInstance:
        """The object after one more detection, which may change its label."""
        voted = instance.with_vote(label)
        if instance.confirmed and voted.label != instance.label:
            self._driven.note(changed("renamed", frame, instance.object_id, label=voted.label))
        return voted

    def _support(
        self,
        frame: Frame,
        detections: Detections,
        row: int,
        instance: TrackedInstance,
        overlap: float,
    ) -> None:
        """Confirm an object by its detection; prompt it again where its mask strays.

        overlap: of both, 1 where the detection is not to correct the object.
        """
        if not instance.confirmed:
            self._driven.note(created(frame, instance, float(detections.scores[row])))
        instance = instance.hit()
        rested = frame.index - instance.prompted_frame >= self._settings.detect_every
        if rested and overlap < self._settings.reprompt_iou:
            self._prompt(frame, detections, row, instance)
            self._driven.note(changed("reprompted", frame, instance.object_id, iou=overlap))
        else:
            self._keep(instance)

    def _miss(self, frame: Frame, instance: TrackedInstance) -> None:
        """Remove what only one detection has ever shown, and what several in a row missed."""
        if instance.confirmed and not self._schedule.is_regular(frame.index):
            return
        instance = instance.miss()
        if instance.confirmed and not instance.is_gone(self._settings.max_missed_detections):
            self._keep(instance)
        else:
            self._remove(frame, instance)

    def _remove_absent(self, frame: Frame) -> None:
        """Remove who is invisible for long, or before it was confirmed."""
        for instance in tuple(self._instances.values()):
            patience_s = self._settings.absent_s if instance.confirmed else 0.0
            absent_s = frame.time_s - instance.visible_s
            if instance.crop is None and absent_s > patience_s:
                self._remove(frame, instance)

    def _relink_or_create(
        self, frame: Frame, detections: Detections, row: int, label: str, *, confirmed: bool
    ) -> None:
        """Continue an object that was invisible, or create one if there is room."""
        absent = {
            known.object_id
            for known in self._instances.values()
            if known.crop is None and (known.label == label or label in known.votes)
        }
        again = self._same_object(frame, detections, row, absent) if absent else None
        if again is not None:
            known = replace(self._instances[again], motion=None)
            known = known.detected(detections.boxes[row], frame.index)
            self._prompt(frame, detections, row, known)
            self._driven.note(changed("relinked", frame, again))
            return
        if len(self._instances) >= self._settings.max_objects:
            self._driven.note(changed("limit_reached", frame, label=label or None))
            return
        new = TrackedInstance(self._driven.new_id(), label, confirmed, frame.time_s)
        new = new.detected(detections.boxes[row], frame.index)
        self._prompt(frame, detections, row, new)
        if confirmed:
            self._driven.note(created(frame, new, float(detections.scores[row])))

    def _same_object(
        self, frame: Frame, detections: Detections, row: int, absent: set[int]
    ) -> int | None:
        """The absent object most similar to the detection, if it is similar enough."""
        prompts = prompts_of(detections, row, frame)
        cosines = self._driven.similarity(frame, prompts, absent)
        nearest = max(cosines, key=lambda i: cosines[i], default=None)
        if nearest is None or cosines[nearest] < SAME_OBJECT_COSINE:
            return None
        return nearest

    def _prompt(
        self, frame: Frame, detections: Detections, row: int, instance: TrackedInstance
    ) -> None:
        """Prompt an object with a detection."""
        prompts = prompts_of(detections, row, frame)
        crop = instance.crop
        if crop is None:
            # Its mask is needed at once: another detection that lies in it is a duplicate.
            decoded = self._driven.prompt(instance.object_id, frame, prompts)
            crop = decoded if decoded.area else None
        else:
            self._driven.add_prompt(instance.object_id, frame, prompts)
        self._keep(replace(instance, prompted_frame=frame.index, crop=crop))

    def _update(self, frame: Frame, instance: TrackedInstance, crop: MaskCrop) -> None:
        """Note where the object is now; after one was lost the next detection comes sooner."""
        if crop.area:
            self._keep(replace(instance, crop=crop, visible_s=frame.time_s))
            return
        if instance.crop is not None:
            self._schedule.lost(frame.index)
        self._keep(replace(instance, crop=None))

    def _remove(self, frame: Frame, instance: TrackedInstance) -> None:
        self._driven.remove(instance.object_id)
        del self._instances[instance.object_id]
        if instance.confirmed:
            self._driven.note(changed("removed", frame, instance.object_id))

    def _keep(self, instance: TrackedInstance) -> None:
        self._instances[instance.object_id] = instance
