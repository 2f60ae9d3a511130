"""Tracking by detection: boxes or masks from elsewhere in, masklets out.

Enters: frames, and the detections on those on which the detector ran.  Leaves: masks of the
objects that the detections confirm, and what happened to them.  The detections are associated
over time; a track prompts the segmenter once, which then tracks the object, also where the
detector misses it or does not run; after frames without a run the masks tell the association
where the tracks are.  Detections and masks correct each other: a strong detection that does
not agree with the mask of its object prompts it again; an object that is not detected for a
while is removed; a new track on an object that lost its own continues it.  Works frame by
frame, on files and live sources; nothing grows with their length.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from vseg.config import DetectionSettings
from vseg.frame_masks import FrameMasks
from vseg.pipelines.associated_tracks import AssociatedTracks, confirming_runs
from vseg.pipelines.driven_session import DrivenSession
from vseg.pipelines.file_tracks import FileTracks
from vseg.pipelines.track_links import (
    SUPPORT_IOU,
    Corners,
    TrackLink,
    agreement,
    is_crowded,
    is_taken,
    main_component_box,
    orphan_of,
    packed_link,
    prompt_of,
    unpacked_link,
)
from vseg.session.session import Session
from vseg.types import Detections, EventKind, Frame, TrackEvent
from vseg_trackers import Track, TrackState

DetectionSource = Callable[[Frame], Detections | None]
"""The detections on a frame, of a file or of a detector that runs beside the tracker; None
where the detector did not run, which is another thing than to detect nothing."""

SPARSE_STRIDE = 2
"""From this stride on an object is tracked from its first detection on, and returned once it
is confirmed: by its second detection it may be far from where it was.
"""


class DetectionTracker:
    """Tracks what is detected in one video; a `SessionDriver`.

    Which objects live is decided here alone: a track ends with its object, and one that ends
    before leaves its object to wait for another.  stride: frames from one run of the detector
    to the next, on average.  file_tracks: where the ids of a file are those of the objects.
    """

    def __init__(
        self,
        session: Session,
        detect: DetectionSource,
        settings: DetectionSettings,
        stride: float = 1.0,
        file_tracks: FileTracks | None = None,
    ) -> None:
        self._driven = DrivenSession(session, "detections")
        self._detect = detect
        self._settings = settings
        self._confirming = confirming_runs(settings.confirm_hits, stride)
        self._sparse = stride >= SPARSE_STRIDE
        self._tracks: AssociatedTracks | FileTracks = file_tracks or AssociatedTracks(
            settings.score, self._confirming, settings.missed_detections
        )
        self._links: dict[int, TrackLink] = {}
        self._masks_s = 0.0
        self._begun = False

    def step(self, frame: Frame, adjacent: Frame | None = None) -> FrameMasks:
        """The masks of the objects on this frame.

        Raises BadVideo if the frame's time does not come after the one before, and BadPrompt
        for a detection that cannot be prompted with.
        """
        detections = self._detect(frame)
        if detections is not None:
            self._match(frame, detections)
        masks = self._driven.step(frame)
        for object_id in masks:
            box = main_component_box(masks.crop(object_id))
            self._keep(replace(self._links[object_id], box=box))
        self._masks_s = frame.time_s
        hidden = {link.object_id for link in self._links.values() if not link.returned}
        events = tuple(event for event in masks.events if event.object_id not in hidden)
        self._driven.note(*events)
        if hidden:
            masks = masks.only([i for i in masks if i not in hidden])
        return replace(masks, events=events)

    def resume(self, frame: Frame, *, keep: bool) -> None:
        """Keep the objects, which are lost until they are recognised, or remove them."""
        self._driven.interrupt(frame)
        for link in () if keep else tuple(self._links.values()):
            self._remove(frame, link)

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
            "tracks": self._tracks.snapshot().hex(),
            "masks_s": self._masks_s,
            "begun": self._begun,
        }
        return self._driven.snapshot(own)

    def restore(self, payload: bytes) -> None:
        """Replace the state by a snapshot's.  Raises BadRun if it is damaged."""
        with self._driven.restoring(payload) as own:
            links = [unpacked_link(values) for values in own["links"]]
            self._tracks.restore(bytes.fromhex(own["tracks"]))
            self._links = {link.object_id: link for link in links}
            self._masks_s = own["masks_s"]
            self._begun = own["begun"]

    def _match(self, frame: Frame, detections: Detections) -> None:
        """Create, continue, correct and remove objects as a run of the detector says."""
        tracks = self._tracks.update(frame, detections, self._masks_at())
        self._link_new_tracks(frame, detections, tracks)
        self._compare(frame, detections, tracks)
        self._remove_undetected(frame)
        self._begun = self._begun or bool(tracks)

    def _masks_at(self) -> dict[int, Corners]:
        """The boxes of the latest masks by track, of a detector that does not run on every
        frame: over the frames between, masks tell more than motion does.
        """
        if not self._sparse:
            return {}
        return {
            link.track_id: link.box for link in self._links.values() if link.box is not None
        }

    def _link_new_tracks(
        self, frame: Frame, detections: Detections, tracks: Sequence[Track]
    ) -> None:
        """Give each new track an object: one that lost its own track, or a new one."""
        current = {track.track_id: track.row for track in tracks if track.row is not None}
        for track in tracks:
            known = {link.track_id for link in self._links.values()}
            if track.track_id in known or track.row is None:
                continue
            links = list(self._links.values())
            orphans = [link for link in links if link.track_id not in current]
            box = detections.boxes[track.row]
            if self._tracks.keeps_ids:
                self._create(frame, detections, track, track.row)
                continue
            orphan, overlap = orphan_of(track, box, orphans)
            taken = {current[x.track_id]: x for x in links if x.track_id in current}
            if orphan is not None:
                self._tracks.end({orphan.track_id})
                self._keep(replace(orphan, track_id=track.track_id))
                self._note("relinked", frame, orphan, track, overlap)
            elif self._may_begin(track) and not is_taken(
                detections, track.row, track.label, taken
            ):
                self._create(frame, detections, track, track.row)

    def _may_begin(self, track: Track) -> bool:
        return self._sparse or track.state is TrackState.CONFIRMED

    def _create(self, frame: Frame, detections: Detections, track: Track, row: int) -> None:
        """A new object.  What the first run of a sparse detector shows is returned at once,
        as there is nothing else to return until the second.
        """
        confirmed = track.state is TrackState.CONFIRMED
        link = TrackLink(
            track.track_id if self._tracks.keeps_ids else self._driven.new_id(),
            track.track_id,
            track.label,
            frame.time_s,
            returned=confirmed or not self._begun,
            hits=self._confirming - 1 if confirmed else 0,
        )
        self._prompt(frame, detections, row, link)
        self._note("created", frame, link, track)

    def _compare(self, frame: Frame, detections: Detections, tracks: Sequence[Track]) -> None:
        """Note which masks the detections support, and prompt again where they disagree."""
        links = {link.track_id: link for link in self._links.values()}
        for track in tracks:
            link = links.get(track.track_id)
            if link is None or track.row is None:
                continue
            overlap = agreement(link, detections.boxes[track.row], self._masks_s, frame.time_s)
            agrees = overlap >= SUPPORT_IOU or link.prompted_frame == frame.index
            link = self._detected(frame, detections, track, link)
            if agrees:
                link = replace(link, supported_s=frame.time_s, strayed=0)
            else:
                link = replace(link, strayed=link.strayed + 1)
            self._keep(link)
            disagrees = overlap < self._settings.reprompt_iou
            if disagrees and self._may_prompt(frame, detections, track.row, link):
                self._prompt(frame, detections, track.row, link)
                self._note("reprompted", frame, link, track, overlap)

    def _detected(
        self, frame: Frame, detections: Detections, track: Track, link: TrackLink
    ) -> TrackLink:
        """The link after one more detection of its track, which may confirm the object."""
        x1, y1, x2, y2 = detections.boxes[track.row].tolist()
        hits = link.hits + 1
        after = replace(
            link,
            label=track.label,
            hits=hits,
            returned=link.returned or hits >= self._confirming,
            detected=(x1, y1, x2, y2),
            detected_s=frame.time_s,
        )
        if after.returned and not link.returned:
            self._note("created", frame, after, track)
        return after

    def _may_prompt(
        self, frame: Frame, detections: Detections, row: int, link: TrackLink
    ) -> bool:
        """Whether the last prompt is long enough ago, and the detection is strong and stands
        alone, or the mask has strayed for so long that a crowded one is better.
        """
        if link.prompted_frame is None:
            return False
        strayed_s = frame.time_s - link.supported_s
        lost = strayed_s > self._settings.undetected_s and (
            link.strayed >= self._settings.missed_detections
        )
        return (
            frame.index - link.prompted_frame >= self._settings.every
            and bool(detections.scores[row] >= self._settings.score)
            and (lost or not is_crowded(detections, row))
        )

    def _prompt(self, frame: Frame, detections: Detections, row: int, link: TrackLink) -> None:
        """Prompt the object with the detection, which supports it thereby."""
        self._driven.add_prompt(link.object_id, frame, [prompt_of(detections, row, frame)])
        self._keep(
            replace(link, supported_s=frame.time_s, strayed=0, prompted_frame=frame.index)
        )

    def _remove_undetected(self, frame: Frame) -> None:
        """Remove objects whose tracks were not detected for too long and in too many runs of
        the detector, and their tracks with them; before they are confirmed, at once.

        An object whose track is detected lives, wherever its mask is: it is prompted again.
        """
        settings = self._settings
        for link in tuple(self._links.values()):
            missed = 0 if link.detected_s == frame.time_s else link.missed + 1
            self._keep(replace(link, missed=missed))
            patience_s = settings.absent_s if link.box is None else settings.undetected_s
            late = frame.time_s - link.detected_s > patience_s
            unconfirmed = link.hits < self._confirming
            if self._tracks.returns(link.track_id, frame.index):
                continue
            if (late and missed >= settings.missed_detections) or (missed and unconfirmed):
                self._remove(frame, link)

    def _remove(self, frame: Frame, link: TrackLink) -> None:
        self._driven.remove(link.object_id)
        self._tracks.end({link.track_id})
        del self._links[link.object_id]
        if link.returned:
            self._driven.note(TrackEvent(frame.index, "removed", link.object_id))

    def _keep(self, link: TrackLink) -> None:
        self._links[link.object_id] = link

    def _note(
        self,
        kind: EventKind,
        frame: Frame,
        link: TrackLink,
        track: Track,
        overlap: float | None = None,
    ) -> None:
        """Note what happened to an object; of one that is not returned yet nothing is told."""
        if not link.returned:
            return
        iou = None if overlap is None else round(overlap, 3)
        self._driven.note(
            TrackEvent(frame.index, kind, link.object_id, track_id=track.track_id, iou=iou)
        )
