"""The objects of a session and all that is known of them; no network runs here.

Enters: ids.  Leaves: prompts, frames and scores of the objects, and the whole state as bytes.
`Session` adds what runs the model: prompt, step, propagate.
"""

from collections.abc import Collection, Sequence

from vseg.config import CropSettings, IdentitySettings, MemorySettings
from vseg.errors import UsageError
from vseg.interfaces.closing import Closing
from vseg.interfaces.grounder import Grounder, check_grounder
from vseg.interfaces.memory_bank import MemoryBank
from vseg.interfaces.model import Model
from vseg.interfaces.promptable_model import check_loaded
from vseg.interfaces.reader import Reader, check_reader
from vseg.session.factory import open_engine
from vseg.session.identity.identities import Identities
from vseg.session.prompt_history import PromptHistory
from vseg.session.session_passes import SessionPasses
from vseg.session.snapshot import pack_session, unpack_session
from vseg.session.state import SessionState
from vseg.session.tracked_object import TrackedObject
from vseg.types import Prompt
from vseg.types.whole_numbers import check_frame_number

_SETTINGS = (
    ("memory", MemorySettings),
    ("identity", IdentitySettings),
    ("crops", CropSettings),
)


class SessionObjects(Closing):
    """What is known of the objects of one video, to be read, reduced, stored and restored."""

    def __init__(
        self,
        model: Model,
        video: Reader | None,
        settings: tuple[MemorySettings | None, IdentitySettings | None, CropSettings | None],
        grounder: Grounder | None,
    ) -> None:
        if video is not None:
            check_reader(video)
        check_loaded(model)
        if grounder is not None:
            check_grounder(grounder)
        for (name, kind), given in zip(_SETTINGS, settings, strict=True):
            if not isinstance(given, kind | None):
                raise UsageError(
                    f"{name} is {type(given).__name__}, not vseg.{kind.__name__}",
                    hint=f"give {name}=vseg.{kind.__name__}(...)",
                )
        self.model = model
        self.video = video
        memory, identity, crops = settings
        self._settings = (
            memory or MemorySettings(),
            identity or IdentitySettings(),
            crops or CropSettings(),
        )
        self._grounder = grounder
        self._state = self._empty_state()
        self._passes = SessionPasses(self._state, model, video)
        self._closed = False

    @property
    def objects(self) -> dict[int, TrackedObject]:
        """The tracked objects by id."""
        return self._state.objects

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids of the tracked objects, ascending."""
        return tuple(sorted(self.objects))

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of the tracked objects, in order; replayed, they give the same masks."""
        return tuple(entry.prompt for entry in self._state.history.entries)

    @property
    def bank(self) -> MemoryBank:
        """The memory of the objects."""
        return self._state.bank

    @property
    def identities(self) -> Identities:
        """Appearances of the objects, and which were visible last."""
        return self._state.identities

    def next_pass(
        self,
        start: int | None = None,
        *,
        reverse: bool = False,
        objects: Sequence[int] | None = None,
    ) -> tuple[set[int], int]:
        """The objects that `propagate` with the same values would track, and the frame on
        which it would begin.  Raises BadPrompt.
        """
        following = self._passes.next(start, reverse=reverse, named=objects)
        return set(following.objects), following.first

    def prompted_frames(self, obj: int) -> tuple[int, ...]:
        """The frames on which an object was prompted, ascending.  Raises BadPrompt."""
        return tuple(sorted(self._state.tracked(obj).prompts))

    def detection_score(self, obj: int, frame: int) -> float | None:
        """The score of the detection that stands for an object's text or exemplar on a frame;
        None where it has none there.  Raises BadPrompt for an object that is not tracked.
        """
        check_frame_number(frame)
        resolved = self._state.tracked(obj).prompts.get(frame, ())
        return self._state.history.score(obj, frame, resolved)

    def remove(self, obj: int) -> None:
        """Stop tracking an object and forget it; its id is not used again.  Raises BadPrompt
        for an object that is not tracked.
        """
        self._state.remove(obj)
        self._passes.changed()

    def keep_prompts(self, obj: int, frames: Collection[int]) -> None:
        """Forget an object's prompts on all frames but these.  Raises BadPrompt."""
        self._state.keep_prompts(obj, frames)
        self._passes.changed()

    def state_bytes(self) -> int:
        """Bytes of memory and priors on the device; constant once the memory is full."""
        return self._state.device_bytes()

    def snapshot(self) -> bytes:
        """The whole state; a session restored from it continues with the same bits."""
        self._check_open()
        return pack_session(self._state, self.model)

    def restore(self, payload: bytes) -> None:
        """Replace the whole state by a snapshot's.  Raises BadRun if it is not one."""
        self._check_open()
        unpack_session(self._state, self.model, payload)
        self._passes.changed()

    def close(self) -> None:
        """Free all state, for good.  The model and the reader stay usable."""
        self._state = self._empty_state()
        self._passes = SessionPasses(self._state, self.model, self.video)
        self._closed = True

    def _empty_state(self) -> SessionState:
        engine = open_engine(self.model, *self._settings)
        info = None if self.video is None else self.video.info
        return SessionState(
            engine,
            PromptHistory(self.model, self._grounder),
            image_hw=None if info is None else (info.height, info.width),
        )

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the session is closed", hint="begin a new Session")
