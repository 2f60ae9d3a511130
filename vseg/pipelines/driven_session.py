"""A session as its driver uses it: ids for new objects, prompts, events, and the state of both
in one run of bytes.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.session.session import Session
from vseg.tensors import Features
from vseg.types import Frame, MaskCrop, PromptValue, TrackEvent, VisualPrompt

_FORMAT = 1
_LENGTH_BYTES = 8


class DrivenSession:
    """What all drivers do with their session.

    driver: its name, which snapshots carry.  reverse: frames come in descending order.
    """

    def __init__(self, session: Session, driver: str, *, reverse: bool = False) -> None:
        self._session = session
        self._reverse = reverse
        self._driver = driver
        self._next_id = 1
        self._events: list[TrackEvent] = []

    def new_id(self) -> int:
        """An object id that was not given out before."""
        self._next_id += 1
        return self._next_id - 1

    def step(self, frame: Frame) -> FrameMasks:
        """The masks of all objects.  Where there is none the model is not run."""
        if not self._session.object_ids:
            return FrameMasks.empty(frame)
        return self._session.step(frame, reverse=self._reverse)

    def prompt(self, object_id: int, frame: Frame, prompts: Sequence[PromptValue]) -> MaskCrop:
        """The object's mask on the frame, which the next `step` decodes once more, with all
        others.  Of the prompted frames the first and the last are kept.
        """
        masks = self._session.prompt(object_id, frame, prompts)
        self._keep_first_and_last(object_id)
        return masks.crop(object_id)

    def add_prompt(self, object_id: int, frame: Frame, prompts: Sequence[PromptValue]) -> None:
        """Prompt an object for the next `step`; of the prompted frames the first and the last
        are kept.
        """
        self._session.add_prompt(object_id, frame, prompts)
        self._keep_first_and_last(object_id)

    def features_of(self, frame: Frame) -> Features:
        """The features of a frame, which its prompts and `step` use too."""
        return self._session.features_of(frame)

    def similarity(
        self, frame: Frame, prompts: Sequence[VisualPrompt], among: set[int]
    ) -> dict[int, float]:
        """Cosine of what the prompts show and the appearance of each of these objects."""
        return self._session.similarity(frame, prompts, among)

    def interrupt(self, frame: Frame) -> None:
        """Say that this frame comes after a gap."""
        self._session.interrupt(frame)

    def remove(self, object_id: int) -> None:
        """Stop tracking an object."""
        self._session.remove(object_id)

    def note(self, *events: TrackEvent) -> None:
        """Add events to those that `drain` gives."""
        self._events += events

    def drain(self) -> tuple[TrackEvent, ...]:
        """What happened since this was last asked."""
        events = tuple(self._events)
        self._events = []
        return events

    def snapshot(self, own: dict[str, Any]) -> bytes:
        """The driver's own plain values, then the session's state."""
        header = {
            "format": _FORMAT,
            "driver": self._driver,
            "next_id": self._next_id,
            "own": own,
        }
        text = json.dumps(header).encode()
        length = len(text).to_bytes(_LENGTH_BYTES, "little")
        return length + text + self._session.snapshot()

    @contextmanager
    def restoring(self, payload: bytes) -> Iterator[dict[str, Any]]:
        """The driver's own values of a snapshot, to be read in a `with` block; after it, the
        session is restored.

        Raises BadRun for a state that is damaged, or not this driver's.
        """
        end = _LENGTH_BYTES + int.from_bytes(payload[:_LENGTH_BYTES], "little")
        try:
            header = json.loads(payload[_LENGTH_BYTES:end])
            if (header["format"], header["driver"]) != (_FORMAT, self._driver):
                raise ValueError(f"it is of {header['driver']}, format {header['format']}")
            yield header["own"]
            self._next_id = int(header["next_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadRun(
                f"the saved state of the run cannot be read: {error!r}",
                hint="begin again with --overwrite",
            ) from error
        self._session.restore(payload[end:])
        self._events = []

    def _keep_first_and_last(self, object_id: int) -> None:
        """Prompts are remembered for good, so only as many as say where the object was first
        and last.
        """
        frames = self._session.prompted_frames(object_id)
        self._session.keep_prompts(object_id, {frames[0], frames[-1]})
