"""A model of the SAM 2 family that passes every call on, and keeps the time of each stage."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.model import Model
from vseg.interfaces.slot_model import Slot, SlotMemory, SlotModel
from vseg.pipelines.timed_model import Timed, TimedModel
from vseg.tensors import Decoded, Features
from vseg.types import Mask


class TimedSlotModel(Timed):
    """Implements `vseg.interfaces.slot_model.SlotModel`."""

    def __init__(self, model: SlotModel) -> None:
        super().__init__(model)
        self._model = model
        self.recent_slots = model.recent_slots
        self.recent_pointers = model.recent_pointers
        self.slot_shape = model.slot_shape

    def condition(
        self, features: Features, memories: Sequence[SlotMemory]
    ) -> Float[Tensor, "O C h w"]:
        """Timed as `memory`."""
        return self._timed("memory", self._model.condition, features, memories)

    def decode(self, features: Features, conditioned: Float[Tensor, "O C h w"]) -> Decoded:
        """Timed as `decode mask`."""
        return self._timed("decode mask", self._model.decode, features, conditioned)

    def encode_memory(
        self,
        features: Features,
        decoded: Decoded,
        prompted: Sequence[bool],
        given: Mapping[int, Mask],
    ) -> list[Slot]:
        """Timed as `memory`."""
        return self._timed(
            "memory", self._model.encode_memory, features, decoded, prompted, given
        )

    def keys(self, cells: Float[Tensor, "N C"]) -> Float[Tensor, "L N D"]:
        """Not timed: only a restored session makes keys again."""
        return self._model.keys(cells)


def timed(model: Model) -> TimedModel | TimedSlotModel:
    """The model with a clock on it."""
    return TimedSlotModel(model) if isinstance(model, SlotModel) else TimedModel(model)
