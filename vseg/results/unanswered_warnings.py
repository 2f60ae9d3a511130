"""Which warnings of a run still hold after it was corrected.

Enters: the warnings of the run as tracked, and the objects and spans of a revision.  Leaves:
those that no edit has answered.
"""

from collections.abc import Sequence

from vseg.results.records import RunWarning, StoredObject
from vseg.results.spans import ObjectSpans, SpanState


def unanswered_warnings(
    warnings: Sequence[RunWarning],
    objects: Sequence[StoredObject],
    spans: Sequence[ObjectSpans],
) -> tuple[RunWarning, ...]:
    """Those of objects that are there and were never corrected, accepted or called absent, and
    those of the whole run, but that nothing was tracked only while no object is visible.
    """
    visible = any(stored.first_frame is not None for stored in objects)
    edited = {
        one.object_id
        for one in spans
        if any(span.state is not SpanState.PREDICTED for span in one.spans)
    }
    as_tracked = {stored.id for stored in objects} - edited
    return tuple(
        warning
        for warning in warnings
        if not (warning.code == "nothing_tracked" and visible)
        if warning.object_id is None or warning.object_id in as_tracked
    )
