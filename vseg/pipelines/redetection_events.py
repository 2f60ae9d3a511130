"""What redetection tells of its objects, as events.

Enters: an object, or a query, and what happened.  Leaves: TrackEvents, with scores and IoUs
rounded to three places.
"""

from collections.abc import Iterator, Sequence

from vseg.pipelines.queries import Query
from vseg.pipelines.tracked_instances import TrackedInstance
from vseg.types import EventKind, Frame, TrackEvent


def created(frame: Frame, instance: TrackedInstance, score: float) -> TrackEvent:
    """An object begins, with the score of the detection that made it sure."""
    label = instance.label or None
    return TrackEvent(
        frame.index, "created", instance.object_id, label=label, score=round(score, 3)
    )


def changed(
    kind: EventKind,
    frame: Frame,
    object_id: int | None = None,
    *,
    label: str | None = None,
    iou: float | None = None,
) -> TrackEvent:
    """Something happened to an object, or there was no room for one."""
    rounded = None if iou is None else round(iou, 3)
    return TrackEvent(frame.index, kind, object_id, label=label, iou=rounded)


def not_found(
    frame_index: int, queries: Sequence[Query], best: Sequence[float]
) -> Iterator[TrackEvent]:
    """The queries that nothing matched.  best: the highest score that anything reached, by
    query.
    """
    for query, score in zip(queries, best, strict=True):
        if score < query.threshold:
            yield TrackEvent(
                frame_index,
                "not_found",
                label=query.label,
                score=round(score, 3),
                threshold=round(query.threshold, 3),
            )
