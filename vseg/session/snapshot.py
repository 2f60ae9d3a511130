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
from vseg.interfaces.memory_bank import MemoryBank
from vseg.interfaces.model import Model
from vseg.ops.ranges import Ranges
from vseg.session.engine import Prior, TrackedObject
from vseg.session.identity.identities import Identities
from vseg.session.identity.pack import pack_identities, unpack_identities
from vseg.session.prompt_history import PromptHistory
from vseg.session.prompt_history_pack import (
    pack_entries,
    pack_prompt,
    unpack_entries,
    unpack_prompt,
)

_FORMAT = 7


@runtime_checkable
class Holder(Protocol):
    """The part of a Session that a snapshot reads and writes."""

    model: Model
    prompt_history: PromptHistory
    objects: dict[int, TrackedObject]
    used: Ranges

    @property
    def bank(self) -> MemoryBank: ...

    @property
    def identities(self) -> Identities: ...


def pack_session(session: Holder) -> bytes:
    """The state as safetensors bytes."""
    tensors, memory = session.bank.pack()
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
        "memory": memory,
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
    session.bank.unpack(tensors, header["memory"])
    unpack_identities(session.identities, tensors, header["identities"])
    session.prompt_history.rounds = unpack_entries(header["rounds"], tensors)
    session.used = tuple((first, end) for first, end in header["used"])
    session.objects = {o["id"]: _restore(o, tensors) for o in header["objects"]}


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
