"""What happened in the zones of a finished run: the same rules as live, on stored masks.

Enters: a run and a `ZoneFile`.  Leaves: scene events, and what they come to.  The events are
those of `vseg watch` on the same frames, as the run has the times, the masks and what the
tracker said of identities; after `vseg associate` they are those of the whole clip's
identities.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from vseg.events.event_engine import EventEngine
from vseg.events.scene_event import EventStamp, SceneEvent
from vseg.events.track_events import ObjectLabels
from vseg.events.zone_file import ZoneFile
from vseg.frame_masks import FrameMasks
from vseg.results import Run
from vseg.types import TrackEvent


def engine_of_run(run: Run, file: ZoneFile, camera: str | None = None) -> EventEngine:
    """The engine for the frames of a run.  camera: what events call it, the clip's name if
    None.  Raises BadZones.
    """
    video = run.video
    stamp = EventStamp(camera or run.name, _session(run, file), clock=None)
    return EventEngine(file, video.height, video.width, stamp)


def events_of_run(
    run: Run, engine: EventEngine
) -> Iterator[tuple[FrameMasks | None, list[SceneEvent]]]:
    """The frames on which something happened, and what; at the end, without a frame, what was
    still going on.  Raises BadRun if the run is damaged.
    """
    told = _by_frame(run.events)
    labels = ObjectLabels(_known_labels(run))
    for masks in run:
        repairs = labels.take(told.get(masks.frame_index, ()))
        events = engine.update(masks, labels.by_id, repairs=repairs)
        if events:
            yield masks, events
    last = engine.end()
    if last:
        yield None, last


def unmet_labels(run: Run, file: ZoneFile) -> list[str]:
    """A sentence for each zone and line that counts labels which no object of the run has.

    Objects that were prompted have none unless one was given, and count nowhere then.
    """
    had = {*run.labels.values(), *(event.label for event in run.events)}
    wanted = [(zone.name, zone.labels) for zone in file.zone]
    wanted += [(line.name, line.labels) for line in file.line]
    wanted += [(near.name, of) for near in file.near for of in (near.labels, near.others)]
    return [
        f"'{name}' counts {' and '.join(labels)} only, and no object of the run is called "
        f"that: vseg correct {run.path} --rename OBJ={labels[0]}, or leave the labels out"
        for name, labels in wanted
        if labels and not had & {*labels}
    ]


def _known_labels(run: Run) -> dict[int, str]:
    """The labels of objects that no event of the run names: they have them from the start."""
    named = {e.object_id for e in run.events if e.kind in ("created", "renamed") and e.label}
    return {i: label for i, label in run.labels.items() if i not in named}


def _by_frame(events: Iterable[TrackEvent]) -> Mapping[int, tuple[TrackEvent, ...]]:
    by_frame = groupby(sorted(events, key=lambda e: e.frame), key=lambda e: e.frame)
    return {frame: tuple(here) for frame, here in by_frame}


def _session(run: Run, file: ZoneFile) -> str:
    """The same for the same run and zones, so that events told again have the same keys."""
    digest = hashlib.sha256(run.header.model_dump_json().encode())
    digest.update(file.model_dump_json().encode())
    digest.update(str(run.revision).encode())
    return digest.hexdigest()[:12]
