"""What changes while a session runs: all of it, and nothing else, goes into a snapshot."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from vseg.errors import BadPrompt
from vseg.interfaces.grounder import FrameFeatures
from vseg.interfaces.memory_bank import MemoryBank
from vseg.ops.ranges import Ranges, joined
from vseg.session.factory import AnyEngine
from vseg.session.identity.identities import Identities
from vseg.session.motion_watch import MotionWatch
from vseg.session.object_ids import check_object_id
from vseg.session.prompt_history import PromptHistory
from vseg.session.tracked_object import TrackedObject
from vseg.types import Frame, Mask, Prompt, PromptValue, Timecode, VisualPrompt
from vseg.types.whole_numbers import is_whole


@dataclass(slots=True)
class SessionState:
    """objects: by id.  distractors: what is tracked beside them unseen, by ids below 0; watch:
    for more of them.  used: all object ids there ever were.  last_index, last_time_s: of the
    last frame of a live source, None before the first.  image_hw: of all images, None before
    the first.
    """

    engine: AnyEngine
    history: PromptHistory
    objects: dict[int, TrackedObject] = field(default_factory=dict)
    distractors: dict[int, TrackedObject] = field(default_factory=dict)
    watch: MotionWatch = field(default_factory=MotionWatch)
    used: Ranges = ()
    last_index: int | None = None
    last_time_s: float | None = None
    image_hw: tuple[int, int] | None = None

    @property
    def bank(self) -> MemoryBank:
        """The memory of the objects."""
        return self.engine.bank

    @property
    def identities(self) -> Identities:
        """Appearances of the objects, and which were visible last."""
        return self.engine.identities

    def device_bytes(self) -> int:
        """Bytes of memory and priors held on the device."""
        tracked = [*self.objects.values(), *self.distractors.values()]
        priors = [o.prior for o in tracked if o.prior is not None]
        local_keys = {p.local_key.data_ptr(): p.local_key for p in priors}
        held = [*(p.logits for p in priors), *local_keys.values()]
        return self.bank.state_bytes() + sum(t.numel() * t.element_size() for t in held)

    def tracked(self, obj: int) -> TrackedObject:
        """The object of this id.  Raises BadPrompt if it is not tracked."""
        if not is_whole(obj) or obj not in self.objects:
            raise BadPrompt(
                f"there is no object {obj!r}",
                hint=f"tracked are {sorted(self.objects) or 'none'}",
            )
        return self.objects[obj]

    def check_id(self, obj: int) -> int:
        """The id as an int, if an object may be prompted under it.  Raises BadPrompt."""
        return check_object_id(obj, self.objects, self.used)

    def record(
        self,
        obj: int,
        frame: Frame,
        values: Sequence[PromptValue],
        features: FrameFeatures,
        adjacent: Frame | None = None,
    ) -> TrackedObject:
        """The object with prompts of a frame resolved to visual ones; its memory beyond the
        frame is forgotten.

        features: of the frame, for grounders that share them.  Raises BadPrompt and
        NothingFound, and then nothing has changed.
        """
        new = [Prompt(obj, Timecode(frame.index), value) for value in values]
        entries = self.history.ground(new, frame, features, adjacent)
        visual = self.history.resolve(entries, frame.hw)
        self.bank.admit(obj)
        self.history.add(entries)
        tracked = self.objects.get(obj) or TrackedObject(obj)
        tracked.prompts[frame.index] = visual
        tracked.prompted_places.pop(frame.index, None)
        tracked.stale.add(frame.index)
        if tracked.passed(frame.index, tracked.reverse):
            tracked.left = None  # it is tracked anew from here on
        self.objects[obj] = tracked
        self.used = joined(self.used, obj)
        self.bank.forget(obj, after=frame.index, reverse=tracked.reverse)
        self.identities.correct(obj)
        self._drop_distractors_of(obj)
        return tracked

    def remove(self, obj: int) -> None:
        """Forget an object.  Raises BadPrompt if it is not tracked."""
        self.tracked(obj)
        del self.objects[obj]
        self.bank.remove(obj)
        self.identities.forget(obj)
        self._drop_distractors_of(obj)
        for distractor in self.distractors.values():
            distractor.apart_from.discard(obj)
        self._prune_history()

    def keep_prompts(self, obj: int, frames: Collection[int]) -> None:
        """Forget the prompts of an object on all frames but these.  Raises BadPrompt."""
        tracked = self.tracked(obj)
        if not isinstance(frames, Collection) or not all(map(is_whole, frames)):
            raise BadPrompt(f"frames is {frames!r:.60}, not a list of frame numbers")
        tracked.prompts = {t: p for t, p in tracked.prompts.items() if t in frames}
        tracked.stale &= tracked.prompts.keys()
        tracked.prompted_places = {
            t: place for t, place in tracked.prompted_places.items() if t in frames
        }
        self._prune_history()

    def selection(
        self, start: int | None, reverse: bool, objects: Sequence[int] | None
    ) -> tuple[set[int], int]:
        """The objects to propagate and the first frame; see `Session.propagate`.  Raises
        BadPrompt.
        """
        if not self.objects:
            raise BadPrompt(
                "nothing to propagate: no object was prompted", hint="call prompt first"
            )
        chosen = [self.tracked(obj) for obj in self.objects if objects is None]
        chosen += [self.tracked(obj) for obj in objects or ()]
        if start is not None:
            return {o.object_id for o in chosen}, start
        chosen = [o for o in chosen if o.pending(reverse)] or chosen
        edges = [frame for o in chosen for frame in (o.pending(reverse) or o.prompts)]
        return {o.object_id for o in chosen}, max(edges) if reverse else min(edges)

    def live(self, frame_index: int, reverse: bool, chosen: set[int]) -> list[TrackedObject]:
        """Those of the chosen objects that have begun on a frame, by ascending id."""
        known = [self.objects[obj] for obj in sorted(chosen & self.objects.keys())]
        born = [tracked for tracked in known if tracked.born(frame_index, reverse)]
        return [tracked for tracked in born if not tracked.passed(frame_index, reverse)]

    def begin(self, chosen: Collection[int], first: int, *, anew: bool, reverse: bool) -> None:
        """Begin a pass of objects on a frame.  anew: they are tracked on every frame, also
        where an earlier pass that was left early has had them.

        What an earlier pass left of frames that are tracked again is forgotten: it may be what
        is to be mended, and it is not how the object was before the pass.
        """
        for tracked in (self.objects[obj] for obj in chosen):
            if anew or tracked.reverse != reverse:
                tracked.left = None
            if tracked.left is None:
                self._go_back(tracked, first, reverse)

    def end(self, done: set[int]) -> None:
        """End a pass that these objects were in."""
        for obj in done & self.objects.keys():
            self.objects[obj].left = None

    def add_distractor(
        self,
        of: TrackedObject,
        frame_index: int,
        mask: Mask,
        beside: Collection[TrackedObject],
        *,
        moving: bool,
    ) -> TrackedObject:
        """A distractor of an object, known from a frame on.  beside: the objects that it was
        found beside, so it is none of them.  moving: it is no look-alike.
        """
        obj = min(self.distractors, default=0) - 1
        prompts: dict[int, tuple[VisualPrompt, ...]] = {frame_index: (mask,)}
        found = TrackedObject(obj, prompts, reverse=of.reverse, distractor_of=of.object_id)
        found.moving = moving
        found.apart_from.update(tracked.object_id for tracked in beside)
        self.distractors[obj] = found
        return found

    def drop_distractor(self, obj: int) -> None:
        """Track a distractor no more."""
        del self.distractors[obj]
        self.bank.remove(obj)
        self.identities.forget(obj)

    def _drop_distractors_of(self, obj: int) -> None:
        """Drop what was found by a mask that may be wrong, or needs no protection."""
        for distractor in self._distractors_of(obj):
            self.drop_distractor(distractor.object_id)

    def _distractors_of(self, obj: int) -> list[TrackedObject]:
        return [d for d in self.distractors.values() if d.distractor_of == obj]

    def _go_back(self, tracked: TrackedObject, first: int, reverse: bool) -> None:
        """Forget what was tracked of it from a frame on, or backward from there."""
        obj = tracked.object_id
        self.watch.clear()
        self.bank.forget(obj, after=first + 1 if reverse else first - 1, reverse=reverse)
        if not tracked.born(first, reverse):
            tracked.begin_again((max if reverse else min)(tracked.prompts))
        if not self.identities.go_back(obj, first, reverse=reverse):
            return
        if tracked.born(first, reverse):
            tracked.begin_again(first)
        for distractor in self._distractors_of(obj):
            # What was found from there on is looked for again where the object is prompted.
            if first in distractor.prompts or not distractor.born(first, reverse):
                self.drop_distractor(distractor.object_id)
            else:
                self._go_back(distractor, first, reverse)

    def _prune_history(self) -> None:
        """Forget the history of prompts that no object has any more."""
        self.history.keep({(i, t) for i, o in self.objects.items() for t in o.prompts})
