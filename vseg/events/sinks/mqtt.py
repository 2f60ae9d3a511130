"""Scene events to an MQTT broker.

Enters: events.  Leaves, below a prefix: `CAMERA/events`, each event as JSON, QoS 1;
`CAMERA/state`, how many are in each zone and have crossed each line, retained; `available`,
"online" or, by the last will, "offline", retained.  A broker that is away gets the events once
it is back, up to a bound: paho keeps and sends again what was not acknowledged.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from vseg.errors import ExtraMissing, ServiceError, UsageError
from vseg.events.scene_event import SceneEvent, event_json
from vseg.events.sinks.receiver import receiver_of

PASSWORD = "VSEG_MQTT_PASSWORD"
"""The environment variable of a password that is not in the address."""

MOST_WAITING = 5000
"""Events that wait for a broker, in memory: an event is about 600 bytes, so 3 MB."""

_CLOSE_S = 5.0
_POLL_S = 0.01
_RETRY_S = (1, 30)
_KEEP_ALIVE_S = 30
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class MqttSink:
    """Publishes events; itself connects, and connects again, on a thread of its own."""

    def __init__(
        self, address: str, cameras: Sequence[str], note: Callable[[str], None]
    ) -> None:
        """address: mqtt://USER:PASSWORD@HOST:PORT/PREFIX, or mqtts.  cameras: whose counts
        begin at nothing.  note: is told when the broker is away, and when it is back.

        Raises UsageError for another address, ExtraMissing without paho-mqtt.
        """
        if find_spec("paho") is None:
            raise ExtraMissing(
                "the package paho-mqtt is not installed", hint="pip install 'vseg[mqtt]'"
            )
        self._receiver = receiver_of(address, _PORTS, PASSWORD)
        self._prefix = self._receiver.path.strip("/") or "vseg"
        if set(self._prefix) & set("+#\0"):
            raise UsageError(
                f"the prefix {self._prefix!r} is no topic of MQTT", hint="leave out + and #"
            )
        self._note = note
        self._away = False
        self._closing = False
        self._sent = 0
        self._acknowledged = 0
        self._lock = threading.Lock()
        self._state: dict[str, dict[str, Any]] = {camera: {} for camera in cameras}
        self._client = self._new_client()
        self._client.connect_async(
            self._receiver.host,
            self._receiver.port or _PORTS[self._receiver.scheme],
            _KEEP_ALIVE_S,
        )
        # Its thread calls back at once: everything above is there already.
        self._client.loop_start()

    def send(self, event: SceneEvent) -> None:
        """Publish an event, or keep it until the broker is back.  Raises ServiceError if there
        are too many of those.
        """
        published = self._publish(f"{event.camera}/events", event_json(event), retain=False)
        if event.place is not None and event.count is not None:
            with self._lock:
                state = self._state.setdefault(event.camera, {})
                _note_count(state, event)
                text = json.dumps(state)
            self._publish(f"{event.camera}/state", text, retain=True)
        if not published:
            raise ServiceError(
                f"{self._receiver.shown} takes no events, and {MOST_WAITING} wait already",
                hint="start the broker, or check the address",
            )

    def close(self) -> None:
        """Say that nobody watches any more, once what waits was delivered."""
        self._closing = True
        if self._client.is_connected():
            self._publish("available", "offline", retain=True)
            end_s = time.monotonic() + _CLOSE_S
            while self._sent > self._acknowledged and time.monotonic() < end_s:
                time.sleep(_POLL_S)
        self._client.disconnect()
        self._client.loop_stop()
        if self._sent > self._acknowledged:
            lost = self._sent - self._acknowledged
            self._note(f"{self._receiver.shown} is away: {lost} messages are lost")

    def _new_client(self) -> Any:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        receiver = self._receiver
        name = f"vseg-{secrets.token_hex(6)}"
        client = Client(CallbackAPIVersion.VERSION2, client_id=name)
        if receiver.user is not None:
            client.username_pw_set(receiver.user, receiver.password)
        if receiver.scheme == "mqtts":
            client.tls_set()
        client.will_set(f"{self._prefix}/available", "offline", 1, retain=True)
        client.max_queued_messages_set(MOST_WAITING)
        client.reconnect_delay_set(*_RETRY_S)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_connect_fail = lambda *_: self._is_away("cannot be reached")
        client.on_disconnect = lambda *_: self._is_away("is away")
        return client

    def _on_connect(self, _client: Any, _user: Any, _flags: Any, reason: Any, *_: Any) -> None:
        if reason.is_failure:
            self._is_away(f"refuses the connection: {reason}")
            return
        if self._away:
            self._note(f"{self._receiver.shown} is back")
        self._away = False
        self._publish("available", "online", retain=True)
        with self._lock:
            known = {camera: json.dumps(state) for camera, state in self._state.items()}
        for camera, text in known.items():
            self._publish(f"{camera}/state", text, retain=True)

    def _is_away(self, why: str) -> None:
        if not (self._away or self._closing):
            self._note(f"{self._receiver.shown} {why}; trying again")
        self._away = True

    def _publish(self, topic: str, text: str, *, retain: bool) -> bool:
        """Whether paho took it: also what it cannot send now, up to the bound."""
        from paho.mqtt.enums import MQTTErrorCode

        sent = self._client.publish(f"{self._prefix}/{topic}", text, 1, retain=retain)
        taken = sent.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        with self._lock:
            self._sent += taken
        return bool(taken)

    def _on_publish(self, *_: Any) -> None:
        with self._lock:
            self._acknowledged += 1


def _note_count(state: dict[str, Any], event: SceneEvent) -> None:
    """Put the count of an event into the state: of a zone itself, of a line by direction."""
    assert event.place is not None, "asked before"
    count = {"count": event.count, "counts": event.counts or {}}
    if event.direction is None:
        if event.counts is not None or event.place not in state:
            state[event.place] = count
    else:
        state.setdefault(event.place, {})[event.direction] = count
