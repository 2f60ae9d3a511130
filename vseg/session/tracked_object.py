"""One object of a session: what it was prompted with, and where it was last."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.session.crops.crop_place import CropPlace
from vseg.session.crops.view import CropView
from vseg.session.image_predictor import only_mask
from vseg.types import VisualPrompt


@dataclass(frozen=True, slots=True)
class Prior:
    """An object's mask on the frame it was tracked on last, and that frame's key for local
    matching.

    view: what both show; None for the whole frame.
    """

    frame_index: int
    logits: Float[Tensor, "h4 w4"]
    local_key: Float[Tensor, "L h8 w8"]
    view: CropView | None = None


@dataclass(slots=True)
class TrackedObject:
    """One object: its prompts by frame, its last mask, and what is not yet propagated.

    prior: of the last decoded frame, None if it was not visible there.  stale: frames prompted
    since `propagate` last passed them.  left: the frame on which the last pass has it, until
    that comes to its end.  reverse: direction of the last pass.  place: of a small object,
    which is tracked in a crop around it; prompted_places: as it came of the prompts of each
    frame, None of an object that is not small there.  small_frames: how many of the last
    frames, without a gap, it was small on.  distractor_of: the object that it is like, of a
    thing that nobody prompted (`vseg.session.distractor_finder`), or that it moves beside
    (moving, `vseg.session.moving_things`); apart_from: the objects that it was tracked beside,
    so it is none of them.
    """

    object_id: int
    prompts: dict[int, tuple[VisualPrompt, ...]] = field(default_factory=dict)
    prior: Prior | None = None
    stale: set[int] = field(default_factory=set)
    reverse: bool = False
    place: CropPlace | None = None
    small_frames: int = 0
    left: int | None = None
    distractor_of: int | None = None
    moving: bool = False
    apart_from: set[int] = field(default_factory=set)
    prompted_places: dict[int, CropPlace | None] = field(default_factory=dict)

    def pending(self, reverse: bool) -> set[int]:
        """The frames from which on a pass in this direction has something new for it: those
        prompted since, and the one on which a pass that was left early goes on.
        """
        if self.left is None or self.reverse != reverse:
            return self.stale
        return self.stale | {self.left - 1 if reverse else self.left + 1}

    def passed(self, frame_index: int, reverse: bool) -> bool:
        """Whether a pass in this direction that was left early has had this frame."""
        if self.left is None or self.reverse != reverse:
            return False
        return frame_index >= self.left if reverse else frame_index <= self.left

    def born(self, frame_index: int, reverse: bool) -> bool:
        """Whether tracking in this direction has reached the object's first prompt."""
        if reverse:
            return frame_index <= max(self.prompts)
        return frame_index >= min(self.prompts)

    def begin_again(self, frame_index: int) -> None:
        """Be tracked next on a frame that does not follow the one it was tracked on last.

        It is looked for where the nearest prompts showed it, or where it was last if that is
        nearer in time.
        """
        self.small_frames = 0
        self.prior = None
        if not self.prompted_places:
            return
        nearest = min(self.prompted_places, key=lambda t: abs(t - frame_index))
        last = self.place
        if last is None or abs(nearest - frame_index) <= abs(last.frame_index - frame_index):
            self.place = self.prompted_places[nearest]

    def given_mask(self, frame_index: int) -> Bool[np.ndarray, "H W"] | None:
        """The mask the user gave on this frame, if a mask is all that was given."""
        given = only_mask(self.prompts.get(frame_index, ()))
        return None if given is None else given.mask
