"""How a session tracks with a given model: which engine steps, over which memory."""

from vseg.engine import Engine
from vseg.memory.bank import MemoryBank, MemoryBudget
from vseg.memory.slot_bank import SlotBank, SlotBudget
from vseg.model import Model
from vseg.slot_engine import SlotEngine
from vseg.slots import SlotModel

AnyModel = Model | SlotModel
AnyEngine = Engine | SlotEngine


def open_engine(model: AnyModel, budget: MemoryBudget) -> AnyEngine:
    """An engine with an empty memory.

    Of the budget, a model that remembers in slots takes the number of prompted frames; how many recent
    ones it reads is part of how it was trained.
    """
    if isinstance(model, SlotModel):
        slots = SlotBudget(budget.prompted, model.recent_slots, model.recent_pointers)
        return SlotEngine(model, SlotBank(slots))
    return Engine(model, MemoryBank(budget))
