"""The propagations of one session: what the next one tracks, and how far one has come.

Enters: prompts of the objects, as the session's state has them.  Leaves: which objects are
tracked on each frame of a propagation.  From what a propagation leaves in memory the same
frames would get other masks, so the state before the last one is kept until something is
changed: the same call again begins there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vseg.errors import BadPrompt, UsageError
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Reader
from vseg.session.snapshot import pack_session, unpack_session
from vseg.session.state import SessionState
from vseg.session.tracked_object import TrackedObject
from vseg.types.whole_numbers import check_frame_number, check_ids


@dataclass(frozen=True, slots=True)
class SessionPass:
    """One propagation, from its first frame on.

    prompted: it begins at the prompts, not where its caller says.  named: the objects that its
    caller named, so that no other joins; None for all.
    """

    objects: frozenset[int]
    first: int
    reverse: bool
    prompted: bool
    named: frozenset[int] | None = field(compare=False)


class SessionPasses:
    """All of one session; the one that began last may go on."""

    def __init__(self, state: SessionState, model: Model, video: Reader | None) -> None:
        self._state = state
        self._model = model
        self._video = video
        # The one that nothing was changed after, and the state before it.
        self._last: tuple[SessionPass, bytes] | None = None
        self._running: RunningPass | None = None

    def changed(self) -> None:
        """Note that something was changed: the same call now has something else to do."""
        self._last = None

    def next(
        self, start: int | None, *, reverse: bool, named: Sequence[int] | None
    ) -> SessionPass:
        """What `propagate` would do.  Raises BadPrompt."""
        asked = None if named is None else frozenset(check_ids(named))
        if asked is not None and not asked:
            raise BadPrompt(
                f"objects is {named!r}, not a list of ids", hint="leave it out for all"
            )
        if start is not None:
            check_frame_number(start)
        if start is None and self._last is not None:
            last = self._last[0]
            same = (last.named, last.reverse) == (asked, reverse)
            if same and self._was_left(last):
                return last
        chosen, first = self._state.selection(start, reverse, named)
        return SessionPass(frozenset(chosen), first, reverse, start is None, asked)

    def begin(self, this: SessionPass) -> "RunningPass":
        """Begin a pass; the one before ends for good."""
        if not this.prompted:
            self._last = None
        elif self._last is not None and self._last[0] == this:
            unpack_session(self._state, self._model, self._last[1])
        else:
            self._last = this, pack_session(self._state, self._model)
        self._state.begin(
            this.objects, this.first, anew=not this.prompted, reverse=this.reverse
        )
        if self._running is not None:
            self._running.ended = True
        self._running = RunningPass(self._state, this, self._video)
        return self._running

    def _was_left(self, one: SessionPass) -> bool:
        """Whether it did not come to its end."""
        return any(self._state.objects[obj].left is not None for obj in one.objects)


class RunningPass:
    """One propagation under way.  ended: another one has begun."""

    def __init__(self, state: SessionState, this: SessionPass, video: Reader | None) -> None:
        self._state = state
        self._this = this
        self._video = video
        self._chosen = set(this.objects)
        self._done: set[int] = set()
        self.ended = False

    def live(self, frame_index: int) -> list[TrackedObject]:
        """The objects to track on a frame.  Raises UsageError once another pass has begun:
        both would write to one memory.
        """
        if self.ended:
            raise UsageError(
                "another propagation of this session has begun, so this one cannot go on",
                hint="end one before the next begins, or take a session for each",
            )
        if self._this.named is None:  # objects prompted meanwhile join
            self._chosen |= {o.object_id for o in self._state.objects.values() if o.stale}
        return self._state.live(frame_index, self._this.reverse, self._chosen)

    def tracked(self, frame_index: int, live: Sequence[TrackedObject]) -> None:
        """Note that these objects were tracked on a frame."""
        for tracked in live:
            tracked.left = None if self._is_last(frame_index) else frame_index
        self._done |= {tracked.object_id for tracked in live}

    def end(self) -> None:
        """Note that no frame follows."""
        self._state.end(self._done)

    def _is_last(self, frame_index: int) -> bool:
        """Whether no frame of the video follows."""
        if self._video is None:
            return False
        return frame_index == (0 if self._this.reverse else len(self._video) - 1)
