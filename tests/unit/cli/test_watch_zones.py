"""Zones of a live source: told as they happen, and afterwards from the run the same again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.moving_boxes import HEIGHT, WIDTH, boxes_at
from tests.scenes import drawn_scene
from tests.unit.cli.conftest import CommandResult, Workplace, call
from tests.webhook_server import WebhookServer
from vseg.errors import BadConfig
from vseg.events.scene_event import EventStamp, SceneEvent, parse_event
from vseg.events.sinks.json_lines import JsonLinesSink
from vseg.pipelines.live import LiveFrame
from vseg.pipelines.zone_observer import ZoneObserver
from vseg.synthetic import SceneConfig, Trajectory, write_clip
from vseg.types import Frame, MaskCrop, VideoInfo

pytestmark = pytest.mark.integration
ZONES = """
[[zone]]
name = "left"
polygon = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
enter_s = 0.0
leave_s = 0.1
update_s = 0.4
loiter_s = 0.5
[[zone]]
name = "right"
polygon = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
rule = "share"
enter_s = 0.08
left_s = 0.4
[[line]]
name = "middle"
begin = [0.5, 1]
end = [0.5, 0]
[[near]]
name = "both"
distance = 0.5
[ground]
image = [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]
metres = [[0, 9], [9, 9], [9, 0], [0, 0]]
"""
SCENE = SceneConfig(
    96,
    160,
    40,
    seed=5,
    num_objects=2,
    occluders=0,
    camera_motion=0.0,
    trajectories=(
        Trajectory(((0, 0.2, 0.35), (30, 0.8, 0.35))),
        Trajectory(((0, 0.85, 0.7), (12, 0.85, 0.7), (38, 0.2, 0.7))),
    ),
)
"""One goes to the right; the other stands, and then goes to the left."""


@dataclass(frozen=True)
class Place:
    """What to watch, and how."""

    words: tuple[object, ...]
    zones: Path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crossing") / "clip.mp4"
    write_clip(drawn_scene(SCENE), path)
    return path


@pytest.fixture
def place(clip: Path, workplace: Workplace, tmp_path: Path) -> Place:
    zones = tmp_path / "zones.toml"
    zones.write_text(ZONES)
    labels = drawn_scene(SCENE).draw(0).labels
    words: list[object] = [
        "--label",
        "1=person:ann",
        "--config",
        workplace.config,
        "--no-drop",
    ]
    for number in (1, 2):
        box = MaskCrop.of(labels == number).xyxy
        words += ["--box", f"{number}:{','.join(map(str, box))}"]
    return Place(("watch", clip, *words), zones)


@pytest.fixture
def webhook() -> Iterator[WebhookServer]:
    one = WebhookServer()
    yield one
    one.shutdown()
    one.server_close()


def watched(place: Place, *more: object, frames: int = 40) -> CommandResult:
    return call(*place.words, "--frames", frames, "--zones", place.zones, *more)


def read(path: Path) -> list[SceneEvent]:
    return [parse_event(line) for line in path.read_text().splitlines()]


def apart_from_who_tells(events: list[SceneEvent]) -> list[SceneEvent]:
    """Without session and wall clock, which differ between watching and reading."""
    return [
        replace(
            event,
            key=event.key.split("/")[-1],
            time=None,
            corrects=tuple(key.split("/")[-1] for key in event.corrects),
        )
        for event in events
    ]


def test_a_run_tells_what_was_told_live(place: Place, tmp_path: Path) -> None:
    live, stored = tmp_path / "live.jsonl", tmp_path / "stored.jsonl"
    run = tmp_path / "run"
    answer = watched(place, "--events", live, "-o", run)
    assert answer.exit_code == 0, answer.stderr
    words = ("events", run, "--zones", place.zones, "-o", stored, "--camera", "camera")
    assert call(*words).exit_code == 0
    told = read(live)
    # Loitering and the like depend on how fast the images come.
    assert {event.kind for event in told} >= {"inside", "crossing"} and len(told) >= 6
    assert any(event.object and event.object.label == "person" for event in told)
    assert all(event.time for event in told)
    assert apart_from_who_tells(told) == apart_from_who_tells(read(stored))


def test_events_go_to_stdout_and_snapshots_to_a_folder(place: Place, tmp_path: Path) -> None:
    images = tmp_path / "images"
    answer = watched(place, "--events", "-", "--snapshots", images, frames=4)
    assert answer.exit_code == 0, answer.stderr
    lines = answer.stdout.splitlines()
    events = [parse_event(line) for line in lines if "kind" in json.loads(line)]
    assert len(lines) - len(events) == 4, "frames are told too"
    names = {event.snapshot for event in events if event.snapshot}
    assert names and names == {path.name for path in images.iterdir()}


def test_events_are_sent_to_a_webhook(
    place: Place, tmp_path: Path, webhook: WebhookServer
) -> None:
    spool = tmp_path / "spool"
    out = tmp_path / "events.jsonl"
    words = ("--events", out, "--webhook", webhook.address, "--webhook-spool", spool)
    answer = watched(place, *words, frames=4)
    assert answer.exit_code == 0, answer.stderr
    told = [parse_event(body) for _, body in webhook.taken]
    assert told == read(out) and told
    assert list(spool.iterdir()) == []


def test_zones_are_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "zones.toml"
    path.write_text(ZONES)
    told = tmp_path / "events.jsonl"
    notes: list[str] = []
    stamps = {"": EventStamp("camera", "test")}
    observer = ZoneObserver({"": path}, stamps, JsonLinesSink(told), {}, notes.append)
    observer.begin("", VideoInfo("clip", HEIGHT, WIDTH, None, None))
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)

    def show(index: int) -> None:
        masks = boxes_at(index, {1: (40, 60)})
        observer.frame(LiveFrame(Frame(index, None, index / 10, image), masks, ()))

    show(0)
    path.write_text("[[zone]]\nname = 'wrong'")
    with pytest.raises(BadConfig):
        observer.reload()
    show(1)
    path.write_text(ZONES.replace('name = "left"', 'name = "renamed"'))
    observer.reload()
    show(2)
    observer.close()
    observer.close()
    assert [(e.place, e.phase) for e in read(told) if e.kind == "inside"] == [
        ("left", "start"),
        ("left", "end"),
        ("renamed", "start"),
        ("renamed", "end"),
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--zones", "ZONES"], "--events"),
        (["--snapshots", "images"], "--zones"),
        (["--zones", "other=ZONES", "--events", "-"], "no camera is called other"),
        (["--zones", "none.toml", "--events", "-"], "none.toml"),
        (["--zones", "ZONES", "--mqtt", "http://here"], "mqtt"),
        (["--zones", "ZONES", "--webhook", "mqtt://here"], "http"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    place: Place, options: list[str], says: str
) -> None:
    words = [word.replace("ZONES", str(place.zones)) for word in options]
    answer = call(*place.words, *words)
    assert answer.exit_code == 2 and says in answer.stderr


def test_a_refused_command_begins_no_output(place: Place, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    clips = tmp_path / "clips"
    wrong = ("--snapshots", tmp_path / "images", "--events", events, "--record", clips)
    answer = call(*place.words, *wrong)
    assert answer.exit_code == 2 and "--zones" in answer.stderr
    assert not events.exists() and not clips.exists()


def test_clips_around_zones_need_nobody_who_is_told(place: Place, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    answer = watched(place, "--record", clips, frames=4)
    assert answer.exit_code == 0, answer.stderr
    assert len(list(clips.glob("*.mp4"))) == 1


def test_a_zone_that_makes_no_sense_ends_the_watching_by_name(
    place: Place,
) -> None:
    outside = "[[2, 0], [2.5, 0], [2.5, 1], [2, 1]]"
    place.zones.write_text(ZONES.replace("[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]", outside))
    answer = watched(place, "--events", "-", frames=3)
    assert answer.exit_code == 2 and "'left'" in answer.stderr
