"""A model that can work at several sizes with the same weights."""

from typing import Protocol, runtime_checkable

from vseg.interfaces.affinity_model import AffinityModel


@runtime_checkable
class ResizableModel(AffinityModel, Protocol):
    """short_side: frames are scaled to it, in pixels; may be set between two frames by who
    owns the model.
    """

    short_side: int

    def resized(self, short_side: int) -> "ResizableModel":
        """Another model of the same weights, which are shared, with this short side."""
        ...
