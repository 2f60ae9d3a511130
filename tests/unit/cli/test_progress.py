"""Progress for people who are not at a terminal, and the request to stop."""

import os
import signal
import threading

import pytest

from vseg.cli.interrupt import stop_on_request
from vseg.cli.progress import ProgressReport


def test_lines_tell_how_far_how_fast_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressReport("tracking", every_s=0.0) as report:
        report(51, 100)
        report(52, 100)
        report(7, None)
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith("tracking: 51/100 frames (51 %), ")
    assert "left" in second
    assert third.startswith("tracking: 7 frames, ")


def test_lines_are_rare(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressReport("tracking") as report:
        for done in range(1000):
            report(done, 1000)
    assert capsys.readouterr().err == ""


def test_the_second_request_to_stop_does_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_request() as asked:
        assert not asked()
        os.kill(os.getpid(), signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert "once more" in capsys.readouterr().err


def test_other_threads_are_never_asked_to_stop() -> None:
    seen = []

    def work() -> None:
        with stop_on_request() as asked:
            seen.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_a_stage_begins_anew_under_its_own_label(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressReport("tracking", every_s=0.0) as report:
        drawing = report.stage("drawing")
        report(40, 40)
        drawing(1, 40)
        drawing(2, 40)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" frames")[0] for line in lines] == [
        "tracking: 40/40",
        "drawing: 1/40",
        "drawing: 2/40",
    ]
