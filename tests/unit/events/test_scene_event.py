"""One schema: checked in as it is, refused where it is broken, keys that never meet."""

import json
from datetime import UTC, datetime

import pytest

from docs.event_schema import SCHEMA, schema_text
from vseg.errors import BadEvent
from vseg.events.scene_event import (
    EventObject,
    EventStamp,
    SceneEvent,
    event_json,
    parse_event,
)

ENTRY = SceneEvent(
    "inside",
    "start",
    time_s=1.24,
    frame=31,
    place="door",
    object=EventObject(7, "person", 0.9, (1, 2, 5, 9), (3.0, 9.0), 20),
    count=1,
    certainty=0.9,
)


def test_the_schema_that_is_checked_in_is_that_of_the_classes() -> None:
    assert SCHEMA.read_text("utf-8") == schema_text(), "python -m docs.event_schema"


def test_an_event_comes_back_as_it_was_sent() -> None:
    sent = EventStamp("gate", "s").on(ENTRY)
    line = event_json(sent)
    assert "\n" not in line
    assert parse_event(line) == sent
    assert "distance" not in json.loads(line)


@pytest.mark.parametrize("line", ["{", "[]", '{"kind": "inside"}', '{"kind": "odd"}'])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(BadEvent):
        parse_event(line)


def test_a_field_that_no_event_has_is_refused() -> None:
    line = json.dumps(json.loads(event_json(ENTRY)) | {"colour": "red"})
    with pytest.raises(BadEvent, match="colour"):
        parse_event(line)


def test_keys_differ_by_event_camera_and_session_and_not_by_time() -> None:
    stamps = [EventStamp(c, s, None) for c in ("a", "b") for s in ("1", "2")]
    keys = [stamp.on(ENTRY).key for stamp in stamps for _ in range(2)]
    assert len(set(keys)) == 8
    assert keys[0] == EventStamp("a", "1").on(ENTRY).key


def test_a_live_event_has_the_time_of_the_wall_clock() -> None:
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert EventStamp("a", "1", lambda: noon).on(ENTRY).time == "2026-01-02T12:00:00.000+00:00"
    assert EventStamp("a", "1", None).on(ENTRY).time is None
