"""Objects that were in view for less time than lies between two detections."""

from dataclasses import replace
from fractions import Fraction

import pytest

from tests.runs import header_of
from vseg.results.records import RunHeader, StoredObject
from vseg.results.seldom_detections import seldom_detected_run
from vseg.types import VideoInfo

VIDEO = VideoInfo("clip.mp4", 36, 50, Fraction(25), 400)


def header(every: int | None = 30) -> RunHeader:
    options = {} if every is None else {"redetection.detect_every": every}
    return header_of(VIDEO).model_copy(update={"options": options})


def objects(*spans: tuple[int, int] | None) -> list[StoredObject]:
    found = []
    for number, span in enumerate(spans, start=1):
        first, last = span or (None, None)
        found.append(
            StoredObject(
                id=number, label="car", colour="#ff8a00", first_frame=first, last_frame=last
            )
        )
    return found


PASSING = objects((104, 107), (208, 227), (208, 237), (336, 347))


def test_passing_cars_are_too_quick_for_the_usual_time() -> None:
    (said,) = seldom_detected_run(header(), PASSING)
    assert said.startswith("3 of 4 objects were in view for less than the 30 frames")
    wanted = int(said.partition("--detect-every ")[2].split()[0])
    assert wanted == 6, "half of the 12 frames of the middle one"
    assert (
        seldom_detected_run(header(wanted), objects((77, 107), (184, 227), (195, 237))) == ()
    )


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [None],
        [(0, 12)],  # there before the first frame
        [(390, 399)],  # there after the last
        [(20, 25), (40, 300), (60, 310)],  # one that flickers
        [(20, 50)],
    ],
)
def test_others_say_nothing_of_it(spans: list[tuple[int, int] | None]) -> None:
    assert seldom_detected_run(header(), objects(*spans)) == ()


def test_runs_without_redetection_say_nothing() -> None:
    assert seldom_detected_run(header(None), PASSING) == ()


def test_a_range_has_ends_of_its_own() -> None:
    within = header().model_copy(update={"frame_range": (104, 348)})
    (said,) = seldom_detected_run(within, PASSING)
    assert said.startswith("1 of 2 objects"), "of what neither begins nor ends with the range"
    unknown = header().model_copy(update={"video": replace(VIDEO, num_frames=None)})
    assert seldom_detected_run(unknown, PASSING) == ()
