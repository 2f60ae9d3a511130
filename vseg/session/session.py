"""Session: one video, all of its state, and nothing else that is shared.

Enters: prompts and frames.  Leaves: FrameMasks, one per frame.  Per frame: encode once, read
the memory for all objects with one affinity, decode all in one batch, remember what is due.
What the session holds is bounded by its objects and prompts, never by the length of the video.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np

from vseg.config import IdentitySettings, MemorySettings
from vseg.errors import BadPrompt
from vseg.frame_masks import FrameMasks, LogitCrops
from vseg.interfaces.closing import Closing
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.memory_bank import MemoryBank
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Reader, adjacent_frame
from vseg.ops.ranges import Ranges, holds, joined
from vseg.prompts.check import PromptKwargs, check_prompt, collect_prompts
from vseg.session.encode_ahead import EncodeAhead
from vseg.session.engine import TrackedObject
from vseg.session.factory import open_engine
from vseg.session.identity.identities import Identities
from vseg.session.image_predictor import EncodedImage, ImagePredictor
from vseg.session.prompt_history import PromptHistory
from vseg.session.snapshot import pack_session, unpack_session
from vseg.tensors import PRESENT, Decoded, Features, downloaded
from vseg.types import Frame, Prompt, PromptValue, Text, Timecode, VisualPrompt

ENCODE_AHEAD = 4
"""Frames encoded together on CUDA, where a single one leaves most of the device idle; 1 on a
CPU.
"""


class Session(Closing):
    """Prompt objects on any frame, propagate, correct; a context manager.

    encode_ahead: how many frames are read and encoded together before the first is tracked;
    left out, 4 on CUDA and 1 on a CPU, where a batch brings nothing.  identity: what keeps
    objects apart.  grounder: what finds things by words; references are found by the model
    itself.
    """

    def __init__(
        self,
        model: Model,
        video: Reader | None = None,
        *,
        memory: MemorySettings | None = None,
        encode_ahead: int | None = None,
        identity: IdentitySettings | None = None,
        grounder: Grounder | None = None,
    ) -> None:
        self.model = model
        self.video = video
        on_cuda = model.device.type == "cuda"
        usual = ENCODE_AHEAD if on_cuda else 1
        self.encode_ahead = usual if encode_ahead is None else encode_ahead
        self._ahead = EncodeAhead(model.encode, self.encode_ahead)
        self._budget, self._rules = memory or MemorySettings(), identity or IdentitySettings()
        self.engine = open_engine(model, self._budget, self._rules)
        self.objects: dict[int, TrackedObject] = {}
        self.used: Ranges = ()
        self.prompt_history = PromptHistory(model, grounder)
        self._latest: tuple[Frame, Features] | None = None

    def close(self) -> None:
        """Free all state.  The model and the reader stay usable."""
        self.engine = open_engine(self.model, self._budget, self._rules)
        self.objects = {}
        self._latest = None
        self.prompt_history.keep(())
        self._ahead.clear()

    @property
    def bank(self) -> MemoryBank:
        """What is remembered of the objects."""
        return self.engine.bank

    @property
    def identities(self) -> Identities:
        """What is known of who is who."""
        return self.engine.identities

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids of the tracked objects, ascending."""
        return tuple(sorted(self.objects))

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of the tracked objects in the order given; replayed, they give the same
        masks.
        """
        return tuple(entry.prompt for entry in self.prompt_history.entries)

    def state_bytes(self) -> int:
        """Bytes of memory and priors held on the device; constant once the memory is full."""
        priors = [o.prior for o in self.objects.values() if o.prior is not None]
        local_keys = {p.frame_index: p.local_key for p in priors}
        held = [*(p.logits for p in priors), *local_keys.values()]
        return self.bank.state_bytes() + sum(t.numel() * t.element_size() for t in held)

    def ahead_bytes(self) -> int:
        """Bytes of the features of frames encoded ahead, on the device: at most `encode_ahead`
        frames'.
        """
        return self._ahead.held_bytes()

    def prompt(
        self,
        obj: int,
        frame: int | Frame,
        prompts: Sequence[PromptValue] = (),
        adjacent: Frame | None = None,
        **numbers: Unpack[PromptKwargs],
    ) -> FrameMasks:
        """Say where or what object `obj` is on a frame; returns its mask there at once.

        All that was ever said of this object on this frame counts together, as
        `vseg.prompts.resolve` has it; a new box, mask, text or reference replaces the one
        before.  On an object that is tracked already this is a correction: what was tracked
        beyond this frame is forgotten and recomputed by the next `propagate`.  Coordinates are
        video pixels of the displayed frame.  adjacent: the frame before or after, for phrases
        about motion; of a frame given by its index it is read from the video.  Raises
        BadPrompt, and NothingFound where no detection fits.
        """
        image, _ = self._look(frame)
        tracked = self._record(obj, image, collect_prompts(prompts, numbers), adjacent, frame)
        decoded = self.engine.track(image, self._encoded(image), [tracked])
        return _masks(image, [tracked], decoded)

    def add_prompt(
        self,
        obj: int,
        frame: Frame,
        prompts: Sequence[PromptValue],
        adjacent: Frame | None = None,
    ) -> None:
        """Record prompts as `prompt` does, without decoding: the next `step` on this frame
        decodes the object once, with all others.  Raises BadPrompt and NothingFound.
        """
        tracked = self._record(obj, frame, prompts, adjacent, frame)
        # A corrected object is decoded from its memory and its prompts, as `propagate` does
        # it after `prompt`: its mask on the frame before is what the prompts correct.
        tracked.prior = None

    def keep_prompts(self, obj: int, frames: Collection[int]) -> None:
        """Forget the prompts of an object on all frames but these."""
        kept = {t: p for t, p in self.objects[obj].prompts.items() if t in frames}
        self.objects[obj].prompts = kept
        self._prune_history()

    def encode_ahead_of(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, for prompts and steps in this order: up to `encode_ahead` of them
        are encoded together.

        For frames that can be had before they are due, which those of a live source cannot.
        An error of `frames` is raised after the frames before it.
        """
        return self._ahead.over(frames)

    def step(self, frame: Frame) -> FrameMasks:
        """Track every object on the next frame of a live source."""
        return self._advance(frame, list(self.objects.values()), reverse=False)

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
        chosen, first = self._choose(start, reverse, objects)
        if frames is None:
            if self.video is None:
                raise BadPrompt(
                    "this session has no video",
                    hint="use step(frame), or give Session a reader",
                )
            if not 0 <= first < len(self.video):
                raise BadPrompt(
                    f"frame {first} is past the end: 0 to {len(self.video) - 1} exist"
                )
            frames = self.video.frames(first, until, -1 if reverse else 1)
        return self._run(frames, chosen, reverse, fixed=objects is not None)

    def similarity(
        self, frame: Frame, prompts: Sequence[VisualPrompt], among: Iterable[int]
    ) -> dict[int, float]:
        """Cosine of what the prompts show on a frame to the remembered looks of objects, by
        id.

        Changes nothing.  Empty where looks are not compared, or the prompts show nothing.
        """
        if not self.identities.rules.recognise:
            return {}
        image = EncodedImage(*self._look(frame))
        decoded = ImagePredictor(self.model).decode(image, [prompts])
        if not (decoded.presence > PRESENT).any() or not (decoded.logits > 0).any():
            return {}
        known = self.identities.objects
        view = decoded.embedding[0]
        return {i: known[i].gallery.similarity(view) for i in among if i in known}

    def remove(self, obj: int) -> None:
        """Stop tracking an object and forget it; its id is not used again."""
        if obj not in self.objects:
            raise BadPrompt(
                f"there is no object {obj}",
                hint=f"tracked are {list(self.object_ids) or 'none'}",
            )
        del self.objects[obj]
        self.bank.remove(obj)
        self.identities.forget(obj)
        self._prune_history()

    def prompted_frames(self, obj: int) -> tuple[int, ...]:
        """The frames on which an object was prompted, ascending."""
        return tuple(sorted(self.objects[obj].prompts))

    def snapshot(self) -> bytes:
        """The whole state; a session restored from it continues with the same bits."""
        return pack_session(self)

    def restore(self, payload: bytes) -> None:
        """Replace the whole state by a snapshot's.  Raises BadRun if it is not one."""
        unpack_session(self, payload)

    def _record(
        self,
        obj: int,
        image: Frame,
        prompts: Sequence[PromptValue],
        adjacent: Frame | None,
        frame: int | Frame,
    ) -> TrackedObject:
        """The object with what its prompts on a frame come to; nothing is decoded."""
        self._check_id(obj)
        self.bank.admit(obj)
        rotation = self.video.info.rotation if self.video is not None else 0
        for prompt in prompts:
            check_prompt(prompt, image.image.shape[:2], rotation)
        if adjacent is None and any(isinstance(value, Text) for value in prompts):
            adjacent = self._adjacent(frame)
        new = [Prompt(obj, Timecode(image.index), value) for value in prompts]
        entries = self.prompt_history.ground(new, image, adjacent)
        height, width = image.image.shape[:2]
        visual = self.prompt_history.resolve(entries, (height, width))
        self.prompt_history.add(entries)
        tracked = self.objects.get(obj) or TrackedObject(obj)
        tracked.prompts[image.index] = visual
        tracked.stale.add(image.index)
        self.objects[obj] = tracked
        self.used = joined(self.used, obj)
        self.bank.forget(obj, after=image.index, reverse=tracked.reverse)
        self.identities.correct(obj)
        return tracked

    def _prune_history(self) -> None:
        """Forget the history of prompts that no object has any more."""
        self.prompt_history.keep({(i, t) for i, o in self.objects.items() for t in o.prompts})

    def _run(
        self, frames: Iterator[Frame], chosen: set[int], reverse: bool, fixed: bool
    ) -> Iterator[FrameMasks]:
        for frame in self._ahead.over(frames):
            if not fixed:
                chosen |= {o.object_id for o in self.objects.values() if o.stale}
            born = [o for o in self.objects.values() if o.born(frame.index, reverse)]
            live = [o for o in born if o.object_id in chosen]
            yield self._advance(frame, live, reverse)

    def _choose(
        self, start: int | None, reverse: bool, objects: Sequence[int] | None
    ) -> tuple[set[int], int]:
        if not self.objects:
            raise BadPrompt(
                "nothing to propagate: no object was prompted", hint="call prompt first"
            )
        unknown = sorted(set(objects or ()) - set(self.objects))
        if unknown:
            raise BadPrompt(
                f"there is no object {unknown[0]}", hint=f"tracked: {self.object_ids}"
            )
        if start is not None:
            return set(self.objects if objects is None else objects), start
        pool = [o for o in self.objects.values() if objects is None or o.object_id in objects]
        pool = [o for o in pool if o.stale] or pool
        edges = [frame for o in pool for frame in (o.stale or o.prompts)]
        return {o.object_id for o in pool}, max(edges) if reverse else min(edges)

    def _advance(self, frame: Frame, live: list[TrackedObject], reverse: bool) -> FrameMasks:
        live = sorted(live, key=lambda o: o.object_id)
        features = self._encoded(frame)
        for tracked in live:
            tracked.reverse = reverse
        decoded = self.engine.track(frame, features, live) if live else None
        for tracked in live:
            tracked.stale.discard(frame.index)
        return replace(_masks(frame, live, decoded), events=self.identities.drain())

    def _look(self, frame: int | Frame) -> tuple[Frame, Features]:
        """The frame and its features; the last one looked at is kept, for rounds of clicks."""
        if isinstance(frame, int):
            frame = self._fetch(frame)
        self._latest = (frame, self._encoded(frame))
        return self._latest

    def _encoded(self, frame: Frame) -> Features:
        if self._latest is not None and self._latest[0] is frame:
            return self._latest[1]
        return self._ahead.features(frame) or self.model.encode([frame])[0]

    def _fetch(self, index: int) -> Frame:
        if self._latest is not None and self._latest[0].index == index:
            return self._latest[0]
        if self.video is None:
            raise BadPrompt(
                f"frame {index} cannot be read: this session has no video",
                hint="give the Frame itself, or give Session a reader",
            )
        if not 0 <= index < len(self.video):
            raise BadPrompt(f"frame {index} is past the end: 0 to {len(self.video) - 1} exist")
        return self.video.read(index)

    def _adjacent(self, frame: int | Frame) -> Frame | None:
        """None of a frame that came without its video."""
        if not isinstance(frame, int) or self.video is None:
            return None
        return adjacent_frame(self.video, frame)

    def _check_id(self, obj: int) -> None:
        if obj < 1:
            raise BadPrompt(
                f"object id {obj} is not positive", hint="ids start at 1; 0 is background"
            )
        if obj not in self.objects and holds(self.used, obj):
            raise BadPrompt(
                f"object {obj} was removed", hint="ids are not used again; take a new one"
            )


def _masks(frame: Frame, live: list[TrackedObject], decoded: Decoded | None) -> FrameMasks:
    if decoded is None:
        logits = np.zeros((0, 1, 1), dtype=np.float32)
        scores = np.zeros(0, dtype=np.float32)
        visible = np.zeros(0, dtype=bool)
    else:
        drawn, quality, presence = downloaded(
            decoded.logits, decoded.quality, decoded.presence
        )
        logits = drawn.float().numpy()
        scores = quality.numpy()
        visible = presence.numpy() > PRESENT
    height, width = frame.image.shape[:2]
    object_ids = tuple(o.object_id for o in live)
    visible &= (logits > 0).any(axis=(1, 2))
    prompted = [o for o in live if frame.index in o.prompts]
    given = {o.object_id: o.given_mask(frame.index) for o in prompted}
    exact = {obj: mask for obj, mask in given.items() if mask is not None}
    return FrameMasks(
        frame_index=frame.index,
        time_s=frame.time_s,
        pts=frame.pts,
        height=height,
        width=width,
        object_ids=object_ids,
        scores=scores,
        visible=visible,
        sources=tuple("prompt" if obj in given else "track" for obj in object_ids),
        crops=LogitCrops(object_ids, logits, visible, (height, width), exact),
    )
