"""When a session looks for things that move, and the frame that it compares with then."""

from collections.abc import Callable
from dataclasses import dataclass

from vseg.session.identity.layers import Grey
from vseg.session.identity.optical_flow import Flow, comparable, optical_flow

# A look takes some 6 ms, what is found one click to decode. A hand is within reach of what it
# takes for ten frames and more, at 25 a second.
_EVERY = 4
# After something moved that was no thing, nothing is looked for on so many frames, on twice as
# many the next time, and so on up to these: to decode it takes as long as a frame.
_REFUSED = 8
_LONGEST = 64


@dataclass(slots=True)
class MotionWatch:
    """frame_index: the last frame.  grey: that frame, if a look may come next.  refused: the
    frame on which last nothing came of what moved; wait: so many frames are not looked at.
    """

    frame_index: int | None = None
    grey: Grey | None = None
    refused: int | None = None
    wait: int = 0

    def flow(self, frame_index: int, grey: Callable[[], Grey]) -> Flow | None:
        """The optical flow from the last frame to this, if a look is due here: on the first
        frame of each few.
        """
        last, before = self.frame_index, self.grey
        step = 1 if last is None else frame_index - last
        self.frame_index, self.grey = frame_index, None
        if self._due(frame_index + step, step):
            self.grey = grey()
        if before is None or not self._due(frame_index, step):
            return None
        now = grey() if self.grey is None else self.grey
        return optical_flow(before, now) if comparable(before, now, step) else None

    def _due(self, frame_index: int, step: int) -> bool:
        """Whether a frame is the first one of a few, and nothing was refused lately."""
        waits = self.refused is not None and abs(frame_index - self.refused) < self.wait
        return not waits and _block(frame_index) != _block(frame_index - step)

    def refuse(self, frame_index: int) -> None:
        """Say that nothing came of what moved on this frame."""
        self.refused = frame_index
        self.wait = min(_LONGEST, max(_REFUSED, 2 * self.wait))

    def accept(self) -> None:
        """Say that something was found."""
        self.wait = 0

    def clear(self) -> None:
        """Begin anew, as where tracking goes back."""
        self.frame_index = self.grey = self.refused = None
        self.wait = 0


def _block(frame_index: int) -> int:
    return frame_index // _EVERY
