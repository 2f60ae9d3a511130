"""What a correction is to use in place of what its run was tracked with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vseg.interfaces.reader import OpenReader

if TYPE_CHECKING:  # they need torch, which edits that track nothing do without
    from vseg.interfaces.grounder import Grounder
    from vseg.interfaces.model import Model


@dataclass(frozen=True, slots=True)
class CorrectionSettings:
    """What a correction uses; what is None is the run's.

    source: where the clip is now, if it has moved.  video: the clip of the run, open already;
    it stays open.  model, grounder: ones that are loaded already.
    overrides: settings of `TrackConfig`: model, weights, device, redetection.
    """

    source: str | None = None
    model: "Model | None" = None
    overrides: tuple[tuple[str, Any], ...] = ()
    video: OpenReader | None = None
    grounder: "Grounder | None" = None
