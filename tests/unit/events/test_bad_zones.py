"""Zones and lines that make no sense are refused, naming them; useless ones are warned of."""

from pathlib import Path
from typing import Any

import pytest

from tests.moving_boxes import boxes_at, engine_of
from vseg.errors import BadConfig, BadZones
from vseg.events.scene_plan import ScenePlan, scene_plan
from vseg.events.zone_file import (
    GroundSettings,
    LineSettings,
    NearSettings,
    ZoneFile,
    ZoneSettings,
    read_zone_file,
)

EXAMPLE = Path(__file__).resolve().parents[3] / "configs" / "zones.toml"

SQUARE = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.6], [0.2, 0.6]]


def plan_of(**zones: Any) -> ScenePlan:
    return scene_plan(ZoneFile.model_validate(zones), 100, 160)


def zone(**changes: Any) -> dict[str, Any]:
    return {"name": "room", "polygon": SQUARE} | changes


def line(**changes: Any) -> dict[str, Any]:
    return {"name": "gate", "begin": [0.5, 0.9], "end": [0.5, 0.1]} | changes


def ground(order: list[int]) -> dict[str, Any]:
    """A lane of 4 by 20 metres; order: of its image corners."""
    image = [[0.4, 0.5], [0.6, 0.5], [0.9, 0.95], [0.1, 0.95]]
    return {
        "image": [image[k] for k in order],
        "metres": [[0, 20], [4, 20], [4, 0], [0, 0]],
    }


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1]])
def test_the_ground_may_begin_at_any_corner_and_be_mirrored(order: list[int]) -> None:
    assert plan_of(zone=[zone()], ground=ground(order)).ground is not None


@pytest.mark.parametrize("far", [1e308, -1e308, 1e30])
def test_a_corner_beyond_every_map_is_refused(tmp_path: Path, far: float) -> None:
    path = tmp_path / "zones.toml"
    path.write_text(f"[[zone]]\nname = 'a'\npolygon = [[0, 0], [{far}, 0], [1, 1]]\n")
    with pytest.raises(BadConfig, match=r"zone\.0\.polygon\.1\.0"):
        read_zone_file(path)
    plan_of(unit="pixels", zone=[zone(polygon=[[0, 0], [1e6, 0], [1, 1]])])


@pytest.mark.parametrize(
    ("zones", "says"),
    [
        ({}, "no zone"),
        ({"zone": [zone(), zone()]}, "given twice"),
        ({"zone": [zone()], "line": [line(name="room")]}, "given twice"),
        ({"zone": [zone(polygon=[[0.2, 0.2], [0.6, 0.6], [0.6, 0.2], [0.2, 0.6]])]}, "itself"),
        ({"zone": [zone(polygon=[[0.2, 0.2], [0.6, 0.2], [0.4, 0.2]])]}, "itself|no pixel"),
        ({"zone": [zone(polygon=[[1.2, 0.2], [1.6, 0.2], [1.6, 0.6]])]}, "no pixel"),
        ({"zone": [zone(polygon=[[40, 40], [90, 40], [90, 90]])]}, "in fractions"),
        ({"zone": [zone(polygon=[[0.5, 0.5]] * 3)]}, "no pixel"),
        ({"zone": [zone(polygon=[[0.1, 0.1], [0.5, 0.5], [0.1, 0.1]])]}, "no pixel"),
        ({"zone": [zone(heading=[0, 0])]}, "no direction"),
        ({"zone": [zone(speed_limit=3)]}, "ground"),
        ({"zone": [zone()], "ground": ground([0, 1, 3, 2])}, "another way"),
        ({"zone": [zone()], "ground": ground([1, 0, 2, 3])}, "another way"),
        ({"zone": [zone()], "ground": ground([0, 0, 2, 3])}, "one line"),
        ({"line": [line(end=[0.5, 0.9])]}, "no length"),
        ({"line": [line(forward="in", backward="in")]}, "both directions"),
        ({"line": [line(allowed="up")]}, "none of its directions"),
    ],
)
def test_what_makes_no_sense_is_refused(zones: dict[str, Any], says: str) -> None:
    with pytest.raises(BadZones, match=says):
        plan_of(**zones)


@pytest.mark.parametrize(
    "text",
    [
        "[[zone]]\nname = 'a'",
        "[[zone]]\nname = 'a'\npolygon = [[0, 0], [1, 1]]",
        "[[zone]]\nname = 'a'\npolygon = [[0, 0], [1, 1], [nan, 0]]",
        "[[zone]]\nname = 'a'\npolygn = [[0, 0], [1, 1], [1, 0]]",
        "[[line]]\nname = 'a'\nbegin = [0, 0]\nend = [0]",
        "[[near]]\nname = 'a'\ndistance = -1",
        "unit = 'feet'",
        "[[zone]",
    ],
)
def test_a_file_that_does_not_hold_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "zones.toml"
    path.write_text(text)
    with pytest.raises(BadConfig, match=r"zones\.toml"):
        read_zone_file(path)


@pytest.mark.parametrize(
    "useless",
    [
        line(begin=[0.1, 1.0], end=[0.9, 1.0]),
        line(begin=[-0.1, 0.0], end=[-0.1, 1.0]),
        line(begin=[1.4, 0.2], end=[1.8, 0.2]),
    ],
)
def test_a_line_that_no_one_can_cross_is_warned_of(useless: dict[str, Any]) -> None:
    (warning,) = plan_of(line=[useless, line(name="good")]).warnings
    assert "'gate' cannot be crossed" in warning
    assert "it spans x" in warning and "unit says" in warning


def test_the_example_holds_every_setting_and_nothing_useless() -> None:
    file = read_zone_file(EXAMPLE)
    assert scene_plan(file, 1080, 1920).warnings == ()
    text = EXAMPLE.read_text("utf-8")
    models = (ZoneFile, ZoneSettings, LineSettings, NearSettings, GroundSettings)
    names = {name for model in models for name in model.model_fields}
    assert {name for name in names if name not in text} == set()


def test_a_polygon_may_be_closed_by_its_first_corner() -> None:
    closed = plan_of(zone=[zone(polygon=[*SQUARE, SQUARE[0]])]).zones[0]
    assert (closed.pixels == plan_of(zone=[zone()]).zones[0].pixels).all()


@pytest.mark.parametrize(
    "drawn",
    [
        {"zone": [zone(polygon=[[0, 0], [80, 0], [80, 119], [0, 119]])]},
        {"line": [{"name": "gate", "begin": [80, 0], "end": [80, 119]}]},
    ],
)
def test_pixels_without_their_unit_are_refused(drawn: dict[str, Any]) -> None:
    """The zone held the whole frame, and everything was counted in it."""
    with pytest.raises(BadZones, match="in fractions of the frame") as refused:
        plan_of(**drawn)
    assert 'unit = "pixels"' in (refused.value.hint or "")
    plan_of(unit="pixels", **drawn)


def test_pixels_are_scaled_from_the_size_at_which_they_were_drawn() -> None:
    drawn = [[32, 20], [96, 20], [96, 60], [32, 60]]
    plans = [
        plan_of(zone=[zone()]),
        plan_of(unit="pixels", zone=[zone(polygon=drawn)]),
        plan_of(
            unit="pixels",
            size=[320, 200],
            zone=[zone(polygon=[[2 * x, 2 * y] for x, y in drawn])],
        ),
    ]
    first = plans[0].zones[0]
    assert first.box == (32, 20, 96, 60)
    assert all((plan.zones[0].pixels == first.pixels).all() for plan in plans)


def test_frames_of_another_size_and_another_file_begin_anew() -> None:
    room = {"name": "room", "polygon": [[40, 0], [120, 0], [120, 99], [40, 99]]}
    engine = engine_of(zone=[room])
    for index in range(4):
        engine.update(boxes_at(index, {1: (60, 60)}), {})
    wrong = ZoneFile.model_validate({"zone": [zone(polygon=[[2, 2], [3, 2], [3, 3]])]})
    with pytest.raises(BadZones):
        engine.change(wrong)
    ended = engine.change(ZoneFile.model_validate({"zone": [zone(name="other")]}))
    assert [(e.place, e.phase) for e in ended] == [("room", "end")]
    assert [z.name for z in engine.plan.zones] == ["other"]
