"""Warnings of a run are told as long as no edit has answered them."""

from vseg.results.records import RunWarning, StoredObject, WarningCode
from vseg.results.spans import ObjectSpan, ObjectSpans, SpanState
from vseg.results.unanswered_warnings import unanswered_warnings


def warning(code: WarningCode, object_id: int | None = None) -> RunWarning:
    return RunWarning(code=code, message=code, hint="", object_id=object_id)


def stored(object_id: int, first_frame: int | None) -> StoredObject:
    return StoredObject(
        id=object_id,
        label=None,
        colour="#000000",
        first_frame=first_frame,
        last_frame=first_frame,
    )


def spans(object_id: int, state: SpanState) -> ObjectSpans:
    span = ObjectSpan(first=0, end=4, state=state)
    return ObjectSpans(object_id=object_id, spans=(span,))


def test_what_was_corrected_is_told_no_more() -> None:
    told = [warning("lost_early", n) for n in (1, 2, 3)] + [warning("below_threshold")]
    objects = [stored(1, 0), stored(2, 0)]  # 3 was deleted
    states = [spans(1, SpanState.PREDICTED), spans(2, SpanState.CORRECTED)]
    assert unanswered_warnings(told, objects, states) == (told[0], told[3])


def test_nothing_was_tracked_until_an_object_is_visible() -> None:
    told = [warning("nothing_tracked")]
    assert unanswered_warnings(told, [], []) == tuple(told)
    assert unanswered_warnings(told, [stored(1, None)], []) == tuple(told)
    assert unanswered_warnings(told, [stored(1, 3)], []) == ()
