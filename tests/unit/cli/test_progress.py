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
        report(57, None)
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == "tracking: 51/100 frames (51 %)"
    assert second.startswith("tracking: 52/100 frames (52 %), ")
    assert "left" in second
    assert third.startswith("tracking: 57 frames, ")


def test_what_was_loaded_before_the_first_frame_is_no_part_of_the_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("vseg.cli.progress.time.monotonic", lambda: now)
    with ProgressReport("tracking", every_s=0.0) as report:
        now = 30.0
        report(1, 11)
        now = 32.0
        report(5, 11)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "tracking: 1/11 frames (9 %)",
        "tracking: 5/11 frames (45 %), 2.0 frames/s, 0:03 left",
    ]


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
