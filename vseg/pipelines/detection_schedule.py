"""When a frame is detected on.

Enters: frames that were detected on, and what happened to objects.  Leaves: whether a frame is
due.  Detection is every few frames, and sooner where it matters.
"""

from dataclasses import dataclass

SOONER = 4
"""After an object was lost, or to confirm one, detection waits for 1 / SOONER of the usual
time.  A round value; not tuned."""


@dataclass(slots=True)
class DetectionSchedule:
    """every: frames from one detection to the next.  due: the index of the next frame to
    detect on.  last: that of the last one, None before the first.  regular: of the last one
    that came at least `every` frames after the regular one before it.
    """

    every: int
    due: int = 0
    last: int | None = None
    regular: int | None = None

    def is_regular(self, frame_index: int) -> bool:
        """Whether a detection on this frame is evidence of its own: what a sooner one misses,
        the one just before it missed.
        """
        return self.regular is None or frame_index - self.regular >= self.every

    def detected(self, frame_index: int, *, sure: bool) -> None:
        """Note a detection.  sure: whether it leaves no object to be confirmed by the next."""
        self.last = frame_index
        if self.is_regular(frame_index):
            self.regular = frame_index
        self.due = frame_index + (self.every if sure else self._sooner)

    def lost(self, frame_index: int) -> None:
        """Detect sooner, for an object was lost on a frame."""
        if self.last is not None:
            self.due = min(self.due, max(self.last + self._sooner, frame_index + 1))

    def begin(self, frame_index: int, *, anew: bool) -> None:
        """Detect on this frame.  anew: as on a first one."""
        self.due = frame_index
        if anew:
            self.last = self.regular = None

    @property
    def _sooner(self) -> int:
        return max(1, self.every // SOONER)
