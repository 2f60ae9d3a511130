"""What the process that reads a camera says, as bytes on a pipe, and back as values.

A message is a kind, a length and its content.  The first says what comes (`Described`) or why
nothing does (`ConnectionEnd`); then one `Tick` for each image that arrives, and an `Image` for
each that is asked for, by a line on the other pipe.
"""

import json
import struct
import threading
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import IO

import numpy as np
from jaxtyping import UInt8

from vseg.types import SQUARE
from vseg.video.address import RtspTransport

_HEADER = struct.Struct("<cQ")
_TICK = struct.Struct("<Qd")
# Number, arrival, time stamp and whether there is one, height, width; then the pixels.
_IMAGE = struct.Struct("<Qdq?II")


@dataclass(frozen=True, slots=True)
class ReaderOrder:
    """What the process is to read: the first line that it is sent, so that no credentials are
    in its arguments or its environment.

    source: a device number or an address.  timeout_s: how long it may be silent.  drop: the
    newest image wins.  transport: of rtsp.
    """

    source: int | str
    timeout_s: float
    drop: bool = True
    transport: RtspTransport = "tcp"

    def line(self) -> bytes:
        """As one line of text."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "ReaderOrder":
        """The order of a line."""
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Described:
    """What the source gives.  finite: it has an end of its own, as a clip has."""

    height: int
    width: int
    fps: Fraction | None
    codec: str
    finite: bool
    pixel_aspect: Fraction = SQUARE


@dataclass(frozen=True, slots=True)
class Tick:
    """One more image arrived; `count` did in all, the last of them at `arrived_s`."""

    count: int
    arrived_s: float


@dataclass(frozen=True, slots=True)
class Image:
    """An image, as `live_queue.Arrival` has it."""

    number: int
    arrived_s: float
    pts: int | None
    pixels: UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """There will be no more images.  message: why, '' at the source's own end; hint: what to
    do about it.
    """

    message: str = ""
    hint: str | None = None


LiveMessage = Described | Tick | Image | ConnectionEnd


class MessageWriter:
    """Writes messages on a pipe, from several threads."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def write(self, message: LiveMessage) -> None:
        """Write one message whole.  Raises OSError once nobody reads them."""
        match message:
            case Described(height, width, fps, codec, finite, aspect):
                rate = None if fps is None else str(fps)
                values = [height, width, rate, codec, finite, str(aspect)]
                self._send(b"D", json.dumps(values).encode())
            case Tick(count, arrived_s):
                self._send(b"T", _TICK.pack(count, arrived_s))
            case Image(number, arrived_s, pts, pixels):
                stamp = (pts or 0, pts is not None)
                head = _IMAGE.pack(number, arrived_s, *stamp, *pixels.shape[:2])
                self._send(b"I", head, np.ascontiguousarray(pixels).data)
            case ConnectionEnd(text, hint):
                self._send(b"E", json.dumps([text, hint]).encode())

    def _send(self, kind: bytes, *content: "bytes | memoryview") -> None:
        length = sum(memoryview(part).nbytes for part in content)
        with self._lock:
            self._pipe.write(_HEADER.pack(kind, length))
            for part in content:
                self._pipe.write(part)
            self._pipe.flush()


def read_message(pipe: IO[bytes]) -> LiveMessage | None:
    """The next message; None once the writer is gone, in the middle of one or not."""
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    kind, length = _HEADER.unpack(header)
    content = pipe.read(length)
    if len(content) < length:
        return None
    if kind == b"T":
        return Tick(*_TICK.unpack(content))
    if kind == b"I":
        return _image(content)
    values = json.loads(content)
    if kind == b"E":
        return ConnectionEnd(*values)
    height, width, rate, codec, finite, aspect = values
    fps = None if rate is None else Fraction(rate)
    return Described(height, width, fps, codec, finite, Fraction(aspect))


def _image(content: bytes) -> Image:
    number, arrived_s, pts, stamped, height, width = _IMAGE.unpack_from(content)
    # A copy: what is read from a pipe cannot be written to, and images can.
    pixels = np.frombuffer(content, dtype=np.uint8, offset=_IMAGE.size).copy()
    return Image(number, arrived_s, pts if stamped else None, pixels.reshape(height, width, 3))
