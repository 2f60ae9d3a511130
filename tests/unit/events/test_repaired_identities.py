"""An identity that is repaired later corrects what was counted, and says so."""

from collections.abc import Mapping, Sequence

from tests.moving_boxes import Foot, boxes_at, engine_of, walk
from vseg.events.event_engine import EventEngine
from vseg.events.scene_event import SceneEvent

Frames = Sequence[Mapping[int, Foot | None]]

ROOM = {"name": "room", "polygon": [[40, 0], [120, 0], [120, 99], [40, 99]]}
GATE = {"name": "gate", "begin": [80, 99], "end": [80, 20], "forward": "in", "backward": "out"}
INSIDE: Foot = (60, 60)
OUTSIDE: Foot = (20, 60)


def played(
    engine: EventEngine,
    feet: Frames,
    repairs: dict[int, tuple[int, int]],
) -> list[SceneEvent]:
    """The events of frames; repairs by the frame on which they are known."""
    events = []
    for index, here in enumerate(feet):
        repaired = (repairs[index],) if index in repairs else ()
        events += engine.update(boxes_at(index, here), {}, repairs=repaired)
    return [*events, *engine.end()]


def corrections(events: list[SceneEvent]) -> list[SceneEvent]:
    return [event for event in events if event.kind == "correction"]


def test_two_ids_inside_that_are_one_object_count_once() -> None:
    near: Foot = (62, 60)
    feet = [{1: INSIDE, 2: near}] * 10 + [{1: INSIDE}] * 10
    events = played(engine_of(zone=[ROOM]), feet, {10: (1, 2)})
    starts = [event for event in events if event.phase == "start"]
    assert [event.count for event in starts] == [1, 2]
    (said,) = corrections(events)
    assert (said.corrects, said.count, said.detail) == (
        (starts[1].key,),
        1,
        "object 2 is object 1",
    )
    assert [e.seconds for e in events if e.phase == "end"] == [1.9]


def test_a_stay_goes_on_over_the_time_in_which_the_object_was_hidden() -> None:
    hidden: Foot | None = None
    feet: Frames = [{1: INSIDE}] * 10
    feet = [*feet, *[{1: hidden}] * 35, *[{2: INSIDE}] * 5, *[{1: INSIDE}] * 10]
    feet = [*feet, *[{1: OUTSIDE}] * 7]
    events = played(engine_of(zone=[ROOM]), feet, {50: (1, 2)})
    unseen = next(e for e in events if e.phase == "end")
    begun = next(e for e in events if e.phase == "start" and e.object and e.object.id == 2)
    (said,) = corrections(events)
    assert not unseen.seen
    assert (set(said.corrects), said.count) == ({unseen.key, begun.key}, 1)
    last = events[-1]
    assert (last.phase, last.begin_s, last.seconds, last.seen) == ("end", 0.0, 6.0, True)


def test_stays_that_ended_become_one() -> None:
    feet: Frames = [{1: INSIDE}] * 10 + [{1: None}] * 35
    feet = [*feet, *[{2: INSIDE}] * 5, *[{2: OUTSIDE}] * 10, {1: OUTSIDE}]
    events = played(engine_of(zone=[ROOM]), feet, {60: (1, 2)})
    (said,) = corrections(events)
    assert (said.phase, said.begin_s, said.seconds) == ("end", 0.0, 5.0)
    assert len(said.corrects) == 3


def test_who_only_gets_another_name_is_not_corrected() -> None:
    feet: Frames = [{2: INSIDE}] * 10 + [{1: INSIDE}] * 10
    events = played(engine_of(zone=[ROOM]), feet, {10: (1, 2)})
    assert [(e.kind, e.phase, e.object.id) for e in events if e.object] == [
        ("inside", "start", 2),
        ("inside", "update", 1),
        ("inside", "end", 1),
    ]


def test_a_crossing_that_was_told_of_both_ids_is_withdrawn() -> None:
    way = walk((60, 60), (100, 60), 20)
    feet: Frames = [{1: foot, 2: foot} for foot in way]
    events = played(engine_of(line=[GATE]), [*feet, {1: way[-1]}], {20: (1, 2)})
    assert [e.count for e in events if e.kind == "crossing"] == [1, 2]
    (said,) = corrections(events)
    assert (said.count, said.direction, said.corrects) == (1, "in", (events[1].key,))


def test_a_crossing_that_neither_id_made_is_told_late() -> None:
    feet: Frames = [{1: foot} for foot in walk((50, 60), (70, 60), 10)]
    feet = [*feet, *[{1: None}] * 5, *[{2: foot} for foot in walk((90, 60), (110, 60), 10)]]
    events = played(engine_of(line=[GATE]), [*feet, {1: (112, 60)}], {25: (1, 2)})
    (crossing,) = events
    assert (crossing.kind, crossing.direction, crossing.count) == ("crossing", "in", 1)
    assert not crossing.seen and crossing.detail == "object 2 is object 1"
    assert crossing.begin_s is not None and 0.9 < crossing.begin_s < 1.5


def test_an_object_is_not_near_itself() -> None:
    near = {"name": "pair", "distance": 0.2}
    feet: Frames = [{1: INSIDE, 2: (62, 60)}] * 5 + [{1: INSIDE}] * 2
    events = played(engine_of(near=[near]), feet, {5: (1, 2)})
    start, said = events
    assert (start.kind, said.kind, said.corrects) == ("near", "correction", (start.key,))


def test_an_id_that_nothing_is_known_of_changes_nothing() -> None:
    feet: Frames = [{1: INSIDE}] * 10
    zones = {"zone": [ROOM], "line": [GATE], "near": [{"name": "n", "distance": 0.1}]}
    plain = played(engine_of(**zones), feet, {})
    assert played(engine_of(**zones), feet, {4: (1, 9), 5: (8, 9)}) == plain
