"""Crowds, what is left and taken, wrong ways, nearness, and speeds on the ground."""

import math

import pytest

from tests.moving_boxes import Foot, Ways, engine_of, events_of, walk
from vseg.errors import BadZones
from vseg.events.scene_event import SceneEvent

ROOM = {"name": "room", "polygon": [[20, 0], [140, 0], [140, 99], [20, 99]]}
SPOT: Foot = (60, 60)
GROUND = {
    # Ten pixels are a metre, everywhere.
    "image": [[0, 0], [160, 0], [160, 100], [0, 100]],
    "metres": [[0, 0], [16, 0], [16, 10], [0, 10]],
    "error_px": 0.5,
}


def told(events: list[SceneEvent], *kinds: str) -> list[tuple[str, str]]:
    return [(event.kind, event.phase) for event in events if event.kind in kinds]


def test_a_crowd_begins_with_the_one_that_is_too_many() -> None:
    room = ROOM | {"crowded_from": 3, "crowded_s": 1.0}
    out: Foot = (150, 60)
    ways: Ways = {
        1: [(60, 60)] * 60,
        2: [(80, 60)] * 60,
        3: [*[out] * 20, *[(100, 60)] * 20, *[out] * 20],
    }
    start, end = (e for e in events_of(engine_of(zone=[room]), ways) if e.kind == "crowded")
    assert (start.phase, start.begin_s, start.count) == ("start", 2.0, 3)
    assert (end.phase, end.seconds, end.count) == ("end", 2.0, 2)


def test_a_short_crowd_is_none() -> None:
    room = ROOM | {"crowded_from": 2, "crowded_s": 3.0}
    ways: Ways = {1: [(60, 60)] * 60, 2: [*[(80, 60)] * 20, *[(150, 60)] * 40]}
    assert told(events_of(engine_of(zone=[room]), ways), "crowded") == []


def test_what_came_and_stands_still_was_left_and_what_was_there_was_not() -> None:
    room = ROOM | {"left_s": 2.0}
    ways: Ways = {
        1: [SPOT] * 60,
        2: [*[None] * 10, *[(100, 60)] * 30, *walk((100, 60), (60, 90), 20)],
    }
    events = [e for e in events_of(engine_of(zone=[room]), ways) if e.kind == "left"]
    assert [(e.phase, e.object.id, e.begin_s) for e in events if e.object] == [
        ("start", 2, 1.0),
        ("end", 2, 1.0),
    ]
    assert events[1].seconds == pytest.approx(3.1, abs=0.11)


def test_what_stood_still_is_removed_and_what_was_hidden_is_put_right() -> None:
    room = ROOM | {"removed_s": 2.0}
    taken = events_of(engine_of(zone=[room]), {1: [*[SPOT] * 30, *walk(SPOT, (120, 60), 20)]})
    (removed,) = (e for e in taken if e.kind == "removed")
    assert removed.seen and removed.seconds == pytest.approx(3.0, abs=0.11)
    hidden = {1: [*[SPOT] * 30, *[None] * 40, *[SPOT] * 5]}
    events = events_of(engine_of(zone=[room]), hidden)
    gone, back = (e for e in events if e.kind in ("removed", "correction"))
    assert not gone.seen and (back.kind, back.corrects) == ("correction", (gone.key,))


def test_who_moves_against_the_heading_of_a_zone() -> None:
    room = ROOM | {"heading": [1, 0]}
    ways: Ways = {
        1: walk((20, 40), (140, 40), 60),
        2: walk((140, 60), (20, 60), 60),
        3: [(80, 80 + k % 2) for k in range(60)],
    }
    events = [e for e in events_of(engine_of(zone=[room]), ways) if e.kind == "wrong_way"]
    assert [(e.phase, e.object.id) for e in events if e.object] == [("start", 2), ("end", 2)]


def test_two_come_near_and_part() -> None:
    near = {"name": "pair", "distance": 0.2, "labels": ["person"], "others": ["truck"]}
    ways: Ways = {
        1: [SPOT] * 60,
        2: [*walk((140, 60), (70, 60), 30), *walk((70, 60), (140, 60), 30)],
        3: [(62, 60)] * 60,
    }
    labels = {1: "person", 2: "truck", 3: "dog"}
    start, end = events_of(engine_of(near=[near]), ways, labels)
    assert start.object is not None and start.other is not None
    assert (start.object.id, start.other.id) == (1, 2)
    assert (start.phase, end.phase) == ("start", "end")
    assert start.distance is not None and start.distance < 20


def test_speed_is_in_metres_a_second_and_its_error_holds_the_truth() -> None:
    # 2 pixels a frame are 2 metres a second.
    way = {1: walk((30, 60), (130, 60), 51)}
    events = events_of(engine_of(zone=[ROOM], ground=GROUND), way)
    end = events[-1].object
    assert end is not None and end.speed is not None and end.speed_error is not None
    assert abs(end.speed - 2.0) <= 2 * end.speed_error
    assert 0 < end.speed_error < 0.5
    assert end.ground is not None and end.ground == pytest.approx((13.0, 6.0), abs=0.2)


def test_a_map_grid_far_from_its_origin_gives_the_same_speeds() -> None:
    """UTM's northings have seven digits, which are exact to half a metre in float32."""
    east, north = 312_345.25, 5_412_678.5
    there = GROUND | {"metres": [[x + east, y + north] for x, y in GROUND["metres"]]}  # type: ignore[attr-defined]
    way = {1: walk((30, 60), (130, 60), 51)}
    near = events_of(engine_of(zone=[ROOM], ground=GROUND), way)[-1].object
    far = events_of(engine_of(zone=[ROOM], ground=there), way)[-1].object
    assert near is not None and far is not None and near.ground is not None
    assert far.speed == pytest.approx(near.speed, rel=1e-5)
    assert far.speed_error == pytest.approx(near.speed_error, rel=1e-3)
    x, y = near.ground
    assert far.ground == pytest.approx((x + east, y + north), abs=1e-3)


def test_the_error_of_a_speed_grows_with_that_of_the_points() -> None:
    errors = []
    for error_px in (0.5, 4.0):
        ground = GROUND | {"error_px": error_px}
        events = events_of(
            engine_of(zone=[ROOM], ground=ground), {1: walk((30, 60), (130, 60), 51)}
        )
        assert events[-1].object is not None
        errors.append(events[-1].object.speed_error or math.inf)
    assert errors[1] > 4 * errors[0]


def test_who_is_too_fast() -> None:
    room = ROOM | {"speed_limit": 3.0}
    ways: Ways = {1: walk((20, 40), (120, 40), 51), 2: walk((20, 60), (120, 60), 26)}
    events = events_of(engine_of(zone=[room], ground=GROUND), ways)
    fast = [e for e in events if e.kind == "speeding"]
    assert [(e.phase, e.object.id) for e in fast if e.object] == [("start", 2), ("end", 2)]


def test_three_ground_points_on_a_line_are_refused() -> None:
    ground = GROUND | {"image": [[0, 0], [50, 50], [100, 100], [0, 100]]}
    with pytest.raises(BadZones, match="one line"):
        engine_of(zone=[ROOM], ground=ground)
