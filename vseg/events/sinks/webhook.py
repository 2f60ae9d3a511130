"""Scene events to a web address, signed, in order, at least once.

Enters: events.  Leaves: POST requests with the event as JSON.  `Idempotency-Key` is the key of
the event; `Vseg-Signature: t=SECONDS,v1=HEX` is the HMAC-SHA256 of "SECONDS." and the body
under the secret that both sides know.  What is not taken waits on disk and is sent again after
a pause that doubles; an event that is refused for what it is (400, 413, 415, 422) is dropped,
and that is said.
"""

import base64
import hashlib
import hmac
import os
import random
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from vseg import __version__
from vseg.errors import BadEvent
from vseg.events.scene_event import SceneEvent, parse_event
from vseg.events.sinks.event_spool import EventSpool
from vseg.events.sinks.receiver import receiver_of

SECRET = "VSEG_WEBHOOK_SECRET"
"""The environment variable of the secret; without it requests are not signed."""

PASSWORD = "VSEG_WEBHOOK_PASSWORD"
"""The environment variable of a password that is not in the address."""

_TIMEOUT_S = 10.0
_CLOSE_S = 5.0
_PAUSES_S = (0.5, 30.0)
"""The first pause and the longest, as for a camera that is connected again."""

_HOPELESS = frozenset({400, 413, 415, 422})
"""Refusals of the event itself, which would be repeated."""


class WebhookSink:
    """Sends events on a thread of its own."""

    def __init__(self, address: str, spool: EventSpool, note: Callable[[str], None]) -> None:
        """address: http or https.

        note: is told when the receiver is away, is back, or refuses an event.  Raises
        UsageError for another address.
        """
        self._receiver = receiver_of(address, ("http", "https"), PASSWORD)
        self._secret = os.environ.get(SECRET, "").encode()
        self._spool = spool
        self._note = note
        self._opener = build_opener(_NoRedirect)
        self._changed = threading.Condition()
        self._closing_s: float | None = None
        self._away = False
        self._random = random.Random()  # the shared one belongs to the program
        self._thread = threading.Thread(target=self._deliver, name="vseg-webhook", daemon=True)
        self._thread.start()

    def send(self, event: SceneEvent) -> None:
        """Keep an event until it is delivered.  Raises OutputError if the disk takes none."""
        with self._changed:
            self._spool.add(event)
            self._changed.notify_all()

    def close(self) -> None:
        """Deliver what waits, for some seconds; the rest stays on disk for the next time."""
        with self._changed:
            self._closing_s = time.monotonic() + _CLOSE_S
            self._changed.notify_all()
        self._thread.join(_CLOSE_S + _TIMEOUT_S)
        with self._changed:
            left = len(self._spool)
        if left:
            self._note(f"{left} events for {self._receiver.shown} are sent the next time")

    def _deliver(self) -> None:
        pause_s = _PAUSES_S[0]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: len(self._spool) or self._closing_s is not None)
                waiting = self._spool.first()
                closing_s = self._closing_s
            if closing_s is not None and (waiting is None or time.monotonic() > closing_s):
                return
            if waiting is None:
                continue
            name, body = waiting
            why = self._post(body) if self._is_whole(name, body) else None
            if why is None:
                pause_s = _PAUSES_S[0]
                self._is_back()
                with self._changed:
                    self._spool.drop(name)
                continue
            self._is_away(why)
            with self._changed:
                # Not all at the same moment, after a receiver of many comes back.
                wait_s = pause_s * self._random.uniform(0.5, 1.0)
                self._changed.wait_for(lambda: self._closing_s is not None, wait_s)
                if self._closing_s is not None:
                    self._changed.wait(_PAUSES_S[0] / 5)
            pause_s = min(2 * pause_s, _PAUSES_S[1])

    def _is_whole(self, name: str, body: bytes) -> bool:
        """Whether a file holds an event; after a loss of power one may be empty."""
        try:
            parse_event(body)
        except BadEvent:
            self._note(f"{name} in the spool is no event: it is dropped")
            return False
        return True

    def _post(self, body: bytes) -> str | None:
        """Send an event; why it must be sent again, or None if it need not."""
        request = Request(self._receiver.url, body, self._headers(body), method="POST")
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S):
                return None
        except HTTPError as error:
            error.close()
            if error.code in _HOPELESS:
                self._note(
                    f"{self._receiver.shown} refuses an event with {error.code}: it is dropped"
                )
                return None
            return f"answers {error.code}"
        except (URLError, OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            return f"cannot be reached ({type(reason).__name__})"

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"vseg/{__version__}",
            "Idempotency-Key": parse_event(body).key,
        }
        if self._secret:
            headers["Vseg-Signature"] = signature(self._secret, body, int(time.time()))
        receiver = self._receiver
        if receiver.user is not None:
            pair = f"{receiver.user}:{receiver.password or ''}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers

    def _is_away(self, why: str) -> None:
        if not self._away:
            self._note(f"{self._receiver.shown} {why}; trying again")
        self._away = True

    def _is_back(self) -> None:
        if self._away:
            self._note(f"{self._receiver.shown} is back")
        self._away = False


def signature(secret: bytes, body: bytes, time_s: int) -> str:
    """What a receiver compares, after it has checked that the time is not long past."""
    signed = hmac.new(secret, f"{time_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={signed}"


class _NoRedirect(HTTPRedirectHandler):
    """An event goes where it was addressed to, or nowhere."""

    def redirect_request(self, *args: Any, **named: Any) -> None:
        return None
