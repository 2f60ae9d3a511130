"""What detects the objects of a frame that a query means: a phrase or an exemplar."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from vseg.errors import UsageError
from vseg.tensors import Features
from vseg.types import ConceptPrompt, Frame, Grounding

FrameFeatures = Callable[[], Features]
"""The features of a frame, encoded when they are first asked for."""


@runtime_checkable
class Grounder(Protocol):
    """Detects on a frame what queries mean; has weights and no state of any video.

    name, weights_sha256: which one, for the header of a run.  threshold: the least score,
    where a query names none.  shares_features_with: the weights_sha256 of the model whose
    features it can use; empty where it has an encoder of its own.
    """

    name: str
    weights_sha256: str
    threshold: float
    shares_features_with: str

    def check(self, queries: Sequence[ConceptPrompt]) -> None:
        """Raise BadPrompt for a query that it cannot ground, before a frame is read."""
        ...

    def ground(
        self,
        frame: Frame,
        queries: Sequence[ConceptPrompt],
        features: Features | None = None,
        adjacent: Frame | None = None,
    ) -> Grounding:
        """Every instance of each query on `frame` that reaches its threshold.

        features: of `frame`, by any model: a grounder that shares them does not encode the
        frame again, others do not use them.  adjacent: the frame before or after, for queries
        about motion; without it nothing moves and nothing is still.
        """
        ...


@runtime_checkable
class ClassGrounder(Grounder, Protocol):
    """A grounder whose phrases are the names of fixed classes.

    classes: all that it can detect: where no phrase is given, every object of these is meant.
    """

    classes: tuple[str, ...]


def check_grounder(grounder: object) -> None:
    """Raise UsageError for what is no grounder, such as the name of one."""
    if not isinstance(grounder, Grounder):
        raise UsageError(
            f"grounder is {type(grounder).__name__}, not what vseg.open_grounder gives",
            hint="open it: vseg.open_nano_text(model), or vseg.open_grounder(name)",
        )
