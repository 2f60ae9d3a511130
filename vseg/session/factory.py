"""How a session tracks with a given model: which engine steps, over which memory."""

from vseg.config import IdentitySettings, MemorySettings
from vseg.errors import UsageError
from vseg.interfaces.memory_policy import MemoryPolicy
from vseg.interfaces.model import Model
from vseg.interfaces.slot_model import SlotModel
from vseg.session.engine import Engine
from vseg.session.identity.identities import Identities
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.session.memory.approximation import Approximation, Pooled, Pruned
from vseg.session.memory.recent import Recent
from vseg.session.memory.selective import Selective
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.memory.slot_budget import SlotBudget, SlotLimit
from vseg.session.slot_engine import SlotEngine

AnyEngine = Engine | SlotEngine


def open_engine(model: Model, budget: MemorySettings, rules: IdentitySettings) -> AnyEngine:
    """An engine with an empty memory and nobody known.

    Of the budget, a model that remembers in slots takes the number of prompted frames, the
    policy, the approximation and the limit; how many recent ones it reads is part of how it
    was trained.  Raises UsageError as `check_memory` does.
    """
    check_memory(model, budget, 1)
    if isinstance(model, SlotModel):
        bank = SlotBank(
            _slot_budget(model, budget),
            model.keys,
            _policy(budget.policy),
            _approximation(model, budget),
        )
        # Object pointers were never compared as appearances, so nothing is decided by them.
        rules = rules.model_copy(update={"recognise": False, "merges": False})
        return SlotEngine(model, bank, Identities(rules))
    return Engine(model, AffinityBank(budget), Identities(rules))


def check_memory(model: Model, budget: MemorySettings, objects: int) -> None:
    """Raise UsageError for a memory the model has not, or one too small for so many
    objects.
    """
    if isinstance(model, SlotModel):
        _slot_budget(model, budget).check(objects)
    elif (budget.policy, budget.approximation, budget.budget_mib) != ("recent", "none", None):
        raise UsageError(
            f"{model.name} has no memory policies, approximations or budget in MiB",
            hint="drop --memory-policy, --memory-approximation and --memory-budget (in a "
            "file: policy, "
            "approximation and budget_mib of [memory]), or use a model of the SAM 2 family",
        )


def _slot_budget(model: SlotModel, budget: MemorySettings) -> SlotBudget:
    limit = None
    if budget.budget_mib is not None:
        limit = SlotLimit(budget.budget_mib, model.slot_shape)
    return SlotBudget(budget.prompted, model.recent_slots, model.recent_pointers, limit)


def _policy(name: str) -> MemoryPolicy:
    return Selective() if name == "selective" else Recent()


def _approximation(model: SlotModel, budget: MemorySettings) -> Approximation | None:
    if budget.approximation == "none":
        return None
    return (Pooled if budget.approximation == "pooled" else Pruned)(model.slot_shape)
