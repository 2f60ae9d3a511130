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
    detect on.  last: that of the last one, None before the first.
    """

    every: int
    due: int = 0
    last: int | None = None

    def detected(self, frame_index: int, *, sure: bool) -> None:
        """Note a detection.  sure: whether it leaves no object to be confirmed by the next."""
        self.last = frame_index
        self.due = frame_index + (self.every if sure else self._sooner)

    def lost(self, frame_index: int) -> None:
        """Detect sooner, for an object was lost on a frame."""
        if self.last is not None:
            self.due = min(self.due, max(self.last + self._sooner, frame_index + 1))

    def begin(self, frame_index: int, *, anew: bool) -> None:
        """Detect on this frame.  anew: as on a first one."""
        self.due = frame_index
        if anew:
            self.last = None

    @property
    def _sooner(self) -> int:
        return max(1, self.every // SOONER)
