"""The last seconds of a camera, compressed, in case something is about to happen."""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.types import Frame

MOST_BYTES = 128 * 2**20
"""Of one camera: 5 s of 1080p at 30 frames/s.  A round value."""
# Blocks are not visible at this quality, and an image takes a tenth of its bytes.
_QUALITY = 92

Pixels = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True, slots=True)
class HeldFrame:
    """A frame as JPEG."""

    time_s: float
    jpeg: bytes

    def image(self) -> Pixels:
        """The RGB image."""
        stored = cv2.imdecode(np.frombuffer(self.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
        assert stored is not None
        return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8)


class PreRoll:
    """Holds the frames of the last `seconds`, and no more than MOST_BYTES."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held: deque[HeldFrame] = deque()
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        """Hold one more frame, and let go of those that are too old."""
        if not self._seconds:
            return
        bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        self._held.append(HeldFrame(frame.time_s, jpeg.tobytes()))
        self._bytes += len(self._held[-1].jpeg)
        oldest_s = frame.time_s - self._seconds
        while self._held[0].time_s < oldest_s or self._bytes > MOST_BYTES:
            self._bytes -= len(self._held.popleft().jpeg)

    def drain(self, time_s: float) -> list[HeldFrame]:
        """What is held of the seconds before a time, the oldest first; nothing is held
        then.
        """
        held = [one for one in self._held if one.time_s >= time_s - self._seconds]
        self.clear()
        return held

    def clear(self) -> None:
        """Let go of everything: what comes next does not follow it."""
        self._held.clear()
        self._bytes = 0
