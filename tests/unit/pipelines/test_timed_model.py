"""Times per frame from rows of frames that were encoded together."""

import pytest

from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.pipelines.timed_model import FrameTimes, TimedModel


@pytest.fixture(scope="module")
def model() -> Nano:
    return load_nano(dtype="float32", short_side=64)


def timed(model: Nano, rows: list[FrameTimes], ended: float) -> TimedModel:
    made = TimedModel(model)
    made.frames = rows
    made._ended = ended
    made._ended_cpu = 2 * ended
    return made


@pytest.mark.parametrize(("together", "rows"), [(1, 80), (4, 80), (4, 2), (4, 3)])
def test_every_frame_of_a_row_counts(model: Nano, together: int, rows: int) -> None:
    """0.2 s for each frame, half of it encoding."""
    span = 0.2 * together
    seconds = {"encode": span / 2, "memory": 0.0, "decode mask": 0.0}
    times = [FrameTimes(k * span, 2 * k * span, together, seconds) for k in range(rows)]
    made = timed(model, times, rows * span)
    assert made.steady().frame_s == pytest.approx(0.2)
    assert made.steady().cpu_s == pytest.approx(0.4)
    assert made.steady().stages_s["encode"] == pytest.approx(0.1)


def test_a_single_row_ends_with_its_last_stage(model: Nano) -> None:
    made = timed(model, [FrameTimes(1.0, 2.0, 4)], ended=3.0)
    assert made.steady().frame_s == pytest.approx(0.5)
    assert made.steady().cpu_s == pytest.approx(1.0)
