"""Session: one video, all of its state, and nothing else that is shared.

Enters: prompts and frames.  Leaves: FrameMasks, one per frame.  Per frame: encode once, read
the memory for all objects with one affinity, decode all in one batch, encode what is due to be
remembered.  What a session holds is bounded by its objects and prompts, never by the length of
the video.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from vseg.config import CropSettings, IdentitySettings, MemorySettings
from vseg.errors import UsageError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.closing import Closing
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.memory_bank import MemoryBank
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Reader
from vseg.prompts.check import check_begins, check_prompt, collect_prompts
from vseg.session.encode_ahead import EncodeAhead
from vseg.session.factory import open_engine
from vseg.session.frames import AnyFrame, SessionFrames
from vseg.session.identity.departures import FrameColours
from vseg.session.identity.identities import Identities
from vseg.session.identity.object_identity import Looks
from vseg.session.image_predictor import EncodedImage, ImagePredictor
from vseg.session.output import frame_masks
from vseg.session.prompt_history import PromptHistory
from vseg.session.snapshot import pack_session, unpack_session
from vseg.session.state import SessionState
from vseg.session.tracked_object import TrackedObject
from vseg.tensors import PRESENT, Features
from vseg.types import Exemplar, Frame, Prompt, PromptValue, Text, VisualPrompt
from vseg.types.prompt_values import NumberList, NumberRows, Rings


class Session(Closing):
    """Prompt objects on any frame, propagate, correct; a context manager.

    video: what frame indices refer to; a live source needs none.  memory: how many frames are
    remembered.  encode_ahead: how many frames are read and encoded together; left out, 4 on
    CUDA and 1 on a CPU, where a batch brings nothing.  identity: what keeps objects apart.
    grounder: detects what a text names; exemplars are detected by the model itself.  crops:
    which objects are tracked in crops of their own.
    """

    def __init__(  # noqa: PLR0913 - one parameter for each kind of setting
        self,
        model: Model,
        video: Reader | None = None,
        *,
        memory: MemorySettings | None = None,
        encode_ahead: int | None = None,
        identity: IdentitySettings | None = None,
        grounder: Grounder | None = None,
        crops: CropSettings | None = None,
    ) -> None:
        self.model = model
        self.video = video
        self._settings = (
            memory or MemorySettings(),
            identity or IdentitySettings(),
            crops or CropSettings(),
        )
        self._grounder = grounder
        self._frames = SessionFrames(model, video, encode_ahead)
        self.encode_ahead = self._frames.depth
        self._state = self._empty_state()
        self._closed = False

    def prompt(  # noqa: PLR0913 - one parameter for each kind of prompt
        self,
        obj: int,
        frame: AnyFrame,
        prompts: Sequence[PromptValue] = (),
        *,
        points: NumberRows | None = None,
        labels: NumberList | None = None,
        box: NumberList | None = None,
        scribble: NumberRows | None = None,
        mask: NumberRows | None = None,
        polygon: Rings | None = None,
        text: str | None = None,
        exemplar: Exemplar | None = None,
        adjacent: Frame | None = None,
    ) -> FrameMasks:
        """The mask of object `obj` on a frame, from prompts that say where or what it is.

        points: (N, 2) clicks, with labels 1 on the object (all, if left out) and 0 beside it.
        box: x1, y1, x2, y2, right and bottom exclusive.  scribble: (N, 2) points of a line on
        the object.  mask: (H, W) booleans.  polygon: (N, 2) corners, or a list of such rings.
        text: what it is, in words.  exemplar: a region of another image that shows such an
        object.  prompts: the same as typed values.  Coordinates are pixels of the displayed
        frame.  adjacent: the frame before or after, for phrases about motion; of a frame given
        by its index it is read from the video.  A plain image is the one `step` is given next.

        All prompts given of one object on one frame count together (`vseg.prompts.resolve`); a
        new box, mask or polygon, text or exemplar replaces the one before.  On an object that
        is tracked already this is a correction: its masks beyond this frame are computed again
        by the next `propagate`.  Raises BadPrompt, BadFrame and NothingFound.
        """
        values = collect_prompts(
            prompts,
            points=points,
            labels=labels,
            box=box,
            scribble=scribble,
            mask=mask,
            polygon=polygon,
            text=text,
            exemplar=exemplar,
        )
        image, tracked = self._record(obj, frame, values, adjacent)
        features = partial(self.features_of, image)
        masks = self._state.engine.track(image, features, [tracked])
        return frame_masks(image, [tracked], masks)

    def add_prompt(
        self,
        obj: int,
        frame: AnyFrame,
        prompts: Sequence[PromptValue],
        adjacent: Frame | None = None,
    ) -> None:
        """Record prompts as `prompt` does, without decoding: the next `step` on this frame
        decodes the object once, with all others.  Raises as `prompt` does.
        """
        _, tracked = self._record(obj, frame, collect_prompts(prompts), adjacent)
        # A corrected object is decoded from its memory and its prompts, as `propagate` does
        # it after `prompt`: its mask on the frame before is what the prompts correct.
        tracked.prior = None

    def step(
        self,
        image: Frame | np.ndarray,
        time_s: float | None = None,
        *,
        reverse: bool = False,
        objects: Collection[int] | None = None,
        remember: bool = True,
    ) -> FrameMasks:
        """The masks of every object on the next frame of a live source.

        image: RGB uint8 (H, W, 3) of the size of those before, with its time in seconds if
        known; or a Frame.  reverse: Frames come in descending order.  objects: only these are
        decoded, where time is short; the others keep what is known of them.  remember: whether
        the frame may be written to memory.  Raises BadFrame for any other image, and for a
        frame or a time that does not follow the last.
        """
        self._check_open()
        frame = self._frames.to_step(image, time_s, self._state, reverse=reverse)
        ids = self.object_ids if objects is None else sorted(objects)
        live = [self._state.tracked(obj) for obj in ids]
        masks = self._advance(frame, live, reverse, remember=remember)
        self._state.last_index = frame.index
        self._state.last_time_s = frame.time_s
        return masks

    def step_encoded(self, image: EncodedImage, *, reverse: bool = False) -> FrameMasks:
        """As `step`, on a frame that this model encoded already: sessions share the features.

        Raises BadFrame for a frame of another size, or one that does not follow the last.
        """
        self._check_open()
        self._frames.hold(image.frame, image.features)
        try:
            return self.step(image.frame, reverse=reverse)
        finally:
            self._frames.release()

    def interrupt(self, frame: Frame) -> None:
        """Say that this frame, the next one, comes after a gap: objects are where they are
        recognised, wherever they were before.
        """
        self._check_open()
        for tracked in self.objects.values():
            tracked.prior = None
        self.identities.interrupt(frame)

    def encode_with(self, ahead: EncodeAhead) -> None:
        """Take the features of frames that `ahead` holds, which several sessions share."""
        self._frames.encode_with(ahead)

    def propagate(
        self,
        start: int | None = None,
        until: int | None = None,
        *,
        reverse: bool = False,
        objects: Sequence[int] | None = None,
        frames: Iterator[Frame] | None = None,
    ) -> Iterator[FrameMasks]:
        """Masks on frames start, start + 1, ... up to `until` (exclusive), or backward with
        `reverse`.

        Without `start`: from the earliest (backward: latest) prompt not yet propagated, for
        the objects that have one; objects prompted meanwhile join.  With `start`: for all
        objects.  An object is absent from the result on frames before its first prompt.
        frames: the same frames read ahead by the caller.  Raises BadPrompt, and DamagedVideo
        after the last good frame.
        """
        self._check_open()
        chosen, first = self._state.selection(start, reverse, objects)
        if frames is None:
            frames = self._frames.range(first, until, reverse=reverse)
        return self._run(frames, chosen, reverse, fixed=objects is not None)

    def remove(self, obj: int) -> None:
        """Stop tracking an object and forget it; its id is not used again.  Raises BadPrompt
        for an object that is not tracked.
        """
        self._state.remove(obj)

    def keep_prompts(self, obj: int, frames: Collection[int]) -> None:
        """Forget an object's prompts on all frames but these.  Raises BadPrompt."""
        self._state.keep_prompts(obj, frames)

    def prompted_frames(self, obj: int) -> tuple[int, ...]:
        """The frames on which an object was prompted, ascending.  Raises BadPrompt."""
        return tuple(sorted(self._state.tracked(obj).prompts))

    def detection_score(self, obj: int, frame: int) -> float | None:
        """The score of the detection that stands for an object's text or exemplar on a frame;
        None where it has none there.  Raises BadPrompt for an object that is not tracked.
        """
        resolved = self._state.tracked(obj).prompts.get(frame, ())
        return self._state.history.score(obj, frame, resolved)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of the tracked objects, in order; replayed, they give the same masks."""
        return tuple(entry.prompt for entry in self._state.history.entries)

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids of the tracked objects, ascending."""
        return tuple(sorted(self.objects))

    def similarity(
        self, frame: Frame, prompts: Sequence[VisualPrompt], among: Iterable[int]
    ) -> dict[int, float]:
        """Cosine in [-1, 1] of what the prompts show on a frame to the appearances of objects,
        by id; changes nothing.

        Empty where appearances are not compared, or the prompts show nothing.  An object that
        left the frame is left out unless it is this one and no other by all that is known.
        """
        if not self.identities.rules.recognise:
            return {}
        image = EncodedImage(frame, self.features_of(frame))
        decoded = ImagePredictor(self.model).decode(image, [prompts])
        if not (decoded.presence > PRESENT).any() or not (decoded.logits > 0).any():
            return {}
        known = self.identities.objects
        mask = (decoded.logits[0] > 0).cpu().numpy()
        colours = FrameColours(frame.image, mask.shape).of(mask)
        looks = Looks(decoded.embedding[0], colours)
        may_be = [i for i in among if self.identities.may_be(i, looks)]
        return {i: known[i].gallery.similarity(looks.embedding) for i in may_be}

    def features_of(self, frame: Frame) -> Features:
        """The features of a frame, encoded once: its next prompts and `step` use them too."""
        return self._frames.features(frame, keep=True)

    def encode_ahead_of(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, for prompts and steps in this order: up to `encode_ahead` of them
        are read before they are due and encoded together.  An error of `frames` is raised
        after the frames before it.
        """
        return self._frames.ahead_of(frames)

    def snapshot(self) -> bytes:
        """The whole state; a session restored from it continues with the same bits."""
        self._check_open()
        return pack_session(self._state, self.model)

    def restore(self, payload: bytes) -> None:
        """Replace the whole state by a snapshot's.  Raises BadRun if it is not one."""
        self._check_open()
        unpack_session(self._state, self.model, payload)

    def close(self) -> None:
        """Free all state, for good.  The model and the reader stay usable."""
        self._state = self._empty_state()
        self._frames.clear()
        self._closed = True

    def state_bytes(self) -> int:
        """Bytes of memory and priors on the device; constant once the memory is full."""
        return self._state.device_bytes()

    @property
    def objects(self) -> dict[int, TrackedObject]:
        """The tracked objects by id."""
        return self._state.objects

    @property
    def bank(self) -> MemoryBank:
        """The memory of the objects."""
        return self._state.bank

    @property
    def identities(self) -> Identities:
        """Appearances of the objects, and which were visible last."""
        return self._state.identities

    def _record(
        self,
        obj: int,
        frame: AnyFrame,
        values: Sequence[PromptValue],
        adjacent: Frame | None,
    ) -> tuple[Frame, TrackedObject]:
        """The frame, and the object with the prompts resolved there; nothing is decoded."""
        self._check_open()
        obj = self._state.check_id(obj)
        image = self._frames.to_prompt(frame, self._state)
        height, width = image.image.shape[:2]
        rotation = self.video.info.rotation if self.video is not None else 0
        for value in values:
            check_prompt(value, (height, width), rotation, image.index)
        if obj not in self.objects:
            check_begins(values, f"object {obj} on frame {image.index}")
        if adjacent is None and any(isinstance(value, Text) for value in values):
            adjacent = self._frames.adjacent(frame)
        features = partial(self.features_of, image)
        return image, self._state.record(obj, image, values, features, adjacent)

    def _run(
        self, frames: Iterator[Frame], chosen: set[int], reverse: bool, fixed: bool
    ) -> Iterator[FrameMasks]:
        for frame in self._frames.ahead_of(frames):
            if not fixed:  # objects prompted meanwhile join
                chosen |= {o.object_id for o in self.objects.values() if o.stale}
            yield self._advance(frame, self._state.live(frame.index, reverse, chosen), reverse)

    def _advance(
        self,
        frame: Frame,
        live: list[TrackedObject],
        reverse: bool,
        *,
        remember: bool = True,
    ) -> FrameMasks:
        for tracked in live:
            tracked.reverse = reverse
        features = partial(self._frames.features, frame)
        engine = self._state.engine
        masks = engine.track(frame, features, live, remember=remember) if live else None
        for tracked in live:
            tracked.stale.discard(frame.index)
        return replace(frame_masks(frame, live, masks), events=self.identities.drain())

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
