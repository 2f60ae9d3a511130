"""Tracking by detection: boxes or masks from elsewhere in, masklets out.

Enters: frames, and the detections on each.  Leaves: masks of the objects that the detections
confirm, and what happened to them.  The detections are associated over time; a confirmed track
prompts the segmenter once, which then tracks the object, also where the detector misses it.
Detections and masks correct each other: a strong detection that its object's mask does not
agree with prompts again, a mask that no detection supports for a while is removed, and a new
track on an object that lost its own continues it.  Works frame by frame, on files and live
sources; nothing grows with their length.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import vseg_trackers
from vseg.config import DetectionSettings
from vseg.errors import BadVideo
from vseg.frame_masks import FrameMasks
from vseg.pipelines.driven_session import DrivenSession
from vseg.pipelines.track_links import (
    TrackLink,
    main_component_box,
    max_overlap,
    nearest,
    packed,
    packed_link,
    prompt_of,
    unpacked_link,
)
from vseg.session.session import Session
from vseg.types import Detections, EventKind, Frame, TrackEvent
from vseg_trackers import (
    LifecycleConfig,
    MaskletAssociator,
    MaskletConfig,
    Track,
    TrackerError,
    TrackState,
)

DetectionSource = Callable[[Frame], Detections]
"""The detections on a frame: of a file, or of a detector that runs beside the tracker."""

SUPPORT_IOU = 0.2
"""From this IoU of a detection's box and an object's (that of the main parts of its mask) on,
the detection is of that object.  Low, because a mask's box and a detector's box of one body
differ by its limbs and its shadow.  A round value; not tuned.
"""
CROWDED_IOU = 0.2
"""From this IoU with another detection on, a box may hold more of its neighbour than of its
own object, and does not prompt again.  A round value; not tuned.
"""
DUPLICATE_IOU = 0.6
"""From this IoU with an object of another track on, a new track is a second detection of it.
Above the IoU of two people side by side, below that of two boxes of one.  A round value; not
tuned.
"""


class DetectionTracker:
    """Tracks what is detected in one video; a `SessionDriver`."""

    def __init__(
        self, session: Session, detect: DetectionSource, settings: DetectionSettings
    ) -> None:
        self._driven = DrivenSession(session, "detections")
        self._detect = detect
        self._settings = settings
        life = LifecycleConfig(confirm_hits=settings.confirm_hits)
        self._tracker = MaskletAssociator(
            MaskletConfig(strong_score=settings.score, life=life)
        )
        self._links: dict[int, TrackLink] = {}

    def step(self, frame: Frame, adjacent: Frame | None = None) -> FrameMasks:
        """The masks of all objects on this frame.

        Raises BadVideo if the frame's time does not come after the one before, and BadPrompt
        for a detection that cannot be prompted with.
        """
        detections = self._detect(frame)
        confirmed = [
            track
            for track in self._associate(frame, detections)
            if track.state is TrackState.CONFIRMED and track.row is not None
        ]
        self._link_new_tracks(frame, detections, confirmed)
        self._compare(frame, detections, confirmed)
        self._remove_unsupported(frame)
        masks = self._driven.step(frame)
        for object_id in masks:
            box = main_component_box(masks.crop(object_id))
            self._keep(replace(self._links[object_id], box=box))
        self._driven.note(*masks.events)
        return masks

    def drain(self) -> tuple[TrackEvent, ...]:
        """Which objects were created, relinked, reprompted and removed, lost and recovered."""
        return self._driven.drain()

    def finish(self) -> tuple[TrackEvent, ...]:
        """Nothing."""
        return ()

    def snapshot(self) -> bytes:
        """The links, the association's state and the session's."""
        own: dict[str, Any] = {
            "links": [packed_link(link) for link in self._links.values()],
            "tracker": self._tracker.snapshot().hex(),
        }
        return self._driven.snapshot(own)

    def restore(self, payload: bytes) -> None:
        """Replace the state by a snapshot's.  Raises BadRun if it is damaged."""
        with self._driven.restoring(payload) as own:
            links = [unpacked_link(values) for values in own["links"]]
            self._tracker.restore(bytes.fromhex(own["tracker"]))
            self._links = {link.object_id: link for link in links}

    def _associate(self, frame: Frame, detections: Detections) -> tuple[Track, ...]:
        masks = packed(detections, frame.image.shape[:2])
        try:
            return self._tracker.update(
                vseg_trackers.Detections(
                    frame.time_s,
                    detections.boxes,
                    detections.scores,
                    detections.labels,
                    masks,
                )
            )
        except TrackerError as error:
            raise BadVideo(f"its frames cannot be associated: {error}") from error

    def _link_new_tracks(
        self, frame: Frame, detections: Detections, tracks: Sequence[Track]
    ) -> None:
        """Give each new track an object: one that lost its own track, or a new one."""
        current = {track.track_id for track in tracks}
        linked = {link.track_id for link in self._links.values()}
        for track in tracks:
            if track.track_id in linked or track.row is None:
                continue
            same_class = [x for x in self._links.values() if x.label == track.label]
            box = detections.boxes[track.row]
            orphan, overlap = nearest(
                box, [link for link in same_class if link.track_id not in current]
            )
            taken = nearest(box, [link for link in same_class if link.track_id in current])[1]
            if orphan is not None and overlap >= SUPPORT_IOU:
                self._keep(replace(orphan, track_id=track.track_id))
                self._note("relinked", frame, orphan.object_id, track, overlap)
            elif taken < DUPLICATE_IOU:
                new_id = self._driven.new_id()
                link = TrackLink(new_id, track.track_id, track.label, frame.time_s)
                self._prompt(frame, detections, track.row, link)
                self._note("created", frame, new_id, track)

    def _compare(self, frame: Frame, detections: Detections, tracks: Sequence[Track]) -> None:
        """Note which masks the detections support, and prompt again where they disagree."""
        links = {link.track_id: link for link in self._links.values()}
        for track in tracks:
            link = links.get(track.track_id)
            if link is None or link.prompted_frame in (None, frame.index) or track.row is None:
                continue
            overlap = nearest(detections.boxes[track.row], [link])[1]
            if overlap >= SUPPORT_IOU:
                self._keep(replace(link, supported_s=frame.time_s))
            disagrees = overlap < self._settings.reprompt_iou
            if disagrees and self._may_prompt(frame, detections, track.row, link):
                self._prompt(frame, detections, track.row, link)
                self._note("reprompted", frame, link.object_id, track, overlap)

    def _may_prompt(
        self, frame: Frame, detections: Detections, row: int, link: TrackLink
    ) -> bool:
        """Whether the last prompt is long enough ago, and the detection is strong and stands
        alone.
        """
        if link.prompted_frame is None:
            return False
        return (
            frame.index - link.prompted_frame >= self._settings.every
            and bool(detections.scores[row] >= self._settings.score)
            and max_overlap(detections, row) < CROWDED_IOU
        )

    def _prompt(self, frame: Frame, detections: Detections, row: int, link: TrackLink) -> None:
        """Prompt the object with the detection, which supports it thereby."""
        self._driven.add_prompt(link.object_id, frame, [prompt_of(detections, row, frame)])
        self._keep(replace(link, supported_s=frame.time_s, prompted_frame=frame.index))

    def _remove_unsupported(self, frame: Frame) -> None:
        """Remove objects that are visible and not detected, or invisible, for too long."""
        for link in tuple(self._links.values()):
            visible = link.box is not None
            patience_s = self._settings.undetected_s if visible else self._settings.absent_s
            if frame.time_s - link.supported_s > patience_s:
                self._driven.remove(link.object_id)
                del self._links[link.object_id]
                self._driven.note(TrackEvent(frame.index, "removed", link.object_id))

    def _keep(self, link: TrackLink) -> None:
        self._links[link.object_id] = link

    def _note(
        self,
        kind: EventKind,
        frame: Frame,
        object_id: int,
        track: Track,
        overlap: float | None = None,
    ) -> None:
        iou = None if overlap is None else round(overlap, 3)
        self._driven.note(
            TrackEvent(frame.index, kind, object_id, track_id=track.track_id, iou=iou)
        )
