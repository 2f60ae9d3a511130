"""The identities of one video: what keeps objects apart, and recognises one that was absent.

Enters: what the decoder says of every object on a frame.  Leaves: the same with conflicts
resolved, which rows are reliable enough to be remembered, and what changed.  Between frames a
few views of every object (`Gallery`), when it was last visible, and a signature of the last
frame are kept: nothing that grows.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from vseg.config import IdentitySettings
from vseg.session.identity.departures import Departure, FrameColours
from vseg.session.identity.frame_facts import FrameFacts, Mirrored, Rows, divide, read_facts
from vseg.session.identity.frame_objects import FrameObjects
from vseg.session.identity.gallery import largest_cosines
from vseg.session.identity.identity_input import IdentityInput, Resolved
from vseg.session.identity.left_behind import LeftBehind
from vseg.session.identity.merges import Merges
from vseg.session.identity.nested_objects import NestedObjects
from vseg.session.identity.object_identity import SIMILAR, Looks, LooksRule, ObjectIdentity
from vseg.session.identity.overlaps import assign_masks, is_covered
from vseg.session.identity.replaced_rows import with_absent, with_shares
from vseg.session.identity.shot_boundary import CutRule, FrameSignature, frame_signature
from vseg.tensors import Decoded
from vseg.types import Frame, TrackEvent


class Identities:
    """The identities of one video; all but the rules and events go into snapshots."""

    def __init__(self, rules: IdentitySettings) -> None:
        self.rules = rules
        self.objects: dict[int, ObjectIdentity] = {}
        self.nested = NestedObjects()
        self.merges = Merges()
        self.left_behind = LeftBehind()
        self.signature: FrameSignature | None = None
        self._events: list[TrackEvent] = []

    def detect_cut(self, frame: Frame) -> bool:
        """Whether the frame begins a new shot; then no object is believed to be where it was
        until it is recognised.
        """
        if not self.rules.cuts:
            return False
        before = self.signature
        self.signature = frame_signature(frame, before, CutRule())
        # A frame is passed again when it is prompted: its cut is reported once.
        if self.signature.cut and self.signature is not before:
            self._begin_shot()
            self._events.append(TrackEvent(frame.index, "cut"))
        return self.signature.cut

    def interrupt(self, frame: Frame) -> None:
        """Note that this frame comes after a gap: who was visible is lost until it is
        recognised, as after a cut.
        """
        self.signature = None  # what changed meanwhile tells of no cut
        for object_id in self.objects:
            self._note(frame.index, object_id, visible=False)
        self._begin_shot()

    def _begin_shot(self) -> None:
        """Believe no object to be where it was."""
        for known in self.objects.values():
            known.unverified = True
            known.departure = known.departure.anew()
        self.merges.clear()
        self.left_behind.clear()

    def competitors(self, object_ids: Sequence[int]) -> Bool[np.ndarray, "O O"]:
        """Which rows must not share pixels."""
        if not self.rules.non_overlapping:
            return np.zeros((len(object_ids),) * 2, dtype=bool)
        return self.nested.competitors(object_ids)

    def look_alikes(self, object_ids: Sequence[int]) -> Bool[np.ndarray, "O O"]:
        """Which rows must not share pixels and look the same."""
        competitors = self.competitors(object_ids)
        if not competitors.any():  # no views need be compared
            return competitors
        return np.asarray(competitors & (self._cosines(object_ids) >= SIMILAR))

    def _cosines(self, object_ids: Sequence[int]) -> Float[np.ndarray, "O O"]:
        """Of the most similar views of every two rows; -1 of what nothing is known of."""
        return largest_cosines(
            [self.objects[i].gallery.views if i in self.objects else [] for i in object_ids]
        )

    def resolve(self, inputs: IdentityInput) -> Resolved:
        """The masks with one object per mask and pixel, without objects that are not
        recognised; learns from what is reliable.
        """
        for object_id in inputs.object_ids:
            known = self.objects.setdefault(object_id, ObjectIdentity())
            known.departure = known.departure.on(inputs.frame_index)
        facts = read_facts(inputs.decoded, self.competitors(inputs.object_ids))
        frame = FrameColours(inputs.image, facts.masks.shape[1:])
        self._learn_prompted(inputs, facts)
        visible = facts.visible.copy()
        if self.rules.recognise:
            visible &= self._recognised(inputs, facts, visible)
        if self.rules.departures:
            visible &= self._returned(inputs, facts, frame, visible)
        masks, visible, reliable = self._without_conflicts(inputs, facts, visible)
        if self.rules.merges and len(visible) > 1:
            masks, visible = self._divide_merged(inputs, masks, visible)
        if self.rules.coherent:
            masks = self.left_behind.without(inputs, masks, visible)
        absent = facts.visible & ~visible
        masks = masks.changed(lambda decoded: with_absent(decoded, absent))
        self._learn_tracked(inputs, masks.here, visible, reliable)
        if self.rules.departures:
            self._follow_departures(inputs, frame, masks.here, visible)
        return Resolved(masks.decoded, tuple(reliable.tolist()), masks.here)

    def _without_conflicts(
        self, inputs: IdentityInput, facts: FrameFacts, visible: Rows
    ) -> tuple[Mirrored, Rows, Rows]:
        """The masks with conflicts resolved from the coarsest to the finest, whole masks and
        then pixels; which rows are visible, and which reliable.
        """
        ids, decoded = inputs.object_ids, inputs.decoded
        competitors = facts.competitors
        if self.rules.non_overlapping and len(ids) > 1:
            given = visible & np.array(inputs.mask_given)
            self.nested.learn(ids, facts.masks, given)
            competitors = self.competitors(ids)
            galleries = [self.objects[i].gallery for i in ids]
            decoded, visible = assign_masks(inputs, facts.iou, galleries, visible, competitors)
        divided = facts.divided
        as_expected = decoded is inputs.decoded and (visible == facts.visible).all()
        if not (as_expected and (competitors == facts.competitors).all()):
            divided = divide(decoded, visible, competitors)
        # Their pixels are settled in their crops.
        elsewhere = visible & np.array(inputs.elsewhere or (False,), dtype=bool)
        return divided.masks, visible, divided.kept | elsewhere

    def correct(self, object_id: int) -> None:
        """Drop the object's views but the prompted ones, and its colours: some of them show
        what was corrected.
        """
        if object_id in self.objects:
            known = self.objects[object_id]
            known.gallery.tracked.clear()
            known.departure = Departure()

    def go_back(self, object_id: int, first: int, *, reverse: bool) -> bool:
        """Correct the object if it was tracked beyond a frame, on which tracking begins again;
        whether it was.
        """
        known = self.objects.get(object_id)
        last = None if known is None else known.departure.frame_index
        if last is None or (last >= first if reverse else last <= first):
            return False
        self.correct(object_id)
        return True

    def forget(self, object_id: int) -> None:
        """Drop everything known of an object."""
        self.objects.pop(object_id, None)
        self.merges.forget(object_id)
        self.left_behind.forget(object_id)
        self.nested.forget(object_id)

    def drain(self) -> tuple[TrackEvent, ...]:
        """The events since the last call."""
        events, self._events = tuple(self._events), []
        return events

    def _recognised(self, inputs: IdentityInput, facts: FrameFacts, visible: Rows) -> Rows:
        """Rows that need no verification, and of those that were absent the ones that appear
        as before.
        """
        recognised = np.ones(len(visible), dtype=bool)
        for row, object_id in enumerate(inputs.object_ids):
            known = self.objects[object_id]
            if inputs.prompted[row] or not visible[row]:
                continue
            if known.must_be_verified(inputs.frame_index, self.rules.reid_after):
                similarity = known.gallery.similarity(facts.embedding[row])
                recognised[row] = similarity >= self.rules.reid_threshold
        return recognised

    def leaving(self, object_id: int) -> bool:
        """Whether an object is going out through the border, so that no part of its mask may
        appear elsewhere.
        """
        known = self.objects.get(object_id)
        return known is not None and known.departure.leaving

    def _returned(
        self, inputs: IdentityInput, facts: FrameFacts, frame: FrameColours, visible: Rows
    ) -> Rows:
        """Rows of objects that did not leave and do not leave here, and of those that did the
        ones that no other object could be, nor is.
        """
        returned = np.ones(len(visible), dtype=bool)
        left = np.array([self.objects[i].departure.left for i in inputs.object_ids])
        for row, object_id in enumerate(inputs.object_ids):
            if inputs.prompted[row] or not visible[row]:
                continue
            mask = facts.masks[row]
            if not self.objects[object_id].departure.in_question(mask):
                continue
            here = facts.competitors[row] & visible & ~left
            if left[row] and is_covered(mask, facts.masks[here]):
                returned[row] = False
                continue
            looks = Looks(facts.embedding[row], frame.of(mask))
            others = self._others(object_id)
            returned[row] = self.objects[object_id].has(mask, looks, others)
        return returned

    def may_be(self, object_id: int, looks: Looks) -> bool:
        """Whether an object that is not visible may be what appears so: one that left only if
        nothing else that is known appears so.
        """
        if object_id not in self.objects:
            return False
        known = self.objects[object_id]
        return not known.departure.left or known.is_only(looks, self._others(object_id))

    def _others(self, object_id: int) -> list[ObjectIdentity]:
        """The objects that are neither this one nor a part of it or the whole of it."""
        return [k for i, k in self.objects.items() if self.nested.compete(i, object_id)]

    def _follow_departures(
        self, inputs: IdentityInput, frame: FrameColours, here: Decoded, visible: Rows
    ) -> None:
        masks = (here.logits > 0).numpy()
        for row, object_id in enumerate(inputs.object_ids):
            known = self.objects[object_id]
            if visible[row]:
                known.departure = known.departure.visible(masks[row], frame.of(masks[row]))
            else:
                known.departure = known.departure.absent()
                if known.departure.left:
                    self.merges.forget(object_id)

    def _divide_merged(
        self, inputs: IdentityInput, mirrored: Mirrored, visible: Rows
    ) -> tuple[Mirrored, Rows]:
        """Joint masks of look-alikes that overlap, divided among them."""
        ids = inputs.object_ids
        masks = (mirrored.here.logits > 0).numpy() & visible[:, None, None]
        rows = {i: row for row, i in enumerate(ids)}
        cosines = self._cosines(ids)  # of all pairs at once: one product

        def alike(rule: LooksRule, one: int, other: int) -> bool:
            cosine = float(cosines[rows[one], rows[other]])
            known = self.objects
            return self.nested.compete(one, other) and rule(known[one], known[other], cosine)

        looks = ObjectIdentity
        rules = (looks.is_look_alike, looks.is_equal, looks.is_nearly_equal)
        frame = FrameObjects.of(inputs, masks, *[partial(alike, rule) for rule in rules])
        shares = [
            {rows[i]: mask for i, mask in group.items()} for group in self.merges.divide(frame)
        ]
        if not shares:
            return mirrored, visible
        claims = inputs.decoded.logits
        mirrored = mirrored.changed(lambda one: with_shares(one, claims, shares))
        visible = visible.copy()
        for group in shares:
            for row, mask in group.items():
                visible[row] = mask.any()
        return mirrored, visible

    def _learn_prompted(self, inputs: IdentityInput, facts: FrameFacts) -> None:
        """Add views of the prompted objects, before anything is resolved: in a conflict an
        object is to keep the mask that its prompt was answered with.
        """
        for row, object_id in enumerate(inputs.object_ids):
            if inputs.prompted[row] and facts.visible[row]:
                self.objects[object_id].gallery.add(facts.embedding[row], prompted=True)

    def _learn_tracked(
        self, inputs: IdentityInput, here: Decoded, visible: Rows, reliable: Rows
    ) -> None:
        """Add views of the reliable objects, and note which became visible or were lost."""
        for row, object_id in enumerate(inputs.object_ids):
            known = self.objects[object_id]
            self._note(inputs.frame_index, object_id, visible=bool(visible[row]))
            if not visible[row]:
                continue
            # What goes out may meet what enters, whose looks its mask would show.
            if reliable[row] and not (inputs.prompted[row] or known.departure.leaving):
                known.gallery.add(here.embedding[row], prompted=False)

    def _note(self, frame_index: int, object_id: int, *, visible: bool) -> None:
        """Note whether an object is visible on a frame; tell whether that changed."""
        kind = self.objects[object_id].note(frame_index, visible=visible)
        if kind is not None:
            self._events.append(TrackEvent(frame_index, kind, object_id))
