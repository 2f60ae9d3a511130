"""How far prompts reach, and what is done while they are propagated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from vseg.frame_masks import FrameMasks
from vseg.types import MaskCrop

ReachDirection = Literal["forward", "backward", "both"]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the user lets prompts reach.

    first, end: no frame outside of [first, end) is tracked; None where there is no such bound.
    unending: objects whose rows end only because a propagation was ended there, which goes on
    beyond them.
    """

    direction: ReachDirection = "both"
    first: int | None = None
    end: int | None = None
    unending: frozenset[int] = frozenset()

    def __str__(self) -> str:
        """The options of `vseg correct` that say the same; none where nothing is bounded."""
        words = [] if self.direction == "both" else [f"--direction {self.direction}"]
        bounds = ["" if bound is None else str(bound) for bound in (self.first, self.end)]
        if any(bounds):
            words.append(f"--range {':'.join(bounds)}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class PropagationSettings:
    """cut(): asked after every frame; once it is true the propagation ends, and what was
    tracked counts.  on_masks(masks): the masks of every frame as it is tracked, of which some
    may not count in the end: those behind the seam.  seen(obj, frame): the mask that the user
    saw for the prompts of an object on a frame, and which stands as if it had been given; None
    where none was shown.
    """

    reach: Reach = field(default_factory=Reach)
    cut: Callable[[], bool] = lambda: False
    on_masks: Callable[[FrameMasks], None] = lambda masks: None
    seen: Callable[[int, int], MaskCrop | None] = lambda obj, frame: None
