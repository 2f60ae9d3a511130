"""An image of an object shows it close, or with its surroundings, and where it was last."""

from pathlib import Path

import numpy as np

from tests.review_runs import steady, write_run
from vseg.analysis.object_images import ObjectView, object_images, window_around
from vseg.build import open_clip, open_run
from vseg.ops.colours import colour_of

FRAME = (640, 360)
SIZE = (160, 90)


def test_a_wide_window_shows_the_place_in_the_frame() -> None:
    box = (300, 170, 320, 185)
    close = window_around(box, FRAME, SIZE)
    wide = window_around(box, FRAME, SIZE, wide=True)
    assert close[3] - close[1] == 60
    assert wide[3] - wide[1] == 180
    assert wide[0] < close[0] and wide[2] > close[2]
    large = window_around((200, 100, 500, 330), FRAME, SIZE, wide=True)
    assert large == (0, 0, *FRAME)


def test_a_box_shows_where_an_absent_object_was_last(tmp_path: Path) -> None:
    frames = [{1: steady(k)} | ({2: np.roll(steady(k), 26, 0)} if k else {}) for k in range(2)]
    run = open_run(write_run(tmp_path / "run", frames))
    box = (30, 20, 50, 34)
    views = [ObjectView(0, 2, box, wide=True), ObjectView(0, 2, None, wide=True)]
    with open_clip(run) as video:
        drawn, bare = object_images(run, video, views, (160, 96))

    def coloured(image: np.ndarray) -> int:
        return int((np.abs(image.astype(int) - colour_of(2)).sum(2) < 40).sum())

    assert coloured(drawn) > 80
    assert coloured(bare) == 0
