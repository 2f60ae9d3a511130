"""Session: one video, all of its state, and nothing else that is shared.

Enters: prompts and frames.  Leaves: FrameMasks, one per frame.  Per frame: encode once, read
the memory for all objects with one affinity, decode all in one batch, encode what is due to be
remembered.  What a session holds is bounded by its objects and prompts, never by the length of
the video.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from vseg.config import CropSettings, IdentitySettings, MemorySettings
from vseg.frame_masks import FrameMasks
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Reader
from vseg.ops.rgb import check_frame
from vseg.prompts.check import check_begins, check_prompt, collect_prompts
from vseg.session.advance import advance
from vseg.session.encode_ahead import EncodeAhead
from vseg.session.encoded_image import EncodedImage, check_encoded
from vseg.session.frames import AnyFrame, SessionFrames
from vseg.session.identity.similar_objects import similar_objects
from vseg.session.image_predictor import ImagePredictor
from vseg.session.output import frame_masks
from vseg.session.session_objects import SessionObjects
from vseg.session.session_passes import SessionPass
from vseg.session.tracked_object import TrackedObject
from vseg.tensors import Features
from vseg.types import Exemplar, Frame, PromptValue, Text, VisualPrompt
from vseg.types.prompt_values import NumberList, NumberRows, Rings
from vseg.types.whole_numbers import check_ids


class Session(SessionObjects):
    """Prompt objects on any frame, propagate, correct; a context manager.

    video: what frame indices refer to; a live source needs none.  memory: how many frames are
    remembered.  encode_ahead: how many frames are read and encoded together; left out, 4 on
    CUDA, and on a CPU, where a batch brings nothing, 1 or the next one in the background.
    identity: what keeps objects apart.
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
        super().__init__(model, video, (memory, identity, crops), grounder)
        self._frames = SessionFrames(model, video, encode_ahead)
        self.encode_ahead = self._frames.depth

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
        return frame_masks(image, [tracked], masks, self.identities)

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
        self._passes.changed()
        frame = self._frames.to_step(image, time_s, self._state, reverse=reverse)
        named = self.object_ids if objects is None else check_ids(objects)
        live = [self._state.tracked(obj) for obj in named]
        live.sort(key=lambda tracked: tracked.object_id)
        in_time = objects is not None or not remember
        masks = advance(
            self._state,
            self._frames,
            frame,
            live,
            reverse=reverse,
            remember=remember,
            alone=in_time,
        )
        self._state.last_index = frame.index
        self._state.last_time_s = frame.time_s
        return masks

    def step_encoded(self, image: EncodedImage, *, reverse: bool = False) -> FrameMasks:
        """As `step`, on a frame that this model encoded already: sessions share the features.

        Raises BadFrame for a frame of another size, or one that does not follow the last.
        """
        self._check_open()
        check_encoded(image)
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
        check_frame(frame)
        self._passes.changed()
        for tracked in [*self.objects.values(), *self._state.distractors.values()]:
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
        the objects that have one; objects prompted meanwhile join, and those of a propagation
        that was left early, from the frame after.  With `start`: for all objects.  An object
        is absent from the result on frames before its first prompt.  Without `start` the same
        call again gives the same masks, unless something was changed meanwhile.  frames: the
        same frames read ahead by the caller, each with an image of its own: the next one is
        taken before this one is tracked.  A propagation ends for good where another one
        begins: both would write to one memory.  Raises BadPrompt, UsageError for one that was
        ended so, BadFrame for an image that cannot be tracked, and DamagedVideo after the last
        good frame.
        """
        self._check_open()
        this = self._passes.next(start, reverse=reverse, named=objects)
        if frames is None:
            frames = self._frames.range(this.first, until, reverse=reverse)
        else:
            frames = self._frames.checked(frames, self._state)
        return self._run(this, frames)

    def resume(
        self, start: int, until: int | None, *, reverse: bool, objects: Sequence[int]
    ) -> Iterator[FrameMasks]:
        """`propagate` without a start, from the frame and for the objects that `next_pass`
        says, or that were next when the session was saved.  Raises as `propagate` does.
        """
        self._check_open()
        named = frozenset(objects)
        this = SessionPass(named, start, reverse, prompted=True, named=named)
        return self._run(this, self._frames.range(start, until, reverse=reverse))

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
        return similar_objects(self.identities, frame, decoded, check_ids(among))

    def features_of(self, frame: Frame) -> Features:
        """The features of a frame, encoded once: its next prompts and `step` use them too."""
        check_frame(frame)
        return self._frames.features(frame, keep=True)

    def encode_ahead_of(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, for prompts and steps in this order: up to `encode_ahead` of them
        are read before they are due and encoded together, or the next one in the background.
        An error of `frames` is raised after the frames before it.
        """
        return self._frames.ahead_of(frames)

    def close(self) -> None:
        """Free all state, for good.  The model and the reader stay usable."""
        super().close()
        self._frames.clear()

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
        rotation = self.video.info.rotation if self.video is not None else 0
        for value in values:
            check_prompt(value, image.hw, rotation, image.index)
        if obj not in self.objects:
            check_begins(values, f"object {obj} on frame {image.index}")
        if adjacent is None and any(isinstance(value, Text) for value in values):
            adjacent = self._frames.adjacent(frame)
        self._passes.changed()
        features = partial(self.features_of, image)
        return image, self._state.record(obj, image, values, features, adjacent)

    def _run(self, this: SessionPass, frames: Iterator[Frame]) -> Iterator[FrameMasks]:
        self._check_open()
        running = self._passes.begin(this)
        for frame in self._frames.ahead_of(frames):
            self._check_open()
            live = running.live(frame.index)
            masks = advance(self._state, self._frames, frame, live, reverse=this.reverse)
            running.tracked(frame.index, live)
            yield masks
        running.end()
