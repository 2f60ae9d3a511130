"""A session's whole state as safetensors bytes, so that an interrupted run continues with the
same bits.

Enters and leaves: SessionState.  Tensors are stored by name; what is not a tensor is JSON in
the header, prompts as records of `vseg.prompts.codec`.  Nothing is pickled.  What a model can
compute again from the rest, the keys of its slots, is left out.  A checksum tells a damaged
state from a whole one: of a flipped bit in a tensor nothing else would.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import astuple
from functools import partial
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vseg.errors import BadRun
from vseg.interfaces.model import Model
from vseg.prompts.codec import Image, ImageOf, pack_prompt, unpack_prompt
from vseg.session.crops.crop_place import CropPlace
from vseg.session.crops.view import CropView
from vseg.session.identity.pack import pack_identities, unpack_identities
from vseg.session.motion_watch import MotionWatch
from vseg.session.prompt_history_pack import pack_entries, unpack_entries
from vseg.session.state import SessionState
from vseg.session.tracked_object import Prior, TrackedObject
from vseg.types import Exemplar, Polygon, Prompt, Text, Timecode, VisualPrompt

_FORMAT = 22


def pack_session(state: SessionState, model: Model) -> bytes:
    """The state as safetensors bytes."""
    tensors, memory = state.bank.pack()
    images: dict[str, Image] = {}
    tracked = [*state.objects.values(), *state.distractors.values()]
    objects = [_pack_object(o, tensors, images) for o in tracked]
    appearances, identities = pack_identities(state.identities)
    history = pack_entries(state.history.entries, images)
    tensors |= appearances
    if state.watch.grey is not None:
        tensors["watch/grey"] = torch.from_numpy(state.watch.grey)
    tensors |= {f"image/{name}": torch.from_numpy(image) for name, image in images.items()}
    header = {
        "format": _FORMAT,
        "model": model.weights_sha256,
        "used": state.used,
        "last": [state.last_index, state.last_time_s],
        "image_hw": state.image_hw,
        "objects": objects,
        "watch": [state.watch.frame_index, state.watch.refused, state.watch.wait],
        "prompts": history,
        "identities": identities,
        "memory": memory,
    }
    stored = {k: v.cpu().clone() for k, v in tensors.items()}
    header["crc32"] = _checksum(header, stored)
    return save(stored, {"session": json.dumps(header)})


def unpack_session(state: SessionState, model: Model, payload: bytes) -> None:
    """Put a snapshot's state in place of this one.  Raises BadRun if it is not a fitting
    one.
    """
    if not isinstance(payload, bytes):
        raise BadRun(
            f"the saved session state is {type(payload).__name__}, not bytes",
            hint="give what Session.snapshot gave",
        )
    try:
        size = int.from_bytes(payload[:8], "little")
        header = json.loads(json.loads(payload[8 : 8 + size])["__metadata__"]["session"])
        stored = load(payload)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadRun(f"the saved session state cannot be read: {error}") from error
    if (header.get("format"), header.get("model")) != (_FORMAT, model.weights_sha256):
        raise BadRun(
            "the saved session state is of another format or model",
            hint="start anew with --overwrite",
        )
    if header.pop("crc32", None) != _checksum(header, stored):
        raise BadRun(
            "the saved session state is damaged: its checksum is another one",
            hint="start anew with --overwrite",
        )
    tensors = {k: v.to(model.device) for k, v in stored.items()}
    image_of = partial(_image, tensors)
    state.bank.unpack(tensors, header["memory"])
    unpack_identities(state.identities, tensors, header["identities"])
    state.history.entries = unpack_entries(header["prompts"], image_of)
    state.used = tuple((first, end) for first, end in header["used"])
    state.last_index, state.last_time_s = header["last"]
    state.image_hw = tuple(header["image_hw"]) if header["image_hw"] else None
    tracked = [_unpack_object(o, tensors, image_of) for o in header["objects"]]
    grey = tensors.get("watch/grey")
    frame_index, *refusal = header["watch"]
    here = None if grey is None else grey.cpu().numpy()
    state.watch = MotionWatch(frame_index, here, *refusal)
    state.objects = {o.object_id: o for o in tracked if o.distractor_of is None}
    state.distractors = {o.object_id: o for o in tracked if o.distractor_of is not None}


def _checksum(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int:
    """The CRC-32 of the header and of all tensors: it takes a third of what SHA-256 does."""
    crc = zlib.crc32(json.dumps(header).encode())
    for name, tensor in sorted(tensors.items()):
        crc = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, crc)
    return crc


def _image(tensors: Mapping[str, Tensor], name: str) -> Image:
    return np.asarray(tensors[f"image/{name}"].cpu().numpy())


def _pack_object(
    tracked: TrackedObject, tensors: dict[str, Tensor], images: dict[str, Image]
) -> dict[str, Any]:
    """The record of an object; its prior is added to `tensors`."""
    object_id = tracked.object_id
    # A prompt names a positive id; that of a distractor is negative.
    named = tracked.distractor_of or object_id
    prompts = [
        pack_prompt(Prompt(named, Timecode(frame), value), images)
        for frame, values in tracked.prompts.items()
        for value in values
    ]
    prior = None
    if tracked.prior is not None:
        view = tracked.prior.view
        prior = [tracked.prior.frame_index, None if view is None else astuple(view)]
        tensors[f"prior/{object_id}"] = tracked.prior.logits.contiguous()
        tensors[_local_key(object_id, tracked.prior.frame_index, view)] = (
            tracked.prior.local_key.contiguous()
        )
    return {
        "id": object_id,
        "prompts": prompts,
        "prior": prior,
        "stale": sorted(tracked.stale),
        "reverse": tracked.reverse,
        "place": tracked.place and astuple(tracked.place),
        "prompted_places": [
            [frame, place and astuple(place)]
            for frame, place in tracked.prompted_places.items()
        ],
        "small_frames": tracked.small_frames,
        "left": tracked.left,
        "distractor_of": tracked.distractor_of,
        "moving": tracked.moving,
        "apart_from": sorted(tracked.apart_from),
    }


def _unpack_object(
    record: dict[str, Any], tensors: dict[str, Tensor], image_of: ImageOf
) -> TrackedObject:
    object_id = record["id"]
    prompts: dict[int, tuple[VisualPrompt, ...]] = {}
    for stored in record["prompts"]:
        prompt = unpack_prompt(stored, image_of)
        assert not isinstance(prompt.value, Text | Exemplar | Polygon)
        before = prompts.get(prompt.frame_index, ())
        prompts[prompt.frame_index] = (*before, prompt.value)
    places = {t: place and CropPlace(*place) for t, place in record["prompted_places"]}
    return TrackedObject(
        object_id,
        prompts,
        _unpack_prior(record, tensors),
        set(record["stale"]),
        record["reverse"],
        record["place"] and CropPlace(*record["place"]),
        record["small_frames"],
        record["left"],
        record["distractor_of"],
        record["moving"],
        set(record["apart_from"]),
        places,
    )


def _unpack_prior(record: dict[str, Any], tensors: dict[str, Tensor]) -> Prior | None:
    if record["prior"] is None:
        return None
    frame, shown = record["prior"]
    object_id = record["id"]
    view = None if shown is None else CropView(*shown)
    name = _local_key(object_id, frame, view)
    return Prior(frame, tensors[f"prior/{object_id}"], tensors[name], view)


def _local_key(object_id: int, frame: int, view: CropView | None) -> str:
    """Its name: of the whole frame the objects share one."""
    return f"local_key/{frame}" if view is None else f"local_key/{frame}/{object_id}"
