"""Who is who in one video: what keeps two objects apart, and an object itself after it was
away.

Enters: what the decoder says of every object on a frame.  Leaves: the same with its conflicts
settled, which rows are clear enough to be remembered, and what happened to whom.  Between
frames it keeps a few views of every object (`Gallery`), when it was last seen, and one glance
at the last frame: nothing that grows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool

from vseg.config import IdentitySettings
from vseg.ops.competitors import strongest_competitor
from vseg.session.identity.claims import Hypothesis, choose, contested, overlaps
from vseg.session.identity.cuts import CutRule, FrameSignature, frame_signature
from vseg.session.identity.gallery import Gallery
from vseg.session.identity.merges import Group, Merges
from vseg.session.identity.redraw import handed, mixed, proposed, without
from vseg.tensors import PRESENT, Decoded
from vseg.types import Frame, IdentityEvent

_NESTED = 0.5
"""Objects whose given masks share this much of the smaller one are parts of each other, not
rivals.
"""

_COVERED = 0.5
"""An object of whose mask rivals take more than this share is not clear enough to be
remembered.
"""

_ALIKE = 0.8
"""Cosine of two objects' most similar views from which one may be taken for the other."""


@dataclass(slots=True)
class Known:
    """One object as it was seen.

    last_seen: the frame, None before the first.  unproven: it has not been recognised since a
    cut.  given: the user last gave its mask, as it stands.
    """

    gallery: Gallery = field(default_factory=Gallery)
    last_seen: int | None = None
    visible: bool = False
    unproven: bool = False
    given: bool = False


@dataclass(frozen=True, slots=True)
class IdentityInput:
    """What is seen of O objects on a frame.

    prompted: rows that the user spoke of, which are believed; given: by their masks.
    """

    frame_index: int
    object_ids: tuple[int, ...]
    prompted: tuple[bool, ...]
    given: tuple[bool, ...]
    decoded: Decoded


@dataclass(frozen=True, slots=True)
class Resolved:
    """decoded: with conflicts settled.  clear: rows whose masks may be remembered."""

    decoded: Decoded
    clear: tuple[bool, ...]


class Identities:
    """The identities of one video.  `known`, `nested`, `merges` and `last` go into
    snapshots.
    """

    def __init__(self, rules: IdentitySettings) -> None:
        self.rules = rules
        self.known: dict[int, Known] = {}
        self.nested: set[tuple[int, int]] = set()
        self.merges = Merges()
        self.last: FrameSignature | None = None
        self._events: list[IdentityEvent] = []

    def look(self, frame: Frame) -> bool:
        """Whether the frame begins a new shot; then nobody is believed to be where they
        were.
        """
        if not self.rules.cuts:
            return False
        again = self.last is not None and self.last.frame_index == frame.index
        self.last = frame_signature(frame, self.last, CutRule())
        if self.last.cut and not again:
            for each in self.known.values():
                each.unproven = True
            self.merges.bodies.clear()
            self._events.append(IdentityEvent(frame.index, "cut"))
        return self.last.cut

    def competitors(self, object_ids: Sequence[int]) -> Bool[np.ndarray, "O O"]:
        """Which rows must not share pixels."""
        count = len(object_ids)
        compete = np.full((count, count), self.rules.non_overlapping)
        np.fill_diagonal(compete, False)
        for (j, one), (k, other) in combinations(enumerate(object_ids), 2):
            if _pair(one, other) in self.nested:
                compete[j, k] = compete[k, j] = False
        return compete

    def resolve(self, inputs: IdentityInput) -> Resolved:
        """The masks with one object to each thing and pixel, strangers left out; learns from
        the rest.
        """
        for row, object_id in enumerate(inputs.object_ids):
            known = self.known.setdefault(object_id, Known())
            if inputs.prompted[row]:
                known.given = inputs.given[row]
        seen = _visible(inputs.decoded)
        self._learn_prompted(inputs, seen)
        visible = seen.copy()
        if self.rules.recognise:
            visible &= self._recognised(inputs, visible)
        decoded = inputs.decoded
        clear = visible.copy()
        if self.rules.non_overlapping and len(visible) > 1:
            self._nest(inputs, visible)
            decoded, visible = self._assigned(inputs, visible)
            decoded, clear = self._parted(inputs, decoded, visible)
        if self.rules.merges and len(visible) > 1:
            decoded, visible, clear = self._divided(inputs, decoded, visible, clear)
        decoded = without(decoded, seen & ~visible)
        self._learn(inputs, decoded, visible, clear)
        return Resolved(decoded, tuple(clear.tolist()))

    def correct(self, object_id: int) -> None:
        """Drop the object's views but the prompted ones: some of them were of what was
        wrong.
        """
        if object_id in self.known:
            self.known[object_id].gallery.seen.clear()

    def forget(self, object_id: int) -> None:
        """Drop everything known of an object."""
        self.known.pop(object_id, None)
        self.merges.forget(object_id)
        self.nested = {pair for pair in self.nested if object_id not in pair}

    def drain(self) -> tuple[IdentityEvent, ...]:
        """What happened since this was last asked."""
        happened = tuple(self._events)
        self._events = []
        return happened

    def _learn_prompted(self, inputs: IdentityInput, visible: Bool[np.ndarray, " O"]) -> None:
        """Views of the prompted objects, before anything is decided: in a conflict an object
        is to keep the mask that its prompt was answered with.
        """
        for row, object_id in enumerate(inputs.object_ids):
            if inputs.prompted[row] and visible[row]:
                embedding = inputs.decoded.embedding[row]
                self.known[object_id].gallery.add(embedding, prompted=True)

    def _recognised(
        self, inputs: IdentityInput, visible: Bool[np.ndarray, " O"]
    ) -> Bool[np.ndarray, " O"]:
        """Rows that nobody doubts, and of those that were away the ones that look like
        themselves.
        """
        believed = np.ones(len(visible), dtype=bool)
        for row, object_id in enumerate(inputs.object_ids):
            known = self.known[object_id]
            if inputs.prompted[row] or not visible[row] or not self._doubted(known, inputs):
                continue
            like = known.gallery.similarity(inputs.decoded.embedding[row])
            believed[row] = like >= self.rules.reid_threshold
        return believed

    def _doubted(self, known: Known, inputs: IdentityInput) -> bool:
        if known.last_seen is None:
            return False
        return (
            known.unproven or abs(inputs.frame_index - known.last_seen) > self.rules.reid_after
        )

    def _nest(self, inputs: IdentityInput, visible: Bool[np.ndarray, " O"]) -> None:
        """Note whose given masks overlap: they may share pixels for good.  Others overlap by
        mistake.
        """
        masks = inputs.decoded.logits > 0
        for row in np.flatnonzero(np.array(inputs.given) & visible):
            shared = (masks & masks[row]).flatten(1).sum(1).float()
            smaller = masks.flatten(1).sum(1).clamp(1, int(masks[row].sum()))
            for other in torch.nonzero(shared > _NESTED * smaller)[:, 0].tolist():
                given = self.known[inputs.object_ids[other]].given
                if other != row and visible[other] and given:
                    self.nested.add(_pair(inputs.object_ids[row], inputs.object_ids[other]))

    def _assigned(
        self, inputs: IdentityInput, visible: Bool[np.ndarray, " O"]
    ) -> tuple[Decoded, Bool[np.ndarray, " O"]]:
        """One thing for each object: where several lie on the same, who claims it less is
        elsewhere.
        """
        decoded = inputs.decoded
        competitors = self.competitors(inputs.object_ids)
        if decoded.alternatives is None:
            # Whoever lost its only mask would have nowhere to go on from: sharing pixels is
            # better.
            return decoded, visible
        competitors &= visible[:, None] & visible[None]
        iou = overlaps((decoded.logits > 0)[:, ::2, ::2])
        rows: list[int] = np.flatnonzero(contested(iou, competitors)).tolist()
        if not rows:
            return decoded, visible
        made = [
            each for rank, row in enumerate(rows) for each in self._claims(inputs, row, rank)
        ]
        masks = torch.stack([proposed(decoded, rows[h.row], h.place) > 0 for h in made])
        chosen = choose(made, overlaps(masks[:, ::2, ::2]), len(rows))
        visible, choice = visible.copy(), [0] * len(visible)
        for row, k in zip(rows, chosen, strict=True):
            if k is None:
                visible[row] = False
            else:
                choice[row] = made[k].place
        if decoded.alternatives is not None:
            taken = torch.tensor(choice, device=decoded.logits.device)
            picked = decoded.picked(taken)
            keep = torch.ones(len(visible), dtype=torch.bool, device=decoded.logits.device)
            keep[rows] = False
            decoded = mixed(decoded, picked, keep)
        return decoded, visible

    def _claims(self, inputs: IdentityInput, row: int, rank: int) -> list[Hypothesis]:
        """What the object might take, and how strongly it claims it: quality and likeness."""
        decoded = inputs.decoded
        count = 1 if decoded.alternatives is None else decoded.alternatives.quality.shape[1]
        gallery = self.known[inputs.object_ids[row]].gallery
        made = []
        for k in range(count):
            of = decoded.alternatives
            quality = decoded.quality[row] if of is None else of.quality[row, k]
            embedding = decoded.embedding[row] if of is None else of.embedding[row, k]
            claim = float(quality) + gallery.similarity(embedding)
            made.append(Hypothesis(rank, k, claim + 10.0 * inputs.prompted[row]))
        return made

    def _parted(
        self, inputs: IdentityInput, decoded: Decoded, visible: Bool[np.ndarray, " O"]
    ) -> tuple[Decoded, Bool[np.ndarray, " O"]]:
        """Every pixel to who claims it most; who loses most of his pixels that way is not
        clear.
        """
        competitors = self.competitors(inputs.object_ids) & visible[:, None] & visible[None]
        compete = torch.from_numpy(competitors).to(decoded.logits.device)
        parted = decoded.logits - strongest_competitor(decoded.logits, compete)
        areas = torch.stack([(x > 0).flatten(1).sum(1) for x in (decoded.logits, parted)])
        before, after = areas.cpu().numpy()
        return replace(decoded, logits=parted), visible & (after > (1 - _COVERED) * before)

    def _divided(
        self,
        inputs: IdentityInput,
        decoded: Decoded,
        visible: Bool[np.ndarray, " O"],
        clear: Bool[np.ndarray, " O"],
    ) -> tuple[Decoded, Bool[np.ndarray, " O"], Bool[np.ndarray, " O"]]:
        """Bodies that a look-alike's mask has swallowed, handed back."""
        ids = inputs.object_ids
        drawn = (decoded.logits > 0).cpu().numpy() & visible[:, None, None]
        prompted = frozenset(i for i, said in zip(ids, inputs.prompted, strict=True) if said)
        of = dict(zip(ids, drawn, strict=True))
        divided = self.merges.divide(Group(inputs.frame_index, of, prompted, self._alike))
        clear = clear & np.array([i not in divided.unclear for i in ids])
        if divided.masks:
            rows = {i: row for row, i in enumerate(ids)}
            masks = {rows[i]: mask for i, mask in divided.masks.items()}
            decoded = handed(
                decoded, masks, {rows[i]: rows[h] for i, h in divided.holders.items()}
            )
            visible = visible | np.isin(np.arange(len(ids)), list(masks))
        return decoded, visible, clear

    def _alike(self, one: int, other: int) -> bool:
        """Whether one object may be taken for the other: rivals with a view in common."""
        if _pair(one, other) in self.nested:
            return False
        views = (self.known[one].gallery.views, self.known[other].gallery.views)
        if not all(views):
            return False
        mine, theirs = (torch.stack(each) for each in views)
        return float((mine @ theirs.T).max()) >= _ALIKE

    def _learn(
        self,
        inputs: IdentityInput,
        decoded: Decoded,
        visible: Bool[np.ndarray, " O"],
        clear: Bool[np.ndarray, " O"],
    ) -> None:
        """Views of who is clearly seen, and the changes in who is seen at all."""
        for row, object_id in enumerate(inputs.object_ids):
            known = self.known[object_id]
            if known.last_seen is not None and known.visible != visible[row]:
                happened: Literal["found", "lost"] = "found" if visible[row] else "lost"
                self._events.append(IdentityEvent(inputs.frame_index, happened, object_id))
            known.visible = bool(visible[row])
            if not visible[row]:
                continue
            known.last_seen = inputs.frame_index
            known.unproven = False
            if clear[row] and not inputs.prompted[row]:
                known.gallery.add(decoded.embedding[row], prompted=False)


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def _visible(decoded: Decoded) -> Bool[np.ndarray, " O"]:
    seen = (decoded.presence > PRESENT) & (decoded.logits > 0).flatten(1).any(1)
    return np.asarray(seen.cpu().numpy())
