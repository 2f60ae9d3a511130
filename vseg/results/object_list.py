"""The objects of a run while it is written: names, colours, and when each was visible.

Enters: stored frames and events.  Leaves: the content of objects.json.
"""

from collections.abc import Mapping, Sequence

from vseg.ops.colours import hex_of
from vseg.results.records import FrameRecord, StoredObject
from vseg.types import TrackEvent


class ObjectList:
    """Objects by id.  stored: those known already; names: by id, over those."""

    def __init__(self, stored: Sequence[StoredObject], names: Mapping[int, str]) -> None:
        self._objects = {one.id: one for one in stored}
        known = {one.id: one.label for one in stored if one.label is not None}
        self._names: dict[int, str] = {**known, **names}

    def name_detected(self, events: Sequence[TrackEvent]) -> None:
        """An object is called what the detection is called that created it, or what most of
        its detections are called.
        """
        for event in events:
            if event.kind not in ("created", "renamed"):
                continue
            if event.object_id is not None and event.label:
                self._names[event.object_id] = event.label

    def add(self, record: FrameRecord) -> None:
        """Count the objects of a frame."""
        for row in record.rows:
            known = self._objects.get(row.object_id)
            span = [known.first_frame, known.last_frame] if known else []
            visible_on = [frame for frame in span if frame is not None]
            if row.visible:
                visible_on.append(record.index)
            self._objects[row.object_id] = StoredObject(
                id=row.object_id,
                label=self._names.get(row.object_id),
                colour=hex_of(row.object_id),
                first_frame=min(visible_on, default=None),
                last_frame=max(visible_on, default=None),
            )

    def by_id(self) -> list[StoredObject]:
        """All objects, by ascending id."""
        return [self._objects[object_id] for object_id in sorted(self._objects)]
