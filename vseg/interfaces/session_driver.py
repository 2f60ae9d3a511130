"""What decides, frame by frame, which objects a session tracks: prompts, detections made
elsewhere, or detections made on the way.

Stored, live and batch runs take the same drivers.  Whoever runs one gives it every frame in
order, with the frame beside it (`interfaces.reader.adjacent_frame`), for words about what
moves.
"""

from typing import Protocol, runtime_checkable

from vseg.frame_masks import FrameMasks
from vseg.types import Frame, TrackEvent


@runtime_checkable
class SessionDriver(Protocol):
    """Steers one session through one video; its state does not grow with the video."""

    def step(self, frame: Frame, adjacent: Frame | None = None) -> FrameMasks:
        """The masks of all objects on the next frame; without any where there is no object.

        adjacent: the frame before, or after the first one; None if there is no other.
        """
        ...

    def resume(self, frame: Frame, *, keep: bool) -> None:
        """Say, before its step, that this frame comes after a gap.

        keep: the objects are still known, and found where they are recognised; else those that
        were detected are removed.  Prompted ones are kept: nobody would prompt them again.
        """
        ...

    def drain(self) -> tuple[TrackEvent, ...]:
        """What happened since this was last asked, the session's own events included."""
        ...

    def finish(self) -> tuple[TrackEvent, ...]:
        """What is known only once there are no more frames; changes nothing."""
        ...

    def snapshot(self) -> bytes:
        """The whole state, the session's with it: a driver restored from it continues with the
        same bits.  Events that were not drained are not in it.
        """
        ...

    def restore(self, payload: bytes) -> None:
        """Replace the whole state by a snapshot's.  Raises BadRun if it is damaged or another
        driver's.
        """
        ...
