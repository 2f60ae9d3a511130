"""A session driven by a user's prompts: each takes effect when its frame comes, as it would on
a live source.
"""

from collections.abc import Iterable

from vseg.frame_masks import FrameMasks
from vseg.pipelines.driven_session import DrivenSession
from vseg.session.session import Session
from vseg.types import Frame, Prompt, PromptValue, TrackEvent


class PromptDriver:
    """Prompts the objects of one session; see `SessionDriver`.

    reverse: frames come in descending order.
    """

    def __init__(
        self, session: Session, prompts: Iterable[Prompt], *, reverse: bool = False
    ) -> None:
        self._session = session
        self._driven = DrivenSession(session, "prompts", reverse=reverse)
        self._prompts: dict[int, dict[int, list[PromptValue]]] = {}
        for placed in prompts:
            objects = self._prompts.setdefault(placed.frame_index, {})
            if placed.object_id is not None:
                objects.setdefault(placed.object_id, []).append(placed.value)

    def step(self, frame: Frame, adjacent: Frame | None = None) -> FrameMasks:
        """The masks of the objects prompted so far.

        Raises BadPrompt for a prompt that cannot be used on this frame, and NothingFound for a
        description of nothing on it.
        """
        for object_id, prompts in self._prompts.get(frame.index, {}).items():
            begins = object_id not in self._session.objects
            self._session.add_prompt(object_id, frame, prompts, adjacent)
            score = self._session.detection_score(object_id, frame.index) if begins else None
            if score is not None:
                score = round(score, 3)
                self._driven.note(TrackEvent(frame.index, "created", object_id, score=score))
        masks = self._driven.step(frame)
        self._driven.note(*masks.events)
        return masks

    def resume(self, frame: Frame, *, keep: bool) -> None:
        """Keep all objects, which are lost until they are recognised."""
        self._driven.interrupt(frame)

    def drain(self) -> tuple[TrackEvent, ...]:
        """Cuts, who was lost and recovered, and by which score a detection became an
        object.
        """
        return self._driven.drain()

    def finish(self) -> tuple[TrackEvent, ...]:
        """Nothing."""
        return ()

    def snapshot(self) -> bytes:
        """The session's state."""
        return self._driven.snapshot({})

    def restore(self, payload: bytes) -> None:
        """Restore the session.  Raises BadRun."""
        with self._driven.restoring(payload):
            pass
