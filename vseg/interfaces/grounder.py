"""What finds objects on a frame by a description of them: words or an exemplar."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from vseg.types import ConceptPrompt, Frame, Grounding


@runtime_checkable
class Grounder(Protocol):
    """Finds on a frame what is described; has weights and no state of any video.

    name, weights_sha256: which one, for the header of a run.  threshold: the least score,
    where a description names none.
    """

    name: str
    weights_sha256: str
    threshold: float

    def check(self, descriptions: Sequence[ConceptPrompt]) -> None:
        """Raise BadPrompt for a description that it cannot look for, before a frame is
        read.
        """
        ...

    def ground(
        self, frame: Frame, descriptions: Sequence[ConceptPrompt], near: Frame | None = None
    ) -> Grounding:
        """Every instance of each description on `frame` that reaches its threshold.

        near: a frame close in time, before or after, for descriptions of what moves; without
        it nothing moves and nothing is still.
        """
        ...
