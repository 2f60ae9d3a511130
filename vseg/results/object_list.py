"""The objects of a run while it is written: names, colours, and when each was visible.

Enters: stored frames and events.  Leaves: the content of objects.json.
"""

from collections.abc import Mapping, Sequence

from vseg.ops.colours import hex_of
from vseg.ops.label_text import split_label
from vseg.results.mask_rows import FrameRecord
from vseg.results.records import StoredObject
from vseg.types import TrackEvent


class ObjectList:
    """Objects by id.  stored: those known already; labels: class or class:name by id, over
    those.
    """

    def __init__(self, stored: Sequence[StoredObject], labels: Mapping[int, str]) -> None:
        self._objects = {one.id: one for one in stored}
        self._labels: dict[int, str] = {i.id: i.label for i in stored if i.label is not None}
        self._names: dict[int, str | None] = {one.id: one.name for one in stored}
        for object_id, text in labels.items():
            self._labels[object_id], self._names[object_id] = split_label(text)

    def name_detected(self, events: Sequence[TrackEvent]) -> None:
        """An object is called what the detection is called that created it, or what most of
        its detections are called.
        """
        for event in events:
            if event.kind not in ("created", "renamed"):
                continue
            if event.object_id is not None and event.label:
                self._labels[event.object_id] = event.label

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
                label=self._labels.get(row.object_id),
                name=self._names.get(row.object_id),
                colour=known.colour if known else hex_of(row.object_id),
                first_frame=min(visible_on, default=None),
                last_frame=max(visible_on, default=None),
            )

    def by_id(self) -> list[StoredObject]:
        """All objects, by ascending id."""
        return [self._objects[object_id] for object_id in sorted(self._objects)]
