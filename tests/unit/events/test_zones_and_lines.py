"""Stays and crossings: told once, at the right time, in the right direction."""

import gc

import pytest

from benchmarks.streets_scene import FPS as STREET_FPS
from benchmarks.streets_scene import HEIGHT as STREET_HEIGHT
from benchmarks.streets_scene import WIDTH as STREET_WIDTH
from benchmarks.streets_scene import Street, StreetScene
from benchmarks.zone_truth import ZONES, compare, told_happenings, true_happenings
from tests.moving_boxes import Foot, boxes_at, engine_of, events_of, walk
from vseg.events.event_engine import EventEngine
from vseg.events.rules.stays import REMEMBERED, EndedStay
from vseg.events.rules.walks import Walk
from vseg.events.scene_event import EventStamp, SceneEvent
from vseg.frame_masks import FrameMasks

ROOM = {"name": "room", "polygon": [[40, 0], [120, 0], [120, 99], [40, 99]]}
GATE = {"name": "gate", "begin": [80, 99], "end": [80, 20], "forward": "in", "backward": "out"}
ACROSS = walk((10, 60), (150, 60), 71)  # 2 pixels a frame, 20 a second


def named(events: list[SceneEvent], *kinds: str) -> list[tuple[str, str, int | None]]:
    return [
        (e.kind, e.phase, e.object.id if e.object else None) for e in events if e.kind in kinds
    ]


def test_a_stay_begins_at_the_first_and_ends_after_the_last_frame_inside() -> None:
    start, end = events_of(engine_of(zone=[ROOM]), {3: ACROSS})
    assert (start.phase, start.begin_s, start.count, start.time_s) == ("start", 1.5, 1, 1.7)
    # The pixel of a foot at 120 is outside: the polygon's edge is its left edge.
    assert (end.phase, end.begin_s, end.seconds, end.count) == ("end", 1.5, 4.0, 0)
    assert end.seen and start.object is not None and start.object.foot == (44.0, 60.0)


def test_a_line_is_crossed_once_in_each_direction() -> None:
    ways = {1: [*ACROSS, *ACROSS[::-1]], 2: ACROSS[::-1]}
    events = events_of(engine_of(line=[GATE]), ways)
    told = [(e.object.id, e.direction, e.count, e.begin_s) for e in events if e.object]
    assert told == [(1, "in", 1, 3.5), (2, "out", 1, 3.5), (1, "out", 2, 10.6)]


def test_who_sways_on_the_line_crosses_once() -> None:
    sway = [(80 + x, 60) for x in (-4, 0, 1, -1, 1, 0, -1, 1, 1, 0, 1, 4, 1, -1, 1, 6)]
    assert len(events_of(engine_of(line=[GATE]), {1: sway})) == 1
    back = [(80 + x, 60) for x in (-4, 0, 1, -1, 1, 0, -1, 1, -1, -4)]
    assert events_of(engine_of(line=[GATE]), {1: back}) == []


def test_who_walks_round_the_end_of_a_line_does_not_cross_it() -> None:
    around = [*walk((60, 60), (60, 15), 10), *walk((60, 15), (100, 15), 10)]
    assert events_of(engine_of(line=[GATE]), {1: around}) == []


def test_the_wrong_way_is_told() -> None:
    gate = GATE | {"allowed": "in"}
    events = events_of(engine_of(line=[gate]), {1: ACROSS, 2: ACROSS[::-1]})
    assert named(events, "wrong_way") == [("wrong_way", "instant", 2)]


def test_who_was_hidden_has_crossed_unseen_and_leaves_unseen() -> None:
    hidden = [*ACROSS[:30], *[None] * 10, *ACROSS[40:50], *[None] * 40]
    events = events_of(engine_of(zone=[ROOM], line=[GATE]), {1: hidden})
    crossing = next(e for e in events if e.kind == "crossing")
    assert not crossing.seen and crossing.begin_s == pytest.approx(3.5, abs=0.1)
    end = events[-1]
    assert (end.phase, end.seen, end.begin_s, end.seconds) == ("end", False, 1.5, 3.4)
    assert end.time_s == pytest.approx(4.9 + 3.1)


def test_a_touch_is_no_stay_and_a_step_out_does_not_end_one() -> None:
    inside: Foot = (60, 60)
    outside: Foot = (20, 60)
    touch = [outside, inside, outside, *[inside] * 10, *[outside] * 4, *[inside] * 10]
    events = events_of(engine_of(zone=[ROOM]), {1: touch})
    assert named(events, "inside") == [("inside", "start", 1), ("inside", "end", 1)]
    assert (events[0].begin_s, events[-1].seconds) == (0.3, 2.3)


def test_the_share_of_a_mask_can_decide() -> None:
    room = ROOM | {"rule": "share", "share": 0.9}
    # A foot at x = 40 is inside; of its box, 4 of 7 columns are.
    edge = [(40, 60)] * 10
    assert events_of(engine_of(zone=[room]), {1: edge}) == []
    assert len(events_of(engine_of(zone=[ROOM]), {1: edge})) == 2
    assert len(events_of(engine_of(zone=[room | {"share": 0.5}]), {1: edge})) == 2


def test_labels_choose_who_counts() -> None:
    room = ROOM | {"labels": ["person"]}
    labels = {1: "person", 2: "car"}
    gate = GATE | {"labels": ["car"]}
    events = events_of(engine_of(zone=[room], line=[gate]), {1: ACROSS, 2: ACROSS}, labels)
    assert named(events, "inside") == [("inside", "start", 1), ("inside", "end", 1)]
    assert named(events, "crossing") == [("crossing", "instant", 2)]
    assert events[0].counts == {"person": 1}


def test_tentative_ids_never_count() -> None:
    engine = engine_of(zone=[ROOM], line=[GATE])
    for index, foot in enumerate(ACROSS):
        masks = boxes_at(index, {1: foot})
        assert engine.update(masks, {}, tentative={1}) == []
    assert engine.end() == []


def test_long_stays_are_told_again_and_loitering_is() -> None:
    room = ROOM | {"loiter_s": 2.0, "update_s": 1.5}
    events = events_of(engine_of(zone=[room]), {1: [(60, 60)] * 40})
    told = [(e.kind, e.phase, e.seconds) for e in events]
    assert told == [
        ("inside", "start", 0.2),
        ("inside", "update", 1.5),
        ("loitering", "start", 2.0),
        ("inside", "update", 3.0),
        ("loitering", "update", 3.0),
        ("loitering", "end", 3.9),
        ("inside", "end", 3.9),
    ]


def test_time_is_that_of_the_source_and_not_of_frame_numbers() -> None:
    room = ROOM | {"loiter_s": 2.0}
    engine = engine_of(zone=[room])
    times = (0.0, 0.5, 0.7, 3.1, 3.2)  # a gap of seconds between two frames
    events = []
    for index, time_s in enumerate(times):
        events += engine.update(boxes_at(index, {1: (60, 60)}, time_s), {})
    assert [(e.kind, e.time_s) for e in events] == [("inside", 0.5), ("loitering", 3.1)]


def test_a_clock_that_goes_back_is_said_and_passes_no_time() -> None:
    engine = engine_of(zone=[ROOM | {"update_s": 100.0}])
    events = []
    for index, time_s in enumerate((10.0, 10.5, 4.0, 4.5, 5.0)):
        events += engine.update(boxes_at(index, {1: (60, 60)}, time_s), {})
    events += engine.end()
    assert [e.kind for e in events] == ["inside", "degraded", "inside"]
    assert events[1].detail is not None and "6.500 s" in events[1].detail
    assert (events[-1].seconds, events[-1].time_s) == (1.5, 5.0)


def test_keys_differ_and_what_is_kept_is_bounded() -> None:
    engine = engine_of(zone=[ROOM], line=[GATE])
    keys = set()
    for number in range(400):
        for step, x in enumerate((20, 60, 100, 140, 150, 150)):
            frame = 6 * number + step
            masks = boxes_at(frame, {number + 1: (x, 60)}, 0.5 * frame)
            keys |= {event.key for event in engine.update(masks, {})}
    assert len(keys) >= 3 * 390  # a start, a crossing and an end each
    values = [one for one in gc.get_objects() if type(one) in (Walk, EndedStay)]
    assert len(values) <= 2 * (REMEMBERED + 1)


@pytest.mark.parametrize("kind", ["cars", "people"])
def test_on_a_street_with_true_masks_everything_is_told_once_and_in_time(kind: str) -> None:
    scene = StreetScene(Street(2, kind, alike=False, passing=2, parked=1))
    stamp = EventStamp("street", "test", None)
    engine = EventEngine(ZONES, STREET_HEIGHT, STREET_WIDTH, stamp)
    events = []
    for true in scene:
        masks = {one.object_id: true.labels == one.object_id for one in scene.passages}
        events += engine.update(FrameMasks.of(true.frame, masks), {})
    events += engine.end()
    happened = true_happenings(scene)
    score = compare(happened, told_happenings(events), 1 / STREET_FPS + 1e-6, by_id=True)
    assert score.true >= 4 and score.f1 == 1.0
