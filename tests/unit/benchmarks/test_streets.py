"""Streets are drawn with exact truth, and what is counted on them is right."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks import streets
from benchmarks.streets import Count
from benchmarks.streets_scene import HEIGHT, WIDTH, Street, StreetScene
from vseg.frame_masks import FrameMasks


@pytest.mark.parametrize("kind", ["cars", "people"])
def test_everyone_crosses_the_whole_street(kind: str) -> None:
    scene = StreetScene(Street(2, kind, alike=False, passing=2, parked=1))
    drawn = [scene.draw(index) for index in range(0, scene.num_frames, 4)]
    assert drawn[0].labels.shape == (HEIGHT, WIDTH)
    for passage in scene.passages:
        areas = [int((true.labels == passage.object_id).sum()) for true in drawn]
        assert max(areas) > 0.9 * passage.figure.area
        assert passage.speed == 0 or areas[-1] == 0, "it has left"
    again = StreetScene(Street(2, kind, alike=False, passing=2, parked=1)).draw(4)
    np.testing.assert_array_equal(again.frame.image, drawn[1].frame.image)


def test_odd_streets_are_crossed_from_top_to_bottom() -> None:
    scene = StreetScene(Street(1, "cars", alike=True, passing=1, parked=0))
    true = scene.draw(20)
    assert true.frame.image.shape == (WIDTH, HEIGHT, 3)
    assert true.labels.shape == (WIDTH, HEIGHT)


def test_alike_figures_are_equal_and_unlike_ones_are_not() -> None:
    for alike in (True, False):
        scene = StreetScene(Street(0, "cars", alike, passing=0 + 1, parked=2))
        first, second = (one.figure.phases[0] for one in scene.passages[:2])
        assert (first.shape == second.shape and np.array_equal(first, second)) == alike


class Masks(dict[int, np.ndarray]):
    """Masks by id, as `FrameMasks` gives them out."""


def counted(*owners: dict[int, int]) -> dict[str, float]:
    """The scores of frames on each of which ids have exactly the masks of passages (0: of the
    background).
    """
    scene = StreetScene(Street(0, "cars", alike=False, passing=1, parked=2))
    true = scene.draw(20)
    count = Count()
    for frame in owners:
        masks: FrameMasks = Masks({i: true.labels == k for i, k in frame.items()})  # type: ignore[assignment]
        count.add(0, true, masks, scene)
    return count.scores()


def test_counts_and_purity() -> None:
    right = counted({1: 1, 2: 2, 3: 3}, {1: 1, 2: 2, 3: 3})
    assert right == {"ids": 3, "exact": 100, "error": 0, "purity": 100, "covered": 100}
    passed_on = counted({1: 1, 2: 2}, {1: 1, 2: 2}, {1: 1, 2: 3})
    assert passed_on["exact"] == pytest.approx(200 / 3)
    assert passed_on["error"] == pytest.approx(100 / 3)
    assert passed_on["purity"] == pytest.approx(500 / 6)
    twice = counted({1: 1, 2: 2, 3: 3, 4: 3, 5: 0})
    assert twice["exact"] == pytest.approx(200 / 3)
    assert twice["error"] == pytest.approx(200 / 3)


@pytest.mark.slow
def test_rows_of_one_street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.json"
    few = ("--kinds", "cars", "--looks", "unlike", "--seeds", "1", "--short-sides", "96")
    monkeypatch.setattr(sys, "argv", ["streets.py", *few, "--json", str(out)])
    monkeypatch.setattr(streets, "Street", partial(Street, passing=2, parked=1))
    streets.main()
    (row,) = json.loads(out.read_text())
    assert (row["kind"], row["looks"], row["passages"]) == ("cars", "unlike", 3)
    assert row["exact"] > 50 and row["purity"] > 60
