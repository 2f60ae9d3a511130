"""A session's whole state as safetensors bytes, so that an interrupted run continues with the
same bits.

Enters and leaves: Session.  Tensors are stored by name; what is not a tensor is JSON in the
header, and the prompts are written as plain numbers.  Nothing is pickled.  What a model makes
of the rest anew, the keys of its slots, is left out.
"""

import json
from typing import Any, Protocol, runtime_checkable

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vseg.errors import BadRun
from vseg.interfaces.model import Model
from vseg.interfaces.slot_model import SlotModel
from vseg.ops.ranges import Ranges
from vseg.session.engine import Prior, TrackedObject
from vseg.session.identity.identities import Identities
from vseg.session.identity.pack import pack_identities, unpack_identities
from vseg.session.memory.bank import MemoryBank, ObjectMemory
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.prompt_history import PromptHistory
from vseg.session.prompt_history_pack import (
    pack_entries,
    pack_prompt,
    unpack_entries,
    unpack_prompt,
)

_FORMAT = 6
_SHELVES = ("prompted", "recent", "older")


@runtime_checkable
class Holder(Protocol):
    """The part of a Session that a snapshot reads and writes."""

    model: Model
    prompt_history: PromptHistory
    objects: dict[int, TrackedObject]
    used: Ranges

    @property
    def bank(self) -> MemoryBank | SlotBank: ...

    @property
    def identities(self) -> Identities: ...


def pack_session(session: Holder) -> bytes:
    """The state as safetensors bytes."""
    bank = session.bank
    tensors, order = bank.pack() if isinstance(bank, SlotBank) else _pack_shelves(bank)
    described = []
    for tracked in session.objects.values():
        described.append(_describe(tracked, tensors))
    views, identities = pack_identities(session.identities)
    heard, rounds = pack_entries(session.prompt_history.rounds)
    tensors |= views | heard
    header = {
        "format": _FORMAT,
        "model": session.model.weights_sha256,
        "used": session.used,
        "objects": described,
        "rounds": rounds,
        "identities": identities,
        "order": order,
    }
    return save(
        {k: v.cpu().clone() for k, v in tensors.items()}, {"session": json.dumps(header)}
    )


def unpack_session(session: Holder, payload: bytes) -> None:
    """Put a snapshot's state in place of the session's.  Raises BadRun if it is not a fitting
    one.
    """
    try:
        size = int.from_bytes(payload[:8], "little")
        header = json.loads(json.loads(payload[8 : 8 + size])["__metadata__"]["session"])
        tensors = {k: v.to(session.model.device) for k, v in load(payload).items()}
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadRun(f"the saved session state cannot be read: {error}") from error
    if header["format"] != _FORMAT or header["model"] != session.model.weights_sha256:
        raise BadRun(
            "the saved session state is of another format or model",
            hint="start anew with --overwrite",
        )
    bank = session.bank
    if isinstance(bank, SlotBank):
        assert isinstance(session.model, SlotModel)
        bank.unpack(tensors, header["order"], session.model.keys)
    else:
        _unpack_shelves(bank, tensors, header["order"])
    unpack_identities(session.identities, tensors, header["identities"])
    session.prompt_history.rounds = unpack_entries(header["rounds"], tensors)
    session.used = tuple((first, end) for first, end in header["used"])
    session.objects = {o["id"]: _restore(o, tensors) for o in header["objects"]}


Order = dict[str, dict[str, list[int]]]


def _pack_shelves(bank: MemoryBank) -> tuple[dict[str, Tensor], Order]:
    """The bank's tensors by name, and for each object the frames of its shelves in order."""
    tensors = {f"key/{frame}": key.contiguous() for frame, key in bank.keys.items()}
    order: Order = {}
    for object_id, shelves in bank.shelves.items():
        order[str(object_id)] = {name: list(getattr(shelves, name)) for name in _SHELVES}
        for name in _SHELVES:
            for frame, value in getattr(shelves, name).items():
                tensors[f"value/{object_id}/{name}/{frame}"] = value.contiguous()
    return tensors, order


def _unpack_shelves(bank: MemoryBank, tensors: dict[str, Tensor], order: Order) -> None:
    shelves = {}
    for object_id, frames in order.items():
        parts = {
            name: {f: tensors[f"value/{object_id}/{name}/{f}"] for f in frames[name]}
            for name in _SHELVES
        }
        shelves[int(object_id)] = ObjectMemory(**parts)
    keys = {int(k.split("/")[1]): v for k, v in tensors.items() if k.startswith("key/")}
    bank.replace(keys, shelves)


def _describe(tracked: TrackedObject, tensors: dict[str, Tensor]) -> dict[str, Any]:
    object_id = tracked.object_id
    prompts: dict[str, list[dict[str, Any]]] = {}
    for frame, given in tracked.prompts.items():
        prompts[str(frame)] = [
            pack_prompt(prompt, f"prompt/{object_id}/{frame}/{k}", tensors)
            for k, prompt in enumerate(given)
        ]
    prior = None
    if tracked.prior is not None:
        prior = tracked.prior.frame_index
        tensors[f"prior/{object_id}"] = tracked.prior.logits.contiguous()
        tensors[f"near/{prior}"] = tracked.prior.near.contiguous()
    return {
        "id": object_id,
        "prompts": prompts,
        "prior": prior,
        "stale": sorted(tracked.stale),
        "reverse": tracked.reverse,
    }


def _restore(described: dict[str, Any], tensors: dict[str, Tensor]) -> TrackedObject:
    object_id = described["id"]
    frame = described["prior"]
    return TrackedObject(
        object_id,
        {
            int(k): tuple(unpack_prompt(p, tensors) for p in given)
            for k, given in described["prompts"].items()
        },
        None
        if frame is None
        else Prior(frame, tensors[f"prior/{object_id}"], tensors[f"near/{frame}"]),
        set(described["stale"]),
        described["reverse"],
    )
