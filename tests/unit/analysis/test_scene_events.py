"""Zones of a stored run: the same events as live, a table, and counts over time."""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.moving_boxes import FPS, HEIGHT, WIDTH, Foot, boxes_at, walk
from tests.runs import header_of
from tests.unit.cli.conftest import call
from vseg.analysis.event_table import count_curves, event_rows
from vseg.analysis.scene_events import engine_of_run, events_of_run
from vseg.events.event_engine import EventEngine
from vseg.events.scene_event import EventStamp, SceneEvent, parse_event
from vseg.events.track_events import ObjectLabels
from vseg.events.zone_file import ZoneFile, read_zone_file
from vseg.io.mp4 import Mp4Writer
from vseg.results import Run, RunWriter
from vseg.results.fingerprint import fingerprint
from vseg.types import TrackEvent, VideoInfo

ZONES = """
unit = "pixels"
[[zone]]
name = "room"
polygon = [[40, 0], [120, 0], [120, 99], [40, 99]]
labels = ["person"]
loiter_s = 2
[[line]]
name = "gate"
begin = [80, 99]
end = [80, 20]
forward = "in"
backward = "out"
"""
HERE: list[Foot | None] = walk((10, 60), (150, 60), 60)
WAYS: dict[int, list[Foot | None]] = {
    1: HERE,
    2: [*HERE[::-1][:30], *[None] * 30],
    3: [*[None] * 30, *HERE[::-1][30:]],
}
TOLD = (
    TrackEvent(0, "created", 1, label="person"),
    TrackEvent(0, "created", 2, label="dog"),
    TrackEvent(12, "renamed", 2, label="person"),
    TrackEvent(30, "created", 3, label="person"),
    TrackEvent(50, "merged", 2, track_id=3),
)
INFO = VideoInfo("clip.mp4", HEIGHT, WIDTH, Fraction(FPS), len(HERE))


def feet_on(index: int) -> dict[int, Foot | None]:
    """Of object 3, nothing is left once it is known to be object 2."""
    feet = {i: way[index] for i, way in WAYS.items()}
    if index >= 50:
        feet[2] = feet.pop(3)
    return feet


def live_events(file: ZoneFile) -> list[SceneEvent]:
    """What is told frame by frame."""
    engine = EventEngine(file, HEIGHT, WIDTH, EventStamp("clip", "live", None))
    labels = ObjectLabels({})
    events = []
    for index in range(len(HERE)):
        repairs = labels.take(event for event in TOLD if event.frame == index)
        masks = boxes_at(index, feet_on(index))
        events += engine.update(masks, labels.by_id, repairs=repairs)
    return [*events, *engine.end()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("stored")
    clip = folder / "clip.mp4"
    with Mp4Writer(clip, HEIGHT, WIDTH, Fraction(FPS)) as film:
        for index in range(len(HERE)):
            film.write(np.full((HEIGHT, WIDTH, 3), 2 * index, dtype=np.uint8))
    header = header_of(INFO, source=fingerprint(clip))
    writer = RunWriter.create(folder / "run", header, [])
    for index in range(len(HERE)):
        writer.note([event for event in TOLD if event.frame == index])
        if writer.write(boxes_at(index, feet_on(index))):
            writer.commit()
    writer.finish(None)
    return Run(folder / "run")


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    path = tmp_path / "zones.toml"
    path.write_text(ZONES)
    return path


def without_session(events: list[SceneEvent]) -> list[str]:
    return [repr(event).replace(event.key.split("/")[1], "session") for event in events]


def test_a_run_tells_what_was_told_live(run: Run, zones: Path) -> None:
    file = read_zone_file(zones)
    engine = engine_of_run(run, file)
    stored = [event for _, here in events_of_run(run, engine) for event in here]
    live = live_events(file)
    assert without_session(stored) == without_session(live)
    assert {e.kind for e in stored} >= {"inside", "crossing", "loitering", "correction"}
    again = [e for _, here in events_of_run(run, engine_of_run(run, file)) for e in here]
    assert again == stored, "told again, events have the same keys"


def test_rows_count_what_is_left_after_corrections(zones: Path) -> None:
    events = live_events(read_zone_file(zones))
    rows = {(r.place, r.kind, r.direction): r for r in event_rows(events)}
    room = rows["room", "inside", None]
    # Object 1, and object 2 that was object 3 meanwhile.
    assert (room.count, room.most) == (2, 2)
    assert rows["gate", "crossing", "in"].count == 1
    assert rows["gate", "crossing", "out"].count == 1
    curves = {(c.place, c.direction): c.counts for c in count_curves(events)}
    assert curves["gate", "in"] == (1,)
    assert curves["room", None][-1] == 0


def test_the_command_writes_events_a_plot_and_snapshots(
    run: Run, zones: Path, tmp_path: Path
) -> None:
    out = tmp_path / "events.jsonl"
    page = tmp_path / "events.html"
    images = tmp_path / "snapshots"
    words = ("events", run.path, "--zones", zones, "-o", out, "--plot", page)
    answer = call(*words, "--snapshots", images, "--json")
    assert answer.exit_code == 0, answer.stderr
    told = [parse_event(line) for line in out.read_text().splitlines()]
    facts = json.loads(answer.stdout)
    assert facts["events"] == len(told) and {row["place"] for row in facts["rows"]} == {
        "room",
        "gate",
    }
    assert "<polyline" in page.read_text() and "<script" not in page.read_text()
    begun = next(event for event in told if event.snapshot)
    assert begun.snapshot is not None and begun.object is not None and begun.object.box
    image = cv2.imread(str(images / begun.snapshot), cv2.IMREAD_UNCHANGED)
    assert image is not None and image.shape[2] == 4
    assert int((image[..., 3] == 255).sum()) == begun.object.area
    assert abs(int(image[..., 0].mean()) - 2 * begun.frame) <= 3, "an image of that frame"
    again = call(*words)
    assert again.exit_code != 0 and "--overwrite" in again.stderr
    svg = call("events", run.path, "--zones", zones, "--plot", tmp_path / "counts.svg")
    assert svg.exit_code == 0 and "room" in svg.stdout


def test_the_zones_of_the_run_are_those_beside_it(run: Run, zones: Path) -> None:
    answer = call("events", run.path)
    assert answer.exit_code == 2 and "vseg annotate" in answer.stderr
    own = run.path / "zones.toml"
    own.write_bytes(zones.read_bytes())
    try:
        told = call("events", run.path).stdout
    finally:
        own.unlink()
    assert told == call("events", run.path, "--zones", zones).stdout


def test_counts_of_a_run_that_was_detected_on_too_seldom_are_doubted(
    zones: Path, tmp_path: Path
) -> None:
    """Object 1 is in view for 10 frames, and detections were 30 apart."""
    header = header_of(INFO).model_copy(update={"options": {"redetection.detect_every": 30}})
    writer = RunWriter.create(tmp_path / "run", header, [])
    for index in range(len(HERE)):
        writer.write(boxes_at(index, {1: HERE[index] if 20 <= index < 30 else None}))
    writer.finish(None)
    answer = call("events", tmp_path / "run", "--zones", zones)
    assert answer.exit_code == 0, answer.stderr
    assert "warning: 1 of 1 object was in view for less than the 30 frames" in answer.stderr
    assert "--detect-every 5 finds more" in answer.stderr


def test_zones_that_count_what_no_object_is_called_are_named(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(
        ZONES.replace('["person"]', '["car", "bus"]')
        + "labels = ['truck']\n[[near]]\nname = 'pair'\nothers = ['cat']\ndistance = 1\n"
    )
    answer = call("events", run.path, "--zones", other)
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout.startswith("no events")
    told = [line for line in answer.stderr.splitlines() if line.startswith("warning: ")]
    assert [line.split("'")[1] for line in told] == ["room", "gate", "pair"]
    assert "counts car and bus only" in told[0] and "--rename OBJ=car" in told[0]


def test_what_cannot_be_judged_is_refused(run: Run, zones: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(ZONES.replace("[120, 0], [120, 99]", "[120, 99], [120, 0]"))
    answer = call("events", run.path, "--zones", wrong)
    assert answer.exit_code == 2 and "'room' crosses itself" in answer.stderr
    missing = call("events", run.path, "--zones", tmp_path / "none.toml")
    assert missing.exit_code == 2 and "none.toml" in missing.stderr
    plot = call("events", run.path, "--zones", zones, "--plot", tmp_path / "counts.pdf")
    assert plot.exit_code == 2 and ".svg" in plot.stderr


def test_zones_are_drawn_where_they_are(run: Run, zones: Path, tmp_path: Path) -> None:
    out = tmp_path / "frame.png"
    answer = call("frame", run.path, "5", "-o", out, "--zones", zones)
    assert answer.exit_code == 0, answer.stderr
    plain = call("frame", run.path, "5", "-o", tmp_path / "plain.png")
    assert plain.exit_code == 0
    drawn = np.asarray(Image.open(out)).astype(int)
    before = np.asarray(Image.open(tmp_path / "plain.png")).astype(int)
    changed = np.abs(drawn - before).max(axis=2) > 60
    assert changed[50, 38:43].any() and changed[50, 118:123].any(), "the edges of the room"
    assert changed[40:80, 80].all() and not changed[50:58, 45:70].any()
    # From (80, 99) up to (80, 20), forward is to the right: there the arrow ends.
    assert changed[59, 83:86].all() and not changed[59, 70:77].any()
