"""Events to a real server: signed, in order, sent again, bounded, in nobody's way."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhook_server import WebhookServer
from vseg.errors import OutputError, UsageError
from vseg.events.scene_event import EventStamp, SceneEvent, parse_event
from vseg.events.sinks.event_sink import EventSink
from vseg.events.sinks.event_spool import EventSpool
from vseg.events.sinks.webhook import SECRET, WebhookSink

EVENT = SceneEvent("crossing", "instant", time_s=2.0, frame=50, place="gate", count=1)


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    one = WebhookServer()
    yield one
    one.shutdown()
    one.server_close()


@pytest.fixture
def stamped() -> list[SceneEvent]:
    stamp = EventStamp("gate", "test")
    return [stamp.on(EVENT) for _ in range(6)]


def until(done: object, seconds: float = 15.0) -> None:
    assert callable(done)
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def test_events_come_in_order_and_signed(
    server: WebhookServer,
    stamped: list[SceneEvent],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SECRET, "shared")
    notes: list[str] = []
    sink = WebhookSink(server.address, EventSpool(tmp_path / "spool"), notes.append)
    assert isinstance(sink, EventSink)
    for event in stamped:
        sink.send(event)
    sink.close()
    assert server.keys() == [event.key for event in stamped]
    headers, body = server.taken[0]
    assert headers["Idempotency-Key"] == stamped[0].key
    moment, digest = (part.split("=")[1] for part in headers["Vseg-Signature"].split(","))
    wanted = hmac.new(b"shared", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, wanted) and abs(time.time() - int(moment)) < 60
    assert notes == [] and list((tmp_path / "spool").iterdir()) == []


def test_what_is_not_taken_is_sent_again_and_said_once(
    server: WebhookServer, stamped: list[SceneEvent], tmp_path: Path
) -> None:
    server.answers = [503, 302]
    notes: list[str] = []
    sink = WebhookSink(server.address, EventSpool(tmp_path), notes.append)
    for event in stamped:
        sink.send(event)
    until(lambda: len(server.taken) == len(stamped))
    sink.close()
    assert server.keys() == [event.key for event in stamped]
    assert len(notes) == 2 and "503" in notes[0] and "is back" in notes[1]
    assert "secret-in-the-path" not in "".join(notes)


def test_an_event_that_is_refused_for_what_it_is_does_not_stop_the_others(
    server: WebhookServer, stamped: list[SceneEvent], tmp_path: Path
) -> None:
    server.answers = [422]
    notes: list[str] = []
    sink = WebhookSink(server.address, EventSpool(tmp_path), notes.append)
    for event in stamped:
        sink.send(event)
    sink.close()
    assert server.keys() == [event.key for event in stamped[1:]]
    assert len(notes) == 1 and "dropped" in notes[0]


def test_a_receiver_that_is_away_gets_the_events_from_the_next_process(
    stamped: list[SceneEvent], tmp_path: Path
) -> None:
    gone = WebhookServer()
    port = gone.server_port
    gone.shutdown()
    gone.server_close()
    notes: list[str] = []
    sink = WebhookSink(f"http://127.0.0.1:{port}/", EventSpool(tmp_path), notes.append)
    began = time.perf_counter()
    for event in stamped:
        sink.send(event)
    assert time.perf_counter() - began < 1.0, "sending waits for nobody"
    until(lambda: notes)
    sink.close()
    assert "cannot be reached" in notes[0] and "6 events" in notes[-1]
    back = WebhookServer(port)
    again = WebhookSink(f"http://127.0.0.1:{port}/", EventSpool(tmp_path), notes.append)
    until(lambda: len(back.taken) == len(stamped))
    again.close()
    assert back.keys() == [event.key for event in stamped]
    back.shutdown()
    back.server_close()


def test_a_file_that_is_no_event_does_not_stop_the_others(
    server: WebhookServer, stamped: list[SceneEvent], tmp_path: Path
) -> None:
    (tmp_path / "0000.event.json").write_bytes(b"")
    notes: list[str] = []
    sink = WebhookSink(server.address, EventSpool(tmp_path), notes.append)
    sink.send(stamped[0])
    sink.close()
    assert server.keys() == [stamped[0].key]
    assert len(notes) == 1 and "no event" in notes[0] and list(tmp_path.iterdir()) == []


def test_the_spool_is_bounded_and_says_what_it_drops(
    stamped: list[SceneEvent], tmp_path: Path
) -> None:
    spool = EventSpool(tmp_path, most=4)
    for event in stamped:
        spool.add(event)
    left = [parse_event(path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    assert len(left) == len(spool) == 4
    assert [event.kind for event in left].count("degraded") == 1
    assert left[-1].key == stamped[-1].key
    said = next(event for event in left if event.kind == "degraded")
    assert said.camera == "gate" and said.key not in {event.key for event in stamped}


def test_a_spool_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        EventSpool(tmp_path / "file" / "spool")


@pytest.mark.parametrize(
    "address", ["ftp://user:pass-word@host/", "host", "http://", "http://h:99999/"]
)
def test_another_address_is_refused_without_its_password(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        WebhookSink(address, EventSpool(tmp_path), print)
    assert "pass-word" not in json.dumps(str(refused.value))
