"""Clips around events: what they show, what they weigh, and what happens without room."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.clips import paint, painted
from vseg.errors import OutputError
from vseg.events.scene_event import SceneEvent
from vseg.frame_masks import FrameMasks
from vseg.interfaces.live_source import ConnectionChange
from vseg.io.unfinished import unfinished
from vseg.pipelines.clip_folder import ClipFolder, ClipLimits
from vseg.pipelines.clip_recorder import ClipRecorder, RecordingSink, RecordSettings
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.pipelines.live_observer import LiveObservers
from vseg.pipelines.pre_roll import PreRoll
from vseg.types import Frame, TrackEvent, VideoInfo
from vseg.video.image_iterator import ImageIterator
from vseg.video.playback import Playback

ROOMY = ClipLimits(10**9, 7.0, reserve_bytes=0)
INFO = VideoInfo("a", 64, 96, Fraction(10), None)


class NoSink:
    """Nobody is told."""

    def send(self, event: SceneEvent) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def live(number: int, *events: TrackEvent, gap_s: float | None = None) -> LiveFrame:
    """Frame `number` of a camera with ten frames a second."""
    frame = Frame(number, None, number / 10, paint(number))
    return LiveFrame(frame, FrameMasks.empty(frame), events, "a", gap_s)


def happens(number: int) -> SceneEvent:
    return SceneEvent("crossing", "instant", number / 10, number, camera="a")


class Recorded:
    """A recorder that keeps half a second before and after, and what it says."""

    def __init__(
        self, folder: Path, limits: ClipLimits = ROOMY, *, objects: bool = False
    ) -> None:
        self.folder = folder
        self.said: list[str] = []
        settings = RecordSettings(roll_s=0.5, objects=objects)
        self.recorder = ClipRecorder(ClipFolder(folder, limits), settings, self.said.append)
        self.recorder.begin("a", INFO)
        self._sink = RecordingSink(NoSink(), self.recorder, {})

    def show(self, numbers: range, *when: int) -> None:
        """Frames, and an event on some of them."""
        for number in numbers:
            if number in when:
                self._sink.send(happens(number))
            self.recorder.frame(live(number))

    def clips(self) -> Iterator[tuple[list[int], list[float]]]:
        """The numbers painted into each clip's frames, and their times."""
        for path in sorted(self.folder.glob("*.mp4"), key=lambda clip: clip.stem):
            with av.open(str(path)) as clip:
                images = [*clip.decode(video=0)]
                numbers = [painted(image.to_ndarray(format="rgb24")) for image in images]
                yield numbers, [float(image.time or 0.0) for image in images]


def test_a_clip_shows_what_was_before_and_after(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "clips")
    recorded.show(range(40), 12, 15)
    recorded.show(range(40, 60), 50)
    recorded.recorder.close()
    first, second = recorded.clips()
    assert first[0] == list(range(7, 21))
    np.testing.assert_allclose(first[1], np.arange(14) / 10, atol=1e-3)
    assert second[0] == list(range(45, 56))
    assert recorded.said == []


def test_gaps_end_clips_and_are_not_shown(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.show(range(10), 8)
    down = ConnectionChange("down", 1, 1.0, "the stream ended")
    recorded.recorder.change(LiveChange(down, "a", 9))
    sent = RecordingSink(NoSink(), recorded.recorder, {})
    sent.send(SceneEvent("gap", "start", 1.0, 9, camera="a"))
    for number in range(30, 34):
        recorded.recorder.frame(live(number, gap_s=2.0 if number == 30 else None))
    recorded.show(range(34, 36), 34)
    recorded.recorder.close()
    assert [numbers for numbers, _ in recorded.clips()] == [
        list(range(4, 10)),  # 0.3 is less than 0.8 - 0.5 in binary
        list(range(30, 36)),
    ]


def test_without_zones_an_object_that_comes_is_recorded(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, objects=True)
    recorded.recorder.frame(live(0, TrackEvent(0, "cut")))
    recorded.recorder.frame(live(1, TrackEvent(1, "created", 1)))
    recorded.recorder.close()
    assert [numbers for numbers, _ in recorded.clips()] == [[0, 1]]


class Judge:
    """An observer for whom something happens on frame 0."""

    def __init__(self, sink: RecordingSink) -> None:
        self._sink = sink

    def begin(self, camera: str, info: VideoInfo) -> None:
        """Nothing."""

    def frame(self, live: LiveFrame) -> None:
        """Tell."""
        if live.frame.index == 0:
            self._sink.send(happens(0))

    def change(self, change: LiveChange) -> None:
        """Nothing."""

    def reload(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def test_what_happens_on_the_first_frame_is_recorded(tmp_path: Path) -> None:
    settings = RecordSettings(roll_s=0.5, objects=False)
    recorder = ClipRecorder(ClipFolder(tmp_path, ROOMY), settings, print)
    judge = Judge(RecordingSink(NoSink(), recorder, {}))
    images = [paint(number) for number in range(3)]
    with Playback(ImageIterator(images), "a", drop=False) as camera:
        told = LiveObservers([judge, recorder], {"a": camera})
        for number in range(3):
            told.tell(live(number))
        told.close()
    assert len(list(tmp_path.glob("*.mp4"))) == 1


def test_a_clip_plays_as_its_camera_shows_it(tmp_path: Path) -> None:
    recorder = ClipRecorder(ClipFolder(tmp_path, ROOMY), RecordSettings(0.5, True), print)
    recorder.begin("a", replace(INFO, pixel_aspect=Fraction(4, 3)))
    recorder.frame(live(1, TrackEvent(1, "created", 1)))
    recorder.close()
    (path,) = tmp_path.glob("*.mp4")
    with av.open(str(path)) as clip:
        assert clip.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_without_room_recording_stops_and_says_so_once(tmp_path: Path) -> None:
    full = ClipLimits(10**9, 7.0, reserve_bytes=2**62)
    recorded = Recorded(tmp_path, full)
    recorded.show(range(40), 5, 15, 25)
    recorded.recorder.close()
    assert list(tmp_path.iterdir()) == []
    (said,) = recorded.said
    assert "recording stops, everything else goes on" in said and "MiB are left" in said


def test_a_folder_that_goes_away_stops_the_recording_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "clips"
    recorded = Recorded(folder)
    folder.rmdir()
    folder.write_text("in the way")
    recorded.show(range(12), 5)
    assert len(recorded.said) == 1
    folder.unlink()
    monkeypatch.setattr("vseg.pipelines.clip_recorder.RETRY_S", 0.0)
    folder.mkdir()
    recorded.show(range(12, 24), 15)
    recorded.recorder.close()
    assert [numbers for numbers, _ in recorded.clips()] == [list(range(10, 21))]
    assert recorded.said[1:] == ["clips are recorded again"]


def test_old_and_superfluous_clips_are_removed_and_nothing_else(tmp_path: Path) -> None:
    now_s = time.time()
    ages = {
        "a-20260101T000000Z.mp4": 10.0,
        "b-20260102T000000Z.mp4": 3.0,
        "a-20260103T000000Z-2.mp4": 2.0,
        ".a-20260103T000009Z.mp4.1-2-0123abcd.part": 1.5,
        "a-20260104T000000Z.mp4": 1.0,
        unfinished(tmp_path / "a-20260105T000000Z.mp4").name: 9.0,
        "holiday.mp4": 99.0,
    }
    for name, days in ages.items():
        path = tmp_path / name
        path.write_bytes(bytes(1000))
        os.utime(path, (now_s - days * 86400,) * 2)
    folder = ClipFolder(tmp_path, ClipLimits(most_bytes=2000, most_days=7.0, reserve_bytes=0))
    folder.make_room()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == set(list(ages)[3:])
    moment = datetime(2026, 1, 4, tzinfo=UTC)
    assert folder.new_path("a", moment).name == "a-20260104T000000Z-2.mp4"
    with pytest.raises(OutputError, match="cannot write clips to"):
        ClipFolder(tmp_path / "holiday.mp4", ROOMY)


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    held = PreRoll(5.0)
    for number in range(100):
        held.add(Frame(number, None, number / 10, noise))
    assert held.drain(9.9)[0].time_s == pytest.approx(4.9)
    monkeypatch.setattr("vseg.pipelines.pre_roll.MOST_BYTES", 30_000)
    for number in range(100):
        held.add(Frame(number, None, number / 10, noise))
    few = held.drain(9.9)
    assert 1 < len(few) < 10 and sum(len(one.jpeg) for one in few) <= 30_000
    assert few[0].image().shape == (64, 96, 3)
