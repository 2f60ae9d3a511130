"""The masks of one frame, by object id: what a session gives and what a run gives back.

Enters: low-resolution logits of a decoder, crops read from a run, or masks made elsewhere.
Leaves: a mapping from object id to mask at video size.  A mask is kept as a crop, so that an
object costs its own size and not the frame's; one that comes as logits is enlarged once, when
it is first asked for, whoever asks.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Int64

from vseg.errors import BadMask, UnknownObject
from vseg.ops.enlarging import enlarged_logits, enlarged_mask
from vseg.ops.rgb import check_frame
from vseg.ops.shared_pixels import STANDS, ClaimedMask, losses
from vseg.types import Frame, MaskCrop, TrackEvent
from vseg.types.whole_numbers import check_ids, is_whole

MaskSource = Literal["prompt", "track", "edit", "import"]
"""Where a mask comes from: the object was prompted on this frame, was carried to it by the
model, was changed by hand, or was made by another program.
"""

_RANKS: Mapping[MaskSource, int] = {"track": 0, "import": 0, "prompt": 1, "edit": STANDS}


@dataclass(frozen=True, slots=True)
class FineMasks:
    """Masks of objects that were decoded in crops, being small or zoomed in on, or given, by
    object id, and for every object the ids of those with which it shares no pixel.
    """

    masks: Mapping[int, MaskCrop]
    competitors: Mapping[int, Sequence[int]]


NO_FINE_MASKS = FineMasks({}, {})


class LogitCrops(Mapping[int, MaskCrop]):
    """Masks that a decoder gave as logits, enlarged to height x width when asked for.

    logits: positive means object; (h, w) covers the whole frame.  visible: an invisible object
    has an empty mask whatever its logits.  exact: masks that need no enlarging, by object id,
    as the user gave them; `given` are their ids.
    fine: masks that stand in place of their logits, and are cut out of others.
    """

    def __init__(
        self,
        object_ids: Sequence[int],
        logits: Float32[np.ndarray, "O h w"],
        visible: Bool[np.ndarray, " O"],
        hw: tuple[int, int],
        exact: Mapping[int, Bool[np.ndarray, "H W"]],
        fine: FineMasks = NO_FINE_MASKS,
    ) -> None:
        self.logits = dict(zip(object_ids, logits, strict=True))
        self.given = frozenset(exact)
        self._visible = dict(zip(object_ids, visible.tolist(), strict=True))
        self._hw = hw
        self._fine = fine
        self._crops = dict(fine.masks)
        self._crops |= {obj: MaskCrop.of(mask) for obj, mask in exact.items()}

    def __getitem__(self, obj: int) -> MaskCrop:
        if obj not in self._crops:
            self._crops[obj] = self._enlarged(obj)
        return self._crops[obj]

    def __iter__(self) -> Iterator[int]:
        return iter(self.logits)

    def __len__(self) -> int:
        return len(self.logits)

    def enlarged(self, obj: int) -> Float32[np.ndarray, "H W"]:
        """The logits of one object at video size."""
        return enlarged_logits(self.logits[obj], self._hw)

    def _enlarged(self, obj: int) -> MaskCrop:
        if not self._visible[obj]:
            return MaskCrop.empty()
        mask = enlarged_mask(self.logits[obj], self._hw)
        competitors = self._fine.competitors.get(obj, ())
        return mask.without(self._fine.masks[i] for i in competitors if i in self._fine.masks)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FrameMasks(Mapping[int, np.ndarray]):
    """The tracked objects of one frame: `masks[obj]` is the mask of an object at video size.

    A mapping: `len(masks)`, `obj in masks`, `for obj in masks`, `for obj, mask in
    masks.items()`.  object_ids, scores, visible and sources are parallel, by ascending id.
    scores: quality, the predicted IoU in [0, 1].  visible: whether the model believes the
    object to be in the image; if not, its mask is empty and its score 0.  An object that is
    not listed was not tracked on this frame.  crops: masks cut to their bounding boxes; it may
    hold more objects than are listed.  events: what happened to identities since the frame
    before.
    """

    frame_index: int
    time_s: float
    height: int
    width: int
    object_ids: tuple[int, ...]
    scores: Float32[np.ndarray, " O"]
    visible: Bool[np.ndarray, " O"]
    sources: tuple[MaskSource, ...]
    crops: Mapping[int, MaskCrop]
    pts: int | None = None
    events: tuple[TrackEvent, ...] = ()

    def __getitem__(self, obj: int) -> Bool[np.ndarray, "H W"]:
        """The mask of one object at video size, a new array.  Raises UnknownObject."""
        return self.crop(obj).paste(self.height, self.width)

    def __iter__(self) -> Iterator[int]:
        return iter(self.object_ids)

    def __len__(self) -> int:
        return len(self.object_ids)

    def __contains__(self, obj: object) -> bool:
        return obj in self.object_ids

    # By identity: to compare by value would enlarge every mask.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"FrameMasks(frame_index={self.frame_index}, object_ids={self.object_ids})"

    def crop(self, obj: int) -> MaskCrop:
        """The mask of one object, cut to its bounding box.  Raises UnknownObject."""
        self._check(obj)
        return self.crops[obj]

    def area(self, obj: int) -> int:
        """The pixels of one object's mask.  Raises UnknownObject."""
        return self.crop(obj).area

    @property
    def boxes(self) -> Int64[np.ndarray, "O 4"]:
        """The bounding box of every mask: x1 y1 x2 y2, all 0 where the mask is empty."""
        corners = [self.crops[obj].xyxy for obj in self.object_ids]
        return np.array(corners, dtype=np.int64).reshape(-1, 4)

    @property
    def masks(self) -> Bool[np.ndarray, "O H W"]:
        """All masks at video size in one array; ask for `crop` where memory matters."""
        every = np.zeros((len(self), self.height, self.width), dtype=bool)
        for row, obj in enumerate(self.object_ids):
            every[row] = self[obj]
        return every

    @property
    def logits(self) -> Float32[np.ndarray, "O h w"]:
        """What the masks were enlarged from.  Raises BadMask for masks that a session did not
        give: nothing but the mask is stored.
        """
        if not isinstance(self.crops, LogitCrops):
            raise BadMask(
                f"the masks of frame {self.frame_index} have no logits",
                hint="only a session gives them; a run stores masks",
            )
        chosen = [self.crops.logits[obj] for obj in self.object_ids]
        return np.stack(chosen) if chosen else np.zeros((0, 1, 1), dtype=np.float32)

    def only(self, ids: Iterable[int]) -> "FrameMasks":
        """The same frame with these objects alone.  Raises UnknownObject, BadPrompt for what
        is no list of ids.
        """
        wanted = set(check_ids(ids))
        for obj in sorted(wanted):
            self._check(obj)
        rows = [row for row, obj in enumerate(self.object_ids) if obj in wanted]
        return replace(
            self,
            object_ids=tuple(self.object_ids[row] for row in rows),
            scores=self.scores[rows],
            visible=self.visible[rows],
            sources=tuple(self.sources[row] for row in rows),
        )

    def with_others(self, other: "FrameMasks", kept: Collection[int] = ()) -> "FrameMasks":
        """The same frame with the objects that only `other` has, which is of this frame too.

        They were decoded apart, so that two masks may be on the same pixels: an object loses
        those to one that was prompted there, and either to one whose mask the user gave or
        changed there, or that is among `kept`, and which shares them with its like.  Otherwise
        each pixel goes to the larger logit, as where objects are tracked together; without
        logits the smaller mask has them all (`vseg.ops.shared_pixels`).
        """
        more = other.only(i for i in other.object_ids if i not in self.object_ids)
        ids = (*self.object_ids, *more.object_ids)
        order = np.argsort(ids).tolist()
        sources = (*self.sources, *more.sources)
        crops = {i: (self if i in self else more).crop(i) for i in ids}
        ranks = dict(zip(ids, (_RANKS[source] for source in sources), strict=True))
        ranks |= dict.fromkeys((*self._given, *more._given, *kept), STANDS)
        lost = losses(product(self._claims(ranks), more._claims(ranks)))
        visible = np.concatenate([self.visible, more.visible])
        for row, obj in enumerate(ids):
            if obj in lost:
                crops[obj] = crops[obj].without(lost[obj])
                visible[row] &= crops[obj].area > 0
        scores = np.concatenate([self.scores, more.scores]) * visible
        return replace(
            self,
            object_ids=tuple(ids[row] for row in order),
            scores=scores[order],
            visible=visible[order],
            sources=tuple(sources[row] for row in order),
            crops=crops,
        )

    @property
    def _given(self) -> list[int]:
        """The objects whose masks are those that the user gave on this frame, where known."""
        crops = self.crops
        return [i for i in self if isinstance(crops, LogitCrops) and i in crops.given]

    def _claims(self, ranks: Mapping[int, int]) -> list[ClaimedMask]:
        known = self.crops if isinstance(self.crops, LogitCrops) else None
        logits = {i: None if known is None else partial(known.enlarged, i) for i in self}
        return [ClaimedMask(i, self.crop(i), ranks[i], logits[i]) for i in self]

    def at_time(self, time_s: float) -> "FrameMasks":
        """The same masks at another time."""
        return replace(self, time_s=time_s)

    def _check(self, obj: int) -> None:
        if not is_whole(obj) or obj not in self.object_ids:
            held = ", ".join(map(str, self.object_ids)) or "none"
            raise UnknownObject(
                f"frame {self.frame_index} has no object {obj}", hint=f"its objects: {held}"
            )

    @staticmethod
    def of(
        frame: Frame,
        masks: Mapping[int, Bool[np.ndarray, "H W"]],
        scores: Mapping[int, float] | None = None,
    ) -> "FrameMasks":
        """Masks made elsewhere, by object id; an empty one is of an object that is not in the
        image.  scores: 1 where none is given; of an empty mask 0.  Raises BadMask for masks
        that are not of this frame.
        """
        height, width = check_frame(frame).hw
        _check_made(masks, (height, width))
        if scores is not None and not isinstance(scores, Mapping):
            raise BadMask(f"scores is {scores!r:.60}, not scores by id", hint="give {1: 0.9}")
        object_ids = tuple(sorted(masks))
        given = scores or {}
        visible = np.array([masks[obj].any() for obj in object_ids], dtype=bool)
        quality = np.array([given.get(obj, 1.0) for obj in object_ids], dtype=np.float32)
        sources: tuple[MaskSource, ...] = tuple("import" for _ in object_ids)
        return FrameMasks(
            frame_index=frame.index,
            time_s=frame.time_s,
            height=height,
            width=width,
            object_ids=object_ids,
            scores=np.where(visible, quality, np.float32(0)),
            visible=visible,
            sources=sources,
            crops={obj: MaskCrop.of(masks[obj]) for obj in object_ids},
            pts=frame.pts,
        )

    @staticmethod
    def empty(frame: Frame) -> "FrameMasks":
        """A frame on which nothing is tracked."""
        return FrameMasks.of(frame, {})


def _check_made(masks: object, hw: tuple[int, int]) -> None:
    """Raise BadMask for what are no masks of a frame of this size by object id."""
    if not isinstance(masks, Mapping):
        raise BadMask(
            f"masks is {type(masks).__name__}, not masks by object id", hint="give {1: mask}"
        )
    for obj, mask in masks.items():
        if not is_whole(obj) or obj < 1:
            raise BadMask(f"{obj!r:.60} is no object id", hint="ids are integers from 1 on")
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != hw:
            what = f"{getattr(mask, 'dtype', '')} {getattr(mask, 'shape', '')}".strip()
            raise BadMask(
                f"the mask of object {obj} is a {type(mask).__name__} {what}, not bool {hw}",
                hint="give a boolean array (height, width) of the frame: mask > 0.5",
            )
