"""The benchmarks' own scores on made-up sequences whose answers are known."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.clicks import MOST_CLICKS, Row, click_through, clicks_to, mean_row, row_of
from benchmarks.mask_faults import FaultCount, false_components, on_another
from benchmarks.presence_scores import PresenceCounts, count_presence
from vseg.metrics.annotations import LabelFrame
from vseg.types import Points


def disc(radius: float) -> np.ndarray:
    y, x = np.mgrid[:64, :64]
    return np.asarray((x - 32) ** 2 + (y - 32) ** 2 <= radius**2)


class Growing:
    """A fake segmenter: each click adds a ring, and remembers how it was clicked."""

    def __init__(self, radii: Iterator[float]) -> None:
        self.radii, self.clicks = radii, list[Points]()

    def __call__(self, click: Points) -> np.ndarray:
        self.clicks.append(click)
        return disc(next(self.radii))


def test_clicks_are_counted_until_the_goal() -> None:
    truth = disc(20)
    fake = Growing(iter([10.0, 24.0, 18.0, 18.8, 19.4, 20.0]))
    ious = click_through(fake, truth)
    assert len(ious) == 5, "five are shown, and the fifth reaches the highest goal"
    assert ious[0] == pytest.approx(0.25, abs=0.02)
    assert (clicks_to(0.85, ious), clicks_to(0.90, ious)) == (4, 5)
    assert [bool(c.positive[0]) for c in fake.clicks] == [True, True, False, True, True]
    assert fake.clicks[0].xy.tolist() == [[32, 32]]


def test_an_object_that_never_gets_there_counts_as_failed() -> None:
    truth = disc(20)
    ious = click_through(lambda _: disc(12), truth)
    assert len(ious) == MOST_CLICKS
    row = row_of("clip", 1, ious)
    assert (row.NoC85, row.NoC90, row.failed85, row.failed90) == (20, 20, 1, 1)
    assert row.IoU1 == row.IoU5 == pytest.approx(36, abs=1)


def test_nothing_is_clicked_when_nothing_is_wrong() -> None:
    truth = disc(20)
    ious = click_through(lambda _: truth, truth)
    assert ious == [1.0]
    perfect = row_of("a", 1, ious)
    assert perfect == Row("a", 1, 1.0, 1.0, 0, 0, 100.0, 100.0, 100.0)
    never = row_of("b", 2, [0.5] * MOST_CLICKS)
    assert mean_row([perfect, never]) == Row("MEAN", None, 10.5, 10.5, 1, 1, 75.0, 75.0, 75.0)


def test_presence_of_one_object() -> None:
    #        visible   tiny  gone for 4     visible  gone for 1
    areas = [100, 100, 5, 0, 0, 0, 0, 100, 100, 0]
    seen = [True, False, False, True, True, False, False, False, True, True]
    counts = count_presence(np.array(areas), np.array(seen), 100)
    assert (counts.absent_reported, counts.absent_unreported) == (2, 3)
    assert (counts.visible_reported_absent, counts.visible) == (2, 4)
    assert (counts.delays, counts.missed, counts.absences) == ((2,), 1, 2)
    assert (counts.precision, counts.recall, counts.false_alarms) == (0.5, 0.4, 0.5)
    assert counts.delay == 2


def test_presence_counts_add_up() -> None:
    one = PresenceCounts(3, 1, 1, 10, (0, 4), 1)
    other = PresenceCounts(1, 0, 0, 30, (2,), 0)
    both = PresenceCounts.total([one, other])
    assert both == PresenceCounts(4, 1, 1, 40, (0, 4, 2), 1)
    assert (both.precision, both.recall, both.false_alarms) == (0.8, 0.8, 0.025)
    assert (both.delay, both.absences) == (2, 4)


def test_an_object_that_never_goes_has_no_recall() -> None:
    counts = count_presence(np.full(5, 50), np.ones(5, dtype=bool), 50)
    assert (counts.precision, counts.recall, counts.delay) == (None, None, None)
    assert counts.false_alarms == 0
    assert PresenceCounts.total([]).false_alarms is None


def two_objects() -> LabelFrame:
    labels = np.zeros((4, 8), np.uint8)
    labels[:, :3], labels[:, 5:] = 1, 2
    return LabelFrame(0, Path("00000.png"), labels, (1, 2))


def test_a_mask_on_another_object_is_a_switch() -> None:
    label = two_objects()
    left = label.labels == 1
    right = label.labels == 2
    assert on_another(right, label, 1)
    assert not on_another(left, label, 1)
    assert not on_another(left | right, label, 1), (
        "as much of its own is not more of another's"
    )
    assert not on_another(np.zeros_like(left), label, 1)
    assert not on_another(label.labels == 0, label, 1), "background is nobody"


def test_a_component_away_from_its_object_is_false_and_a_speck_is_not_one() -> None:
    truth = np.zeros((200, 200), bool)
    truth[20:60, 20:60] = True
    mask = truth.copy()
    mask[22:25, 22:58] = False
    mask[40, :] = False  # two parts, both on the object
    assert false_components(mask, truth) == 0
    mask[100:110, 100:110] = True
    mask[150:153, 20:30] = True
    assert false_components(mask, truth) == 2
    mask[180, 180] = True
    assert false_components(mask, truth) == 2
    assert false_components(mask, np.zeros_like(truth)) == 4, "it is not there at all"
    assert false_components(np.zeros_like(truth), truth) == 0


def test_faults_are_counted_as_frames_pass(tmp_path: Path) -> None:
    import cv2

    label = two_objects()
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index:05d}.png"), label.labels)
    left = label.labels == 1
    right = label.labels == 2
    frames = [(0, {1: left, 2: right}), (1, {1: right, 2: right}), (2, {1: right, 2: left})]
    faults = FaultCount(tmp_path)
    assert list(faults.watch(frames)) == frames
    assert faults.switches == {1: 2, 2: 1}
    assert faults.false_components == {1: 2, 2: 1}
    assert faults.frames == 3
