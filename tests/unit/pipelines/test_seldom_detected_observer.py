"""What is told of cameras before which objects pass too quickly for the detections."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vseg.config import TrackConfig
from vseg.frame_masks import FrameMasks
from vseg.pipelines.job import TrackJob
from vseg.pipelines.live import LiveFrame
from vseg.pipelines.seldom_detected_observer import (
    SeldomDetectedObserver,
    seldom_detected_observer,
)
from vseg.types import Frame, Prompt, Text, Timecode, TrackEvent, VideoInfo

VIDEO = VideoInfo("0", 8, 8, Fraction(25), None)
IMAGE = np.zeros((8, 8, 3), np.uint8)
EVERY = 30


def shown(
    observer: SeldomDetectedObserver,
    *,
    length: int,
    objects: int,
    first: int = 10,
    camera: str = "",
    gap_at: int | None = None,
) -> None:
    """Objects pass one after another, each in view for so many frames."""
    observer.begin(camera, VIDEO)
    index = 0
    for _ in range(first):
        observer.frame(live(index, (), (), camera))
        index += 1
    for number in range(1, objects + 1):
        for _ in range(length):
            gap_s = 5.0 if index == gap_at else None
            observer.frame(live(index, (number,), (), camera, gap_s))
            index += 1
        gone = (TrackEvent(index, "removed", number),)
        observer.frame(live(index, (), gone, camera))
        index += 1


def live(
    index: int,
    ids: tuple[int, ...],
    events: tuple[TrackEvent, ...],
    camera: str,
    gap_s: float | None = None,
) -> LiveFrame:
    frame = Frame(index, None, index / 25, IMAGE)
    masks = FrameMasks.of(
        frame, {i: np.ones((8, 8), bool) for i in ids}, dict.fromkeys(ids, 1.0)
    )
    return LiveFrame(frame, masks, events, camera, gap_s)


def test_it_is_told_while_they_pass_and_once() -> None:
    said: list[str] = []
    observer = SeldomDetectedObserver(EVERY, said.append)
    shown(observer, length=12, objects=11, camera="door")
    (sentence,) = said
    assert sentence.startswith(
        "door: 10 of 10 objects were in view for less than the 30 frames"
    )
    assert "--detect-every 6 " in sentence
    observer.close()
    observer.close()
    assert len(said) == 1


def test_of_a_few_it_is_told_at_the_end() -> None:
    said: list[str] = []
    observer = SeldomDetectedObserver(EVERY, said.append)
    shown(observer, length=12, objects=2)
    assert said == []
    observer.close()
    assert said[0].startswith("2 of 2 objects")


@pytest.mark.parametrize(
    "passing",
    [
        {"length": EVERY, "objects": 12},
        {"length": 12, "objects": 1, "first": 0},  # there before the first frame
        {"length": 12, "objects": 1, "gap_at": 15},  # for how long in the gap, nobody knows
    ],
)
def test_of_others_nothing_is_told(passing: dict[str, int]) -> None:
    said: list[str] = []
    observer = SeldomDetectedObserver(EVERY, said.append)
    shown(observer, **passing)  # type: ignore[arg-type]
    observer.close()
    assert said == []


def test_what_is_kept_does_not_grow() -> None:
    observer = SeldomDetectedObserver(EVERY, lambda text: None)
    shown(observer, length=1, objects=500)
    known = observer._cameras[""]
    assert (len(known.seen), len(known.lengths)) == (0, 200)


def test_only_jobs_that_detect_again_are_observed() -> None:
    def job(object_id: int | None, *, everything: bool = False) -> TrackJob:
        prompts = () if everything else (Prompt(object_id, Timecode(0), Text("car")),)
        return TrackJob("0", Path(), prompts, TrackConfig(), everything=everything)

    assert seldom_detected_observer(job(None), print) is not None
    assert seldom_detected_observer(job(None, everything=True), print) is not None
    assert seldom_detected_observer(job(1), print) is None
