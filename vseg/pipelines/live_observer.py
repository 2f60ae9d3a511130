"""What is done with the frames of live sources, one piece for each: printed, stored, recorded,
judged for events, counted.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Protocol, runtime_checkable

from vseg.errors import VsegError
from vseg.interfaces.live_source import LiveSource
from vseg.pipelines.live import LiveChange, LiveFrame
from vseg.types import VideoInfo


@runtime_checkable
class LiveObserver(Protocol):
    """Is told everything about all cameras, in order; may raise VsegError, which ends the
    watching.
    """

    def begin(self, camera: str, info: VideoInfo) -> None:
        """The first frame of a camera is about to come."""
        ...

    def frame(self, live: LiveFrame) -> None:
        """A tracked frame."""
        ...

    def change(self, change: LiveChange) -> None:
        """A connection was lost or made."""
        ...

    def reload(self) -> None:
        """Read anew what was read from files.  Raises VsegError for a file that is wrong, and
        goes on with what was read before.
        """
        ...

    def close(self) -> None:
        """There is no more, for whatever reason; closing twice is harmless."""
        ...


class LiveObservers:
    """Several observers, each told of what comes in their order."""

    def __init__(
        self, observers: Sequence[LiveObserver], cameras: Mapping[str, LiveSource]
    ) -> None:
        self._observers = tuple(observers)
        self._cameras = cameras
        self._begun: set[str] = set()

    def reload(self) -> list[VsegError]:
        """Have all read their files anew; the errors of those that did not."""
        errors = []
        for observer in self._observers:
            try:
                observer.reload()
            except VsegError as error:
                errors.append(error)
        return errors

    def close(self) -> None:
        """Close all."""
        with ExitStack() as held:
            for observer in self._observers:
                held.callback(observer.close)

    def tell(self, item: LiveFrame | LiveChange) -> None:
        """Tell all of a frame, after its camera's beginning, or of a change."""
        if isinstance(item, LiveChange):
            for observer in self._observers:
                observer.change(item)
            return
        if item.camera not in self._begun:
            # All before its first frame: what one makes of that may already concern another.
            for observer in self._observers:
                observer.begin(item.camera, self._cameras[item.camera].info)
            self._begun.add(item.camera)
        for observer in self._observers:
            observer.frame(item)
