"""Tracking by detection: boxes or masks from elsewhere in, masklets out.

Enters: frames and the detections on each.  Leaves: masks of the objects that the detections
confirm, and what happened to them.  The detections are associated over time; a confirmed track
prompts the segmenter once, which then carries the object, also where the detector misses it.
Detections and masks watch over each other: a good detection that its object's mask does not
agree with prompts again (re-anchors), a mask that no detection supports for a while is dropped
(a ghost), and a new track on an object that lost its own continues it.  Works frame by frame,
on files and live sources; nothing grows with their length.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

import vseg_trackers
from vseg.config import DetectionSettings
from vseg.errors import BadVideo
from vseg.frame_masks import FrameMasks
from vseg.pipelines.driver_state import packed_state, unpacked_state
from vseg.pipelines.track_links import (
    TrackLink,
    main_component_box,
    max_overlap,
    nearest,
    packed,
    prompt_of,
)
from vseg.results.events import RunEvent
from vseg.session.session import Session
from vseg.types import Detections, Frame
from vseg_trackers import (
    LifecycleConfig,
    MaskletAssociator,
    MaskletConfig,
    Track,
    TrackerError,
    TrackState,
)

JOINS = 0.2
"""A detection is on an object whose mask's box it overlaps by this IoU; a crowded box by
another one.
"""
SAME = 0.6
"""A new track that overlaps a claimed object by this IoU is a second detection of it, no new
object.
"""


class DetectionTracker:
    """Follows what is detected in one video, in a session of its own."""

    def __init__(
        self, session: Session, frame_hw: tuple[int, int], settings: DetectionSettings
    ) -> None:
        self._session = session
        self._frame_hw = frame_hw
        self._settings = settings
        life = LifecycleConfig(confirm_hits=settings.confirm_hits)
        self._tracker = MaskletAssociator(
            MaskletConfig(strong_score=settings.score, life=life)
        )
        self._followed: dict[int, TrackLink] = {}
        self._next_id = 1
        self._events: list[RunEvent] = []

    def step(self, frame: Frame, found: Detections) -> FrameMasks | None:
        """The masks of all objects on this frame; None where there is no object.

        `drain` tells what happened.  Raises BadVideo if the frame's time does not come after
        the one before, and BadPrompt for a detection that cannot be prompted with.
        """
        seen = [
            t for t in self._associate(frame.time_s, found) if t.state is TrackState.CONFIRMED
        ]
        self._claim(frame, found, seen)
        self._watch(frame, found, seen)
        self._drop_ghosts(frame)
        if not self._session.object_ids:
            return None
        masks = self._session.step(frame)
        for object_id in masks:
            box = main_component_box(masks.crop(object_id))
            self._follow(replace(self._followed[object_id], box=box))
        return masks

    def drain(self) -> tuple[RunEvent, ...]:
        """What happened since this was last asked: born, joined, reanchored, dropped."""
        happened = tuple(self._events)
        self._events = []
        return happened

    def replay(self, time_s: float, found: Detections) -> None:
        """Let the association see a frame that was stepped through before a restart."""
        self._associate(time_s, found)

    def snapshot(self) -> bytes:
        """The guide's own state and the session's; what the association knows is replayed
        instead.
        """
        followed = [asdict(each) for each in self._followed.values()]
        own = {"next_id": self._next_id, "followed": followed}
        return packed_state(own, self._session.snapshot())

    def restore(self, payload: bytes) -> None:
        """Replace the state by a snapshot's; `replay` the frames before it as well.

        Raises BadRun if it is damaged.
        """
        own, session = unpacked_state(payload)
        self._next_id = own["next_id"]
        self._followed = {}
        for each in own["followed"]:
            box = each.pop("box")
            self._follow(TrackLink(**each, box=None if box is None else tuple(box)))
        self._session.restore(session)

    def _associate(self, time_s: float, found: Detections) -> tuple[Track, ...]:
        masks = packed(found, self._frame_hw)
        try:
            return self._tracker.update(
                vseg_trackers.Detections(
                    time_s, found.boxes, found.scores, found.labels, masks
                )
            )
        except TrackerError as error:
            raise BadVideo(f"its frames cannot be associated: {error}") from error

    def _claim(self, frame: Frame, found: Detections, seen: Sequence[Track]) -> None:
        """Give each new track an object: one that lost its own track, or one that begins
        here.
        """
        here = {track.track_id for track in seen}
        mine = {each.track_id for each in self._followed.values()}
        for track in seen:
            if track.track_id in mine or track.row is None:
                continue
            alike = [each for each in self._followed.values() if each.label == track.label]
            box = found.boxes[track.row]
            orphan, overlap = nearest(
                box, [each for each in alike if each.track_id not in here]
            )
            claimed = nearest(box, [each for each in alike if each.track_id in here])[1]
            if orphan is not None and overlap >= JOINS:
                self._follow(replace(orphan, track_id=track.track_id))
                self._say("joined", frame, orphan.object_id, track, overlap)
            elif claimed < SAME:
                new = TrackLink(self._next_id, track.track_id, track.label, frame.time_s)
                self._next_id += 1
                self._prompt(frame, found, track.row, new)
                self._say("born", frame, new.object_id, track)

    def _watch(self, frame: Frame, found: Detections, seen: Sequence[Track]) -> None:
        """Note which masks the detections speak for, and prompt again where they disagree."""
        objects = {each.track_id: each for each in self._followed.values()}
        for track in seen:
            each = objects.get(track.track_id)
            if each is None or each.prompted in (None, frame.index) or track.row is None:
                continue
            overlap = nearest(found.boxes[track.row], [each])[1]
            if overlap >= JOINS:
                self._follow(replace(each, supported_s=frame.time_s))
            if overlap < self._settings.agree and self._may_prompt(
                frame, found, track.row, each
            ):
                self._prompt(frame, found, track.row, each)
                self._say("reanchored", frame, each.object_id, track, overlap)

    def _may_prompt(self, frame: Frame, found: Detections, row: int, each: TrackLink) -> bool:
        """Whether the object was left alone long enough and the detection is strong and stands
        alone.
        """
        rested = (
            each.prompted is not None and frame.index - each.prompted >= self._settings.every
        )
        # A box that another one crosses may hold more of the neighbour than of its own object.
        return (
            rested
            and found.scores[row] >= self._settings.score
            and max_overlap(found, row) < JOINS
        )

    def _prompt(self, frame: Frame, found: Detections, row: int, each: TrackLink) -> None:
        """Say where the object is; of what was said before, the first and the last are
        kept.
        """
        self._session.add_prompt(each.object_id, frame, [prompt_of(found, row, frame)])
        frames = self._session.prompted_frames(each.object_id)
        self._session.keep_prompts(each.object_id, {frames[0], frames[-1]})
        self._follow(replace(each, supported_s=frame.time_s, prompted=frame.index))

    def _drop_ghosts(self, frame: Frame) -> None:
        """Remove what is drawn but not detected, and what has been out of sight for long."""
        for each in tuple(self._followed.values()):
            patience_s = (
                self._settings.absent_s if each.box is None else self._settings.ghost_s
            )
            if frame.time_s - each.supported_s > patience_s:
                self._session.remove(each.object_id)
                del self._followed[each.object_id]
                event = RunEvent(frame=frame.index, kind="dropped", object_id=each.object_id)
                self._events.append(event)

    def _follow(self, each: TrackLink) -> None:
        self._followed[each.object_id] = each

    def _say(
        self,
        kind: str,
        frame: Frame,
        object_id: int,
        track: Track,
        overlap: float | None = None,
    ) -> None:
        self._events.append(
            RunEvent(
                frame=frame.index,
                kind=kind,
                object_id=object_id,
                track_id=track.track_id,
                iou=None if overlap is None else round(overlap, 3),
            )
        )
