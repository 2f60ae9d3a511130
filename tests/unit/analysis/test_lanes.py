"""A lane is as long as a screen is wide, and says of every frame what it was."""

from dataclasses import replace

import numpy as np
import pytest

from vseg.analysis.lane_svg import sizes_svg, timeline_svg
from vseg.analysis.lanes import MAX_CELLS, Lane, TimeAxis, runs_of
from vseg.analysis.risk import MaskRisk
from vseg.results.spans import SpanState
from vseg.types import TrackEvent


def mask(area: int, risk: float = 0.0, state: SpanState = SpanState.PREDICTED) -> MaskRisk:
    return MaskRisk(1, risk, (), area > 0, False, 0.9, area, state, None)


@pytest.mark.parametrize(("first", "end"), [(0, 7), (5, 5 + MAX_CELLS), (3, 10_000)])
def test_every_frame_has_one_cell(first: int, end: int) -> None:
    axis = TimeAxis(first, end)
    cells = [axis.cell(frame) for frame in range(first, end)]
    assert cells[0] == 0
    assert cells[-1] == axis.cells - 1 <= MAX_CELLS - 1
    assert set(np.diff(cells).tolist()) <= {0, 1}
    for cell in (0, axis.cells // 2, axis.cells - 1):
        a, b = axis.frames_of(cell)
        assert [frame for frame in range(first, end) if axis.cell(frame) == cell] == list(
            range(a, b)
        )


def test_a_cell_adds_up_its_frames() -> None:
    lane = Lane.empty(2)
    for area, risk in ((10, 0.1), (30, 0.7), (0, 0.2)):
        lane.add(1, mask(area, risk))
    lane.add(0, mask(5, state=SpanState.ACCEPTED))
    assert lane.tracked.tolist() == [1, 3]
    assert lane.visible.tolist() == [1, 2]
    assert lane.accepted.tolist() == [1, 0]
    assert lane.risk.tolist() == [0, 0.7]
    assert lane.area.tolist() == [5, 40]
    assert (lane.least_area[1], lane.most_area[1]) == (10, 30)


def test_neighbours_of_one_level_are_one_run() -> None:
    assert runs_of(np.array([2, 2, 0, 1, 1, 1])) == [(0, 2, 2), (2, 3, 0), (3, 6, 1)]
    assert runs_of(np.array([], dtype=np.int64)) == []


def test_a_drawing_of_a_long_clip_is_bounded() -> None:
    axis = TimeAxis(0, 1_000_000)
    lane = Lane.empty(axis.cells)
    for cell in range(axis.cells):  # the worst case: every cell differs from the next
        lane.add(cell, mask(100 if cell % 2 else 0, cell % 7 / 7))
    cuts = list(range(0, 1_000_000, 10))
    events = [TrackEvent(frame, "lost", 1) for frame in range(0, 200)]
    drawing = timeline_svg(axis, [("1", "#ff0000", lane)], cuts, events, [1])
    assert len(drawing) < 250_000
    assert drawing.count('class="cut"') <= MAX_CELLS
    assert len(sizes_svg(axis, lane, "#ff0000", 1000)) < 250_000


def test_an_isolated_frame_is_a_point_of_the_sizes() -> None:
    lane = Lane.empty(8)
    for cell in (1, 4, 5):
        lane.add(cell, mask(100))
    drawing = sizes_svg(TimeAxis(0, 8), lane, "#ff0000", 1000)
    assert drawing.count("<circle") == 1
    assert drawing.count("<polyline") == 1


def test_names_are_escaped() -> None:
    lane = Lane.empty(3)
    drawing = timeline_svg(TimeAxis(0, 3), [("<b>&", "#ff0000", lane)], [], [], [1])
    assert "<b>" not in drawing
    assert "&lt;b&gt;&amp;" in drawing


def test_many_anchors_in_a_row_are_one_line() -> None:
    axis = TimeAxis(0, 20)
    lane = Lane.empty(20)
    for cell in (0, *range(5, 15)):
        lane.add(cell, replace(mask(10), anchored=True))
    drawing = timeline_svg(axis, [("1", "#ff0000", lane)], [], [], [1])
    assert drawing.count('class="anchor"') == 2
    assert drawing.count('class="given"') == 1
    assert "frames 5 to 14: prompted or given" in drawing
