"""A camera or a network stream in; the newest frame out, for as long as there is one.

A process of its own reads each connection (`live_connection`).  When that ends, or gives no
image for a while, the source is connected again (`reconnection`) and `generation` counts up:
what it gives then may have another size, rate or codec.  Images of another size than the first
are scaled to it.
"""

import threading
import time
from dataclasses import dataclass

from vseg.errors import BadVideo, DamagedVideo
from vseg.interfaces.live_source import ConnectionChange, LiveCounts
from vseg.types import VideoInfo
from vseg.video.address import RtspTransport, redact
from vseg.video.capture import check_address
from vseg.video.connection_log import ConnectionLog
from vseg.video.live_connection import Connection
from vseg.video.live_frames import LiveFrames, LiveImage
from vseg.video.live_messages import ConnectionEnd, ReaderOrder
from vseg.video.reconnection import LEAST_S, Reconnection

SILENCE_S = 10.0
"""Without an image for so long a source counts as lost.  A round value, longer than cameras
pause to set their exposure."""


# An image that is there comes within milliseconds, unless its process is being ended.
_FETCH_S = 1.0
_NOTHING_LEFT = ConnectionEnd()
_REFUSED = ConnectionEnd(
    "cannot be opened: connection refused",
    "check the address and the network, and whether the server runs",
)


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a live source is read.

    timeout_s: how long it may be silent.  drop: the newest image wins; else all are given, and
    a slow consumer makes the source wait, which some answer by ending the connection.
    transport: of rtsp.  wait: it may be away at first.
    """

    timeout_s: float = SILENCE_S
    drop: bool = True
    transport: RtspTransport = "tcp"
    wait: bool = False


@dataclass(slots=True)
class _Earlier:
    """What the connections gave that have ended; when the newest image of them came."""

    arrived: int = 0
    dropped: int = 0
    newest_s: float | None = None

    def add(self, connection: Connection) -> None:
        self.arrived += connection.arrived
        self.dropped += connection.arrived - connection.given
        self.newest_s = connection.newest_s or self.newest_s


class Camera(LiveFrames):
    """A `LiveSource` that is connected again and again.

    source: a device number or an address (rtsp, http, udp, ...).  news: set whenever there is
    something new.  Raises BadVideo if it cannot be opened, unless `options.wait`.
    """

    def __init__(
        self,
        source: int | str,
        options: LiveOptions | None = None,
        *,
        news: threading.Event | None = None,
    ) -> None:
        super().__init__(f"camera {source}" if isinstance(source, int) else redact(source))
        self.generation = 0
        check_address(source)
        chosen = options or LiveOptions()
        self._order = ReaderOrder(source, chosen.timeout_s, chosen.drop, chosen.transport)
        self._wait = chosen.wait
        self._reconnection = Reconnection(source)
        self._news = news or threading.Event()
        self._changed = threading.Condition()
        self._connection: Connection | None = None
        self._earlier = _Earlier()
        self._log = ConnectionLog()
        self._end: ConnectionEnd | None = None
        self._stopped = False
        self._thread = threading.Thread(
            target=self._supervise, name="vseg-camera", daemon=True
        )
        self._thread.start()
        if not self._wait:
            self._wait_until_open()

    @property
    def ended(self) -> bool:
        """Whether it was closed, or was a clip and everything of it was given."""
        return self._stopped or self._end == _NOTHING_LEFT

    @property
    def dropped(self) -> int:
        """Images that arrived and were not given out."""
        return self.counts().dropped

    def counts(self) -> LiveCounts:
        """What all connections gave."""
        with self._changed:
            now = self._connection
            earlier = self._earlier
            newest_s = (now and now.newest_s) or earlier.newest_s
            return LiveCounts(
                arrived=earlier.arrived + (now.arrived if now else 0),
                given=self._given,
                dropped=earlier.dropped + (now.dropped if now else 0),
                reconnects=max(self._log.generation - 1, 0),
                newest_age_s=None if newest_s is None else time.monotonic() - newest_s,
            )

    def changes(self) -> tuple[ConnectionChange, ...]:
        """Connections lost and made since this was last asked."""
        with self._changed:
            return self._log.drain()

    def close(self) -> None:
        """End the connection; closing twice is harmless."""
        with self._changed:
            self._stopped = True
            if self._connection is not None:
                self._connection.kill()
            self._changed.notify_all()
        self._thread.join()

    def _wait_until_open(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._log.generation or self._end)
            failure = None if self._log.generation else self._end
        if failure is not None:
            self.close()
            raise BadVideo(f"{self.name}: {failure.message}", hint=failure.hint)

    def _take_image(self, timeout_s: float) -> LiveImage | None:
        with self._changed:
            if self._changed.wait_for(self._has_next, timeout_s):
                self._changed.wait_for(self._ready, _FETCH_S)
            image = self._connection.take() if self._connection else None
            if image is not None:
                self.generation = self._log.generation
                return LiveImage(image.arrived_s, image.pts, image.pixels)
            end = self._end
            if end is not None:
                self._end = _NOTHING_LEFT
        if end is not None and end.message and not self._stopped:
            raise DamagedVideo(self.name, self._given, end.message)
        return None

    def _has_next(self) -> bool:
        """Whether there is an image to take, or none will come."""
        now = self._connection
        return self._stopped or self._end is not None or (now is not None and now.has_next)

    def _ready(self) -> bool:
        """Whether the next image is here, or none will come; it is asked for."""
        now = self._connection
        return self._stopped or self._end is not None or now is None or now.fetched()

    def _supervise(self) -> None:
        """The thread: connect, again and again."""
        while not self._stopped:
            began_s = time.monotonic()
            away = not self._reconnection.reachable()
            finite, end = (False, _REFUSED) if away else self._connect()
            if self._stopped or finite or not (self._wait or self._log.generation):
                break
            elapsed_s = time.monotonic() - began_s
            self._note_loss(end)
            delay_s = self._reconnection.delay_s(hung=elapsed_s >= self._order.timeout_s)
            due_s = began_s + max(delay_s, elapsed_s + LEAST_S / 2)
            self._reconnection.wait(due_s, self._pause, away=away)
        with self._changed:
            self._end = ConnectionEnd(end.message.removeprefix(f"{self.name}: "), end.hint)
            self._changed.notify_all()
        self._news.set()

    def _connect(self) -> tuple[bool, ConnectionEnd]:
        """Take in one connection from its beginning to its end: whether that is the end of the
        source too, and why it came.
        """
        with Connection(self._order, self._changed) as connection:
            with self._changed:
                self._connection = connection
                if self._stopped:
                    connection.kill()
            end = connection.receive(lambda: self._heard(connection))
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or not connection.keeps_last)
                self._connection = None
                self._earlier.add(connection)
        self._reconnection.good_for(connection.lasted_s)
        described = connection.described
        return described is not None and described.finite, end

    def _heard(self, connection: Connection) -> None:
        """Note what a connection that gives images is; `_changed` is held."""
        described = connection.described
        if described is None or connection.first_s is None:
            return
        if self._start_s is None:
            self._start_s = connection.first_s
            self.info = VideoInfo(
                source=self.name,
                height=described.height,
                width=described.width,
                fps=described.fps,
                num_frames=None,
                codec=described.codec,
                pixel_aspect=described.pixel_aspect,
            )
        last_s = self._earlier.newest_s
        gap_s = None if last_s is None else connection.first_s - last_s
        self._log.made(self.clock_s(), gap_s, (described.width, described.height))
        self._news.set()

    def _note_loss(self, end: ConnectionEnd) -> None:
        reason = end.message.removeprefix(f"{self.name}: ") or "the stream ended"
        with self._changed:
            self._log.lost(self.clock_s(), reason)
        self._news.set()

    def _pause(self, seconds: float) -> bool:
        """Wait; whether the camera is still wanted."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._stopped, seconds)
