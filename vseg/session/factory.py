"""The engine that tracks with a model, over the memory bank that the model reads.

The only place where kinds of model differ to a session.
"""

from vseg.config import CropSettings, IdentitySettings, MemorySettings
from vseg.errors import UsageError
from vseg.interfaces.model import Model
from vseg.interfaces.slot_model import SlotModel
from vseg.session.crops.crop_decoder import CropDecoder
from vseg.session.crops.small_objects import SmallObjects
from vseg.session.engine import Engine
from vseg.session.identity.identities import Identities
from vseg.session.memory.approximation import Pooled, Pruned
from vseg.session.memory.object_banks import ObjectBanks
from vseg.session.memory.recent import Recent
from vseg.session.memory.selective import Selective
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.memory.slot_budget import SlotBudget, SlotLimit
from vseg.session.row_decoder import RowDecoder
from vseg.session.slot_engine import SlotEngine

AnyEngine = Engine | SlotEngine


def open_engine(
    model: Model, memory: MemorySettings, identity: IdentitySettings, crops: CropSettings
) -> AnyEngine:
    """An engine with an empty memory and no known identities.

    Of the settings of memory, a model that remembers in slots takes the number of prompted
    frames, the policy, the approximation and the limit; how many recent frames it reads is
    part of how it was trained; and it has no crops.  Raises UsageError as `check_memory` does.
    """
    check_memory(model, memory, 1)
    if not model.embeds_identity:
        # Nothing can be decided by comparing appearances that are not comparable.
        identity = identity.model_copy(
            update={
                "recognise": False,
                "merges": False,
                "departures": False,
                "distractors": False,
            }
        )
    identities = Identities(identity)
    if isinstance(model, SlotModel):
        return SlotEngine(model, _slot_bank(model, memory), identities)
    bank = ObjectBanks(memory)
    rows = RowDecoder(model, identities, memory.stride)
    small = SmallObjects(CropDecoder(model, rows, bank), identities, crops)
    return Engine(model, bank, identities, rows, small)


def check_memory(model: Model, memory: MemorySettings, objects: int) -> None:
    """Raise UsageError for settings the model's memory has not, or a memory too small for so
    many objects.
    """
    if isinstance(model, SlotModel):
        _slot_budget(model, memory).check(objects)
    elif (memory.policy, memory.approximation, memory.budget_mib) != ("recent", "none", None):
        raise UsageError(
            f"{model.name} has no memory policies, approximations or budget in MiB",
            hint="drop --memory-policy, --memory-approximation and --memory-budget (in a "
            "file: policy, approximation and budget_mib of [memory]), or use a model of the "
            "SAM 2 family",
        )


def _slot_bank(model: SlotModel, memory: MemorySettings) -> SlotBank:
    policy = Selective() if memory.policy == "selective" else Recent()
    approximation = None
    if memory.approximation != "none":
        kind = Pooled if memory.approximation == "pooled" else Pruned
        approximation = kind(model.slot_shape)
    return SlotBank(_slot_budget(model, memory), model.keys, policy, approximation)


def _slot_budget(model: SlotModel, memory: MemorySettings) -> SlotBudget:
    limit = None
    if memory.budget_mib is not None:
        limit = SlotLimit(memory.budget_mib, model.slot_shape)
    return SlotBudget(memory.prompted, model.recent_slots, model.recent_pointers, limit)
