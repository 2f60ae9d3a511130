"""Events at real brokers: QoS 1, retained counts, the last will, a broker that comes back."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.mqtt_brokers import Broker, broker_command
from vseg.errors import UsageError
from vseg.events.scene_event import EventObject, EventStamp, SceneEvent, parse_event
from vseg.events.sinks.event_sink import EventSink
from vseg.events.sinks.mqtt import MqttSink

pytestmark = pytest.mark.integration
ENTRY = SceneEvent(
    "inside",
    "start",
    time_s=2.0,
    frame=50,
    place="room",
    object=EventObject(1, "person"),
    count=1,
    counts={"person": 1},
)
CROSSING = SceneEvent(
    "crossing",
    "instant",
    time_s=3.0,
    frame=75,
    place="gate",
    direction="in",
    count=2,
    counts={"person": 2},
)


class Subscriber:
    """Keeps what it is told below vseg/."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, int, bool]] = []
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, m: self.messages.append(
            (m.topic, bytes(m.payload), m.qos, m.retain)
        )
        subscribed = threading.Event()
        self._client.on_connect = lambda c, *_: c.subscribe("vseg/#", 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(10)

    def of(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _, _ in self.messages if name == topic]

    def last(self, topic: str) -> Any:
        told = self.of(topic)
        return told[-1] if told else None

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    if broker_command(request.param) is None:
        pytest.skip(f"{request.param} is not installed; see tests/mqtt_brokers.py")
    one = Broker(request.param, tmp_path)
    yield one
    one.kill()


def until(done: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def test_events_counts_and_presence(broker: Broker) -> None:
    stamp = EventStamp("front", "test")
    sent = [stamp.on(ENTRY), stamp.on(CROSSING)]
    notes: list[str] = []
    subscriber = Subscriber(broker.port)
    sink = MqttSink(f"mqtt://127.0.0.1:{broker.port}", ["front"], notes.append)
    assert isinstance(sink, EventSink)
    for event in sent:
        sink.send(event)
    until(lambda: len(subscriber.of("vseg/front/events")) == 2)
    told = [parse_event(line) for line in subscriber.of("vseg/front/events")]
    assert told == sent
    assert {qos for topic, _, qos, _ in subscriber.messages if "events" in topic} == {1}
    until(lambda: subscriber.last("vseg/available") == b"online")
    subscriber.close()
    # Who comes later is told what holds, and not what has happened.
    late = Subscriber(broker.port)
    until(lambda: late.last("vseg/front/state") and late.last("vseg/available"))
    assert json.loads(late.last("vseg/front/state")) == {
        "room": {"count": 1, "counts": {"person": 1}},
        "gate": {"in": {"count": 2, "counts": {"person": 2}}},
    }
    assert late.of("vseg/front/events") == []
    assert all(retained for _, _, _, retained in late.messages)
    sink.close()
    until(lambda: late.last("vseg/available") == b"offline")
    late.close()
    assert notes == []


def test_a_broker_that_goes_and_comes_back_gets_every_event(broker: Broker) -> None:
    stamp = EventStamp("front", "test")
    notes: list[str] = []
    sink = MqttSink(f"mqtt://127.0.0.1:{broker.port}", ["front"], notes.append)
    before = Subscriber(broker.port)
    sink.send(stamp.on(ENTRY))
    until(lambda: before.of("vseg/front/events"))
    before.close()
    broker.kill()
    until(lambda: notes)
    missed = [stamp.on(ENTRY) for _ in range(20)]
    began = time.perf_counter()
    for event in missed:
        sink.send(event)
    assert time.perf_counter() - began < 1.0, "sending waits for nobody"
    broker.start()
    after = Subscriber(broker.port)
    keys = {event.key for event in missed}
    until(lambda: keys <= {parse_event(p).key for p in after.of("vseg/front/events")})
    until(lambda: after.last("vseg/available") == b"online")
    sink.close()
    after.close()
    assert len(notes) == 2 and "trying again" in notes[0] and "is back" in notes[1]


def test_the_last_will_of_a_killed_process(broker: Broker) -> None:
    subscriber = Subscriber(broker.port)
    watching = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time; from vseg.events.sinks.mqtt import MqttSink\n"
            f"MqttSink('mqtt://127.0.0.1:{broker.port}', [], print); time.sleep(60)",
        ]
    )
    until(lambda: subscriber.last("vseg/available") == b"online")
    watching.kill()
    watching.wait()
    until(lambda: subscriber.last("vseg/available") == b"offline")
    subscriber.close()


def test_a_broker_that_was_never_there_is_said_without_its_password() -> None:
    notes: list[str] = []
    sink = MqttSink("mqtt://me:pass-word@127.0.0.1:1/vseg", [], notes.append)
    sink.send(EventStamp("front", "test").on(ENTRY))
    until(lambda: notes)
    sink.close()
    assert "cannot be reached" in notes[0] and "pass-word" not in "".join(notes)
    assert "2 messages are lost" in notes[1], "an event, and the count it changes"


@pytest.mark.parametrize("address", ["http://127.0.0.1", "mqtt://127.0.0.1/a/+/b", "here"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        MqttSink(address, [], print)
