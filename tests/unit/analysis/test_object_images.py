"""An image of an object shows it close, or with its surroundings, and where it was last."""

from pathlib import Path

import numpy as np

from tests.review_runs import steady, write_run
from vseg.analysis.object_images import ObjectView, object_images, window_around
from vseg.analysis.report_page import report_page
from vseg.analysis.run_summary import summarise
from vseg.build import open_clip, open_run
from vseg.frame_masks import FrameMasks
from vseg.ops.colours import colour_of, hex_of
from vseg.pipelines.run_edit import RunEdit
from vseg.results.masks import pack
from vseg.results.object_list import ObjectList
from vseg.results.records import StoredObject
from vseg.results.timeline import draw_timeline, presences
from vseg.types import Frame

FRAME = (640, 360)
SIZE = (160, 90)
MAGENTA = (255, 0, 255)


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


def test_every_image_of_a_run_has_the_colours_that_were_given(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [{1: steady(k)} for k in range(2)])
    with RunEdit(folder) as edit:
        edit.colour(1, "#ff00ff")
    run = open_run(folder)
    with open_clip(run) as video:
        (image,) = object_images(run, video, [ObjectView(0, 1, None)], SIZE)
        shown = run.show(0, video).image
    timeline = draw_timeline("who", presences(run), (0, 2))
    for drawn in (image, shown, timeline):
        distance = [
            np.abs(drawn.astype(int) - c).sum(2).min() for c in (MAGENTA, colour_of(1))
        ]
        assert distance[0] < 40 < distance[1]
    page = report_page(summarise(run), {})
    assert "#ff00ff" in page
    assert hex_of(1) not in page


def test_an_object_that_is_stored_on_keeps_its_colour() -> None:
    known = StoredObject(id=1, label=None, colour="#ff00ff", first_frame=0, last_frame=0)
    objects = ObjectList([known], {})
    frame = Frame(1, 1, 0.1, np.zeros((2, 2, 3), np.uint8))
    objects.add(pack(FrameMasks.of(frame, {1: np.eye(2) > 0})))
    assert objects.by_id()[0].colour == "#ff00ff"
    assert objects.by_id()[0].last_frame == 1
