"""The frames that a prompt may still mean: the newest ones that a tracker was given.

A detector of another thread is late by some frames, and so is a person; what they say of a
frame that is past is decoded there, and tracked from there.
"""

from collections import deque
from threading import Lock

from vseg.errors import BadPrompt
from vseg.frame_masks import FrameMasks
from vseg.types import Frame
from vseg.types.whole_numbers import check_frame_number

KEPT_FRAMES = 16
"""At 30 frames/s half a second, for 15 MB of images at 480p.  A round value."""


class RecentFrames:
    """Frames and their masks; thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._frames: deque[tuple[Frame, FrameMasks]] = deque(maxlen=KEPT_FRAMES)

    def add(self, frame: Frame, masks: FrameMasks) -> None:
        """The newest frame; the oldest is let go."""
        with self._lock:
            self._frames.append((frame, masks))

    @property
    def newest(self) -> tuple[Frame, FrameMasks] | None:
        """None before the first."""
        with self._lock:
            return self._frames[-1] if self._frames else None

    def at(self, index: int | None) -> tuple[Frame, FrameMasks, Frame | None]:
        """A frame by its index, or the newest; its masks; the frame before, if it is kept.

        Raises BadPrompt if it is not kept.
        """
        with self._lock:
            kept = list(self._frames)
        if not kept:
            raise BadPrompt("there is no frame yet", hint="give update an image first")
        numbers = [frame.index for frame, _ in kept]
        if index is None:
            index = numbers[-1]
        check_frame_number(index)
        if index not in numbers:
            raise BadPrompt(
                f"frame {index} is not kept: {numbers[0]} to {numbers[-1]} are",
                hint="prompt on a newer frame: masks.frame_index says which one it is",
            )
        place = numbers.index(index)
        frame, masks = kept[place]
        return frame, masks, kept[place - 1][0] if place else None
