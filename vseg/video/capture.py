"""Live images one at a time, as the device or the network gives them.

In: a device number, an address, or a file that is played at its own rate.  Out: `Grabbed`s.
Images are only converted to RGB when a consumer wants them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from jaxtyping import UInt8

from vseg.errors import BadVideo
from vseg.ops.frame_rate import written_rate
from vseg.types import SQUARE
from vseg.video.address import PROTOCOLS, RtspTransport, redact, scheme_of
from vseg.video.container import (
    MAX_PIXELS,
    SILENT,
    OpenFile,
    choose_stream,
    open_file,
    reason_of,
)
from vseg.video.decoder import FrameDecoder
from vseg.video.orientation import Display, orientation_of
from vseg.video.sniff import sniff


@dataclass(frozen=True, slots=True)
class Grabbed:
    """One live image.  due_s: when to show it, seconds from the first one; None for now.
    pixel_aspect: as `VideoInfo` has it.
    """

    convert: Callable[[], UInt8[np.ndarray, "H W 3"]]
    pts: int | None = None
    due_s: float | None = None
    pixel_aspect: Fraction = SQUARE


def grabbed_image(image: UInt8[np.ndarray, "H W 3"]) -> Grabbed:
    """An image that is RGB already."""
    return Grabbed(lambda: image)


@runtime_checkable
class Capture(Protocol):
    """Where live images come from.  broken: why they stopped too early, or ''.  finite: their
    end, when it comes, is that of a clip, and no lost connection.
    """

    fps: Fraction | None
    codec: str
    finite: bool

    @property
    def broken(self) -> str: ...

    def grab(self) -> Grabbed | None:
        """The next image, None when there are no more; blocks until one is there."""
        ...

    def interrupt(self) -> None:
        """Make a `grab` that waits on another thread return, if it can."""
        ...

    def close(self) -> None: ...


def open_capture(
    source: int | str, timeout_s: float, transport: RtspTransport = "tcp"
) -> Capture:
    """The capture for a device number or an address.

    timeout_s: how long the network may be silent.  Raises BadVideo, without credentials in it.
    """
    if isinstance(source, int):
        return DeviceCapture(source)
    return StreamCapture(
        lambda: _open_address(source, timeout_s, transport), redact(source), paced=False
    )


def open_playback(path: Path) -> Capture:
    """The capture for a file, which is played at its own rate.  Raises BadVideo."""
    sniffed = sniff(path)
    return StreamCapture(lambda: open_file(path, sniffed), str(path), paced=True)


class DeviceCapture:
    """A camera attached to this machine, by OpenCV."""

    def __init__(self, number: int) -> None:
        self.broken = ""
        self.finite = False
        self.codec = "camera"
        with _quiet_opencv():
            self._device = cv2.VideoCapture(number)
        if not self._device.isOpened():
            self._device.release()
            raise BadVideo(
                f"camera {number}: cannot be opened",
                hint="check that it is connected and free, or try another number",
            )
        rate = self._device.get(cv2.CAP_PROP_FPS)
        self.fps = written_rate(rate) if rate > 0 else None

    def grab(self) -> Grabbed | None:
        """The next image, None once the device gives none."""
        there, image = self._device.read()
        if not there:
            self.broken = "the camera gives no more images"
            return None
        return Grabbed(partial(_from_bgr, image))

    def interrupt(self) -> None:
        """Nothing: a device is read in a process that is ended."""

    def close(self) -> None:
        """Release the device."""
        self._device.release()


class StreamCapture:
    """A network stream, or a file in real time, by PyAV; what does not decode is skipped."""

    def __init__(self, reopen: Callable[[], OpenFile], name: str, *, paced: bool) -> None:
        self._name = name
        self._paced = paced
        self._decoder = FrameDecoder(reopen, keyed=True)
        self._display = Display()
        self._first_pts: int | None = None
        self.fps = self._decoder.opened.rate
        self.codec = self._decoder.opened.stream.codec_context.name
        # What is served over HTTP and says how long it is, is a clip; a camera does not.
        clip = scheme_of(name) in ("http", "https") and self._decoder.opened.container.duration
        self.finite = paced or bool(clip)

    @property
    def broken(self) -> str:
        """Why the stream stopped before its end, or ''."""
        return self._decoder.broken

    def grab(self) -> Grabbed | None:
        """The next image that decodes, None at the end of the stream."""
        image = self._decoder.next_image()
        if image is None:
            return None
        orientation = orientation_of(image, self._name)
        size = orientation.displayed_size(image.height, image.width)
        show = partial(self._display.show, image, orientation, size)
        aspect = orientation.displayed_aspect(self._decoder.opened.stream.sample_aspect_ratio)
        return Grabbed(show, image.pts, self._due_s(image), aspect)

    def _due_s(self, image: VideoFrame) -> float | None:
        if not self._paced or image.pts is None:
            return None
        if self._first_pts is None:
            self._first_pts = image.pts
        return float((image.pts - self._first_pts) * self._decoder.opened.time_base)

    def interrupt(self) -> None:
        """Nothing: a file gives its images at once; a stream is read in a process that is
        ended.
        """

    def close(self) -> None:
        """Close the stream."""
        self._decoder.close()


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV prints what each backend thinks of a missing camera; one error of ours says
    it.
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _from_bgr(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def check_address(source: int | str) -> None:
    """Raise BadVideo for an address of an unknown kind; a device number is none."""
    scheme = None if isinstance(source, int) else scheme_of(source) or ""
    if scheme is not None and scheme not in PROTOCOLS:
        raise BadVideo(
            f"{redact(str(source))}: unknown kind of address '{scheme}'",
            hint=f"known kinds: {', '.join(sorted(PROTOCOLS))}",
        )


def _open_address(address: str, timeout_s: float, transport: RtspTransport) -> OpenFile:
    scheme = scheme_of(address) or ""
    name = redact(address)
    # The rate that a stream declares is taken as it is.  To measure it takes twenty images: of
    # a camera with ten a second, 2.8 s against 0.8 s.
    options = {"protocol_whitelist": PROTOCOLS[scheme], "fpsprobesize": "0"}
    if scheme.startswith("rtsp"):
        # Over UDP one lost packet spoils every image until the next key frame.
        options["rtsp_transport"] = transport
    began_s = time.monotonic()
    try:
        container = av.open(
            address,
            "r",
            options=options,
            metadata_errors="replace",
            timeout=(timeout_s, timeout_s),
        )
    except (FFmpegError, ValueError) as error:
        reason = reason_of(error)
        # The library's own errors of a request that was cut short are of all kinds.
        if time.monotonic() - began_s >= timeout_s:
            reason = SILENT
    else:
        return choose_stream(container, name, MAX_PIXELS)
    # Raised out here so that the library's error, which quotes the address, is no part of it.
    raise BadVideo(
        f"{name}: cannot be opened: {reason}",
        hint="check the address, the password and the network",
    )
