"""Every kind of model a session can track with."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.slot_model import SlotModel

Model = AffinityModel | SlotModel


@runtime_checkable
class CompiledModel(Protocol):
    """What a model has beside its stages if they are compiled when first used."""

    name: str

    def warm_up(self, objects: Sequence[int], *, batch: int = 1, prompted: int = 1) -> None:
        """Compile every stage for these numbers of objects and for `batch` frames together.

        prompted: how many prompted frames an object remembers at most.
        """
        ...
