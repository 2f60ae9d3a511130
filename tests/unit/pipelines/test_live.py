"""Live tracking over gaps and of several cameras: who is kept, and whose turn it is."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.scenes import two_objects
from vseg.config import TrackConfig
from vseg.errors import UsageError
from vseg.events.scene_event import EventStamp, SceneEvent
from vseg.interfaces.live_source import ConnectionChange, LiveSource
from vseg.interfaces.model import Model
from vseg.pipelines.gap_events import GapEvents
from vseg.pipelines.live import LiveChange, LiveFrame, LiveTracker
from vseg.pipelines.live_cameras import LiveTask, watch
from vseg.pipelines.live_status import LiveStatus, prometheus_text
from vseg.server.status_endpoint import StatusEndpoint
from vseg.synthetic import SyntheticVideo
from vseg.tensors import Features
from vseg.types import Box, Frame, MaskCrop, Prompt, Timecode
from vseg.video.image_iterator import ImageIterator
from vseg.video.playback import Playback

pytestmark = pytest.mark.integration

SMALL = TrackConfig(short_side=96)


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    return two_objects(12)


def boxes(scene: SyntheticVideo) -> tuple[Prompt, ...]:
    """The two objects, by their boxes on the first frame."""
    labels = scene.draw(4).labels
    crops = {i: MaskCrop.of(labels == i) for i in (1, 2)}
    return tuple(Prompt(i, Timecode(frame=0), Box(*c.xyxy)) for i, c in crops.items())


def over_a_gap(
    scene: SyntheticVideo, prompts: tuple[Prompt, ...], model: Model, max_gap_s: float
) -> list[LiveFrame]:
    """Frames 4 to 9 of the scene, five seconds without any between 6 and 7."""
    tracked: list[LiveFrame] = []
    with LiveTracker("", prompts, SMALL, model, max_gap_s=max_gap_s) as tracker:
        for index in range(6):
            gap_s = 5.0 if index >= 3 else 0.0
            image = scene.read(index + 4).image
            frame = Frame(index, None, index / 10 + gap_s, image)
            tracked += tracker.step(frame, 1 + (index >= 3))
        tracked += tracker.end()
    return tracked


def kinds(live: LiveFrame) -> list[tuple[str, int | None]]:
    return [(event.kind, event.object_id) for event in live.events]


def test_prompted_objects_are_recognised_after_any_gap(
    scene: SyntheticVideo, model: Model
) -> None:
    for max_gap_s in (60.0, 1.0):
        tracked = over_a_gap(scene, boxes(scene), model, max_gap_s)
        assert [live.gap_s is None for live in tracked] == [True] * 3 + [False] + [True] * 2
        assert tracked[3].gap_s == pytest.approx(5.1)
        assert {("lost", 1), ("lost", 2)} <= set(kinds(tracked[3]))
        came_back = [kind for live in tracked[3:] for kind in kinds(live)]
        assert ("recovered", 1) in came_back and ("recovered", 2) in came_back
        assert tracked[-1].masks.object_ids == (1, 2)


def test_detected_objects_are_kept_over_a_short_gap_only(
    scene: SyntheticVideo, model: Model
) -> None:
    short = over_a_gap(scene, (), model, 60.0)
    before = set(short[2].masks.object_ids)
    assert before and before <= set(short[3].masks.object_ids)
    assert all(kind != "removed" for kind, _ in kinds(short[3]))
    back = {i for live in short[3:] for kind, i in kinds(live) if kind == "recovered"}
    assert back & before
    long = over_a_gap(scene, (), model, 1.0)
    assert set(long[2].masks.object_ids) == before
    assert {i for kind, i in kinds(long[3]) if kind == "removed"} == before
    new = {i for kind, i in kinds(long[3]) if kind == "created" and i is not None}
    assert new and min(new) > max(before)  # an id is never used again
    assert set(long[3].masks.object_ids) == new


def images(scene: SyntheticVideo, count: int) -> Iterator[np.ndarray]:
    return (scene.read(4 + index % 6).image for index in range(count))


def cameras(scene: SyntheticVideo, news: threading.Event) -> dict[str, LiveSource]:
    """Two from which every image is there at once."""
    counts = {"a": 9, "b": 4}
    sources: dict[str, LiveSource] = {}
    for name, count in counts.items():
        many = ImageIterator(images(scene, count))
        sources[name] = Playback(many, name, drop=False, news=news)
        while sources[name].counts().arrived < count:
            time.sleep(0.01)
    return sources


def test_cameras_take_turns(scene: SyntheticVideo, model: Model) -> None:
    news = threading.Event()
    sources = cameras(scene, news)
    status = LiveStatus(sources)
    shown: list[str] = []
    for item in watch(sources, LiveTask((), SMALL), model, news):
        assert isinstance(item, LiveFrame)
        status.begin(item.camera, sources[item.camera].info)
        status.frame(item)
        shown.append(item.camera)
    assert shown == ["a", "b"] * 4 + ["a"] * 5
    camera = status.report()["cameras"]["a"]
    assert (camera["frames_in"], camera["frames_done"], camera["dropped"]) == (9, 9, 0)
    assert 0 <= camera["age_p50_s"] <= camera["age_p95_s"]


def test_frames_of_a_turn_can_be_encoded_together(
    scene: SyntheticVideo, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    encode = model.encode

    def counted(frames: Sequence[Frame]) -> list[Features]:
        batches.append(len(frames))
        return encode(frames)

    monkeypatch.setattr(model, "encode", counted)
    shown = {}
    for together in (1, 2):
        news = threading.Event()
        sources = cameras(scene, news)
        task = LiveTask((), SMALL, together=together)
        items = watch(sources, task, model, news)
        shown[together] = [live.masks for live in items if isinstance(live, LiveFrame)]
        assert max(batches) == together
    for one, both in zip(shown[1], shown[2], strict=True):
        assert one.object_ids == both.object_ids
        for object_id in one:
            # Sums of a batch are in another order.
            assert (one[object_id] ^ both[object_id]).mean() < 0.01


def test_a_place_is_one_cameras(scene: SyntheticVideo, model: Model) -> None:
    news = threading.Event()
    sources = cameras(scene, news)
    with pytest.raises(UsageError, match="on one camera"):
        next(watch(sources, LiveTask(boxes(scene), SMALL), model, news))
    for source in sources.values():
        source.close()


def test_the_loop_ends_while_there_are_no_frames(scene: SyntheticVideo, model: Model) -> None:
    news = threading.Event()
    wait = threading.Event()

    def forever() -> Iterator[np.ndarray]:
        yield scene.read(4).image
        wait.wait(60)

    source = Playback(ImageIterator(forever()), "one", news=news)
    asked = iter([False] * 5 + [True] * 9)
    begun_s = time.monotonic()
    shown = list(watch({"": source}, LiveTask((), SMALL, stop=asked.__next__), model, news))
    assert len(shown) == 1 and time.monotonic() - begun_s < 30
    wait.set()
    source.close()


def get(port: int, page: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_status_port(scene: SyntheticVideo) -> None:
    source = Playback(ImageIterator(images(scene, 2)), 'a "door"')
    status = LiveStatus({'a "door"': source})
    well = [True]
    with StatusEndpoint(
        "127.0.0.1:0", status.report, prometheus_text, lambda report: well[0]
    ) as endpoint:
        down = ConnectionChange("down", 1, 2.0, "the stream ended")
        status.change(LiveChange(down, 'a "door"', 3))
        _, kind, text = get(endpoint.port, "/status")
        camera = json.loads(text)["cameras"]['a "door"']
        assert kind == "application/json"
        assert (camera["up"], camera["state"], camera["reason"]) == (0, "down", down.reason)
        assert camera["age_p50_s"] is None
        _, kind, text = get(endpoint.port, "/metrics?x")
        assert kind.startswith("text/plain; version=0.0.4")
        assert 'vseg_camera_up{camera="a \\"door\\""} 0\n' in text
        assert text.count("# TYPE vseg_camera_reconnects_total counter\n") == 1
        assert get(endpoint.port, "/healthz")[0] == 200
        well[0] = False
        assert get(endpoint.port, "/healthz")[0] == 503
        assert get(endpoint.port, "/secrets")[0] == 404
        with pytest.raises(UsageError, match="cannot listen there"):
            StatusEndpoint(f"127.0.0.1:{endpoint.port}", dict, str, bool)
    with pytest.raises(UsageError, match="no HOST:PORT"):
        StatusEndpoint("door", dict, str, bool)
    source.close()


class EventList:
    """A sink that keeps what it is sent."""

    def __init__(self) -> None:
        self.events: list[SceneEvent] = []

    def send(self, event: SceneEvent) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass


def test_gaps_are_events(tmp_path: Path) -> None:
    heard = EventList()
    said: list[str] = []
    gaps = GapEvents({"a": EventStamp("a", "s")}, heard, said.append)
    up = ConnectionChange("up", 1, 0.0)
    down = ConnectionChange("down", 1, 7.0, "the stream ended")
    back = ConnectionChange("up", 2, 19.5, gap_s=13.0, size=(64, 48))
    for change, frame, kept in ((up, 0, True), (down, 6, True), (back, 7, False)):
        gaps.change(LiveChange(change, "a", frame, kept))
    first, last = heard.events
    assert (first.kind, first.phase, first.frame, first.detail) == (
        "gap",
        "start",
        6,
        "the stream ended",
    )
    assert (last.phase, last.seconds, last.begin_s) == ("end", 13.0, 6.5)
    assert last.detail is not None and "64x48" in last.detail and "forgotten" in last.detail
    assert said[0] == "a: no images: the stream ended; connecting again"
    assert said[1].startswith("a: back after 13.0 s")


def test_a_camera_that_was_away_from_the_start_is_not_said_to_be_back() -> None:
    said: list[str] = []
    gaps = GapEvents({"a": EventStamp("a", "s")}, EventList(), said.append)
    away = ConnectionChange("down", 0, 0.0, "connection refused")
    first = ConnectionChange("up", 1, 0.01)
    for change in (away, first):
        gaps.change(LiveChange(change, "a", 0, True))
    assert said == ["a: no images: connection refused; connecting again", "a: its first image"]
