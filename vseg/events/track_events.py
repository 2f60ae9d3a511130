"""What the events of a tracker mean for zones: what objects are called, and who is who."""

from collections.abc import Iterable, Mapping

from vseg.types import TrackEvent


class ObjectLabels:
    """The labels of the objects by id, as events change them.  begin: those known before."""

    def __init__(self, begin: Mapping[int, str]) -> None:
        self.by_id = dict(begin)

    def take(self, events: Iterable[TrackEvent]) -> list[tuple[int, int]]:
        """Follow the events of a frame; the repaired identities, the kept id first."""
        repairs = []
        for event in events:
            if event.object_id is None:
                continue
            if event.kind in ("created", "renamed") and event.label:
                self.by_id[event.object_id] = event.label
            elif event.kind == "removed":
                self.by_id.pop(event.object_id, None)
            elif event.kind == "merged" and event.track_id is not None:
                repairs.append((event.object_id, event.track_id))
                gone = self.by_id.pop(event.track_id, None)
                if gone is not None:
                    self.by_id.setdefault(event.object_id, gone)
        return repairs
