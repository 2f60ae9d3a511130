"""A timeline has a bar where an identity was seen, and none where it was not."""

import numpy as np

from vseg.ops.colours import colour_of
from vseg.results.timeline import LANE, Presence, draw_timeline, seen_spans


def test_frames_as_spans() -> None:
    assert seen_spans([3, 4, 5, 9, 12, 13]) == [(3, 6), (9, 10), (12, 14)]
    assert seen_spans([]) == []


def test_bars_lie_where_the_identity_was_seen() -> None:
    rows = [Presence(1, range(0, 50)), Presence(2, [*range(0, 25), *range(75, 100)], "late")]
    image = draw_timeline("who", rows, (0, 100), width=800)
    lanes = [np.flatnonzero((image == colour_of(k)).all(axis=2).any(axis=1)) for k in (1, 2)]
    middles = [int(lane.mean()) for lane in lanes]
    bar = (image[middles[0]] == colour_of(1)).all(axis=1)
    empty = (image[middles[0]] == LANE).all(axis=1)
    assert abs(int(bar.sum()) - int(empty.sum())) < 12, "half of the frames"
    late = np.flatnonzero((image[middles[1]] == colour_of(2)).all(axis=1))
    assert (np.diff(late) > 300).sum() == 1 and middles[1] - middles[0] == 34


def test_marks_and_no_rows_at_all() -> None:
    plain = draw_timeline("who", [Presence(3, [5])], (0, 10))
    marked = draw_timeline("who", [Presence(3, [5], marks=[2])], (0, 10))
    assert (plain != marked).any()
    assert draw_timeline("nobody", [], (0, 1)).shape[1] == 960
