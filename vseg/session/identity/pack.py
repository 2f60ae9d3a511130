"""The identities of a session as tensors and plain numbers, for its snapshot.

Enters and leaves: Identities, with every view of every object and the signature of the last
frame as they are.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vseg.session.identity.constant_velocity import ConstantVelocity
from vseg.session.identity.departures import Departure
from vseg.session.identity.depth_order import DepthOrder
from vseg.session.identity.gallery import Gallery
from vseg.session.identity.identities import Identities
from vseg.session.identity.layers import MotionLayer
from vseg.session.identity.left_behind import LeftBehind, MaskInParts
from vseg.session.identity.merges import Merges
from vseg.session.identity.nested_objects import NestedObjects
from vseg.session.identity.object_identity import ObjectIdentity
from vseg.session.identity.shot_boundary import FrameSignature


def pack_identities(identities: Identities) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, and the rest as what JSON can hold."""
    tensors: dict[str, Tensor] = {}
    objects: dict[str, Any] = {}
    for object_id, known in identities.objects.items():
        name = f"identity/{object_id}"
        if known.gallery.prompted:
            tensors[f"{name}/prompted"] = torch.stack(known.gallery.prompted)
        if known.gallery.tracked:
            tensors[f"{name}/tracked"] = torch.stack(known.gallery.tracked)
        flags = [known.visible, known.unverified]
        departure = known.departure
        if departure.colours is not None:
            tensors[f"{name}/colours"] = torch.from_numpy(departure.colours)
        border: list[Any] = [departure.usual, departure.least, departure.leaving]
        border += [departure.inside, departure.left, departure.frame_index]
        border += [departure.shortest]
        motion = departure.motion.packed() if departure.motion else None
        objects[str(object_id)] = [known.last_visible, *flags, border, motion]
    # Without the signature a cut right after a resume would be missed.
    signature = identities.signature
    if signature is not None:
        tensors["identity/histograms"] = torch.from_numpy(signature.histograms)
        tensors["identity/layout"] = torch.from_numpy(signature.layout)
        tensors["identity/small"] = torch.from_numpy(signature.small)
    return tensors, {
        "objects": objects,
        "nested": sorted(identities.nested.pairs),
        "merges": _pack_merges(identities.merges, tensors),
        "left_behind": _pack_left_behind(identities.left_behind, tensors),
        "signature": None
        if signature is None
        else [signature.frame_index, signature.mean_change, signature.cut],
    }


def unpack_identities(
    identities: Identities, tensors: Mapping[str, Tensor], stored: Mapping[str, Any]
) -> None:
    """Put what `pack_identities` returned in place of what the identities hold."""
    identities.objects = {}
    for object_id, (last_visible, *flags, border, motion) in stored["objects"].items():
        name = f"identity/{object_id}"
        gallery = Gallery(
            *(
                [view.cpu() for view in tensors.get(f"{name}/{kind}", ())]
                for kind in ("prompted", "tracked")
            )
        )
        colours = tensors.get(f"{name}/colours")
        usual, *more = border
        departure = Departure(usual, None if colours is None else colours.cpu().numpy(), *more)
        departure = replace(departure, motion=ConstantVelocity.unpacked(motion))
        known = ObjectIdentity(gallery, last_visible, *flags)
        known.departure = departure
        identities.objects[int(object_id)] = known
    identities.nested = NestedObjects([(one, other) for one, other in stored["nested"]])
    identities.merges = _unpack_merges(tensors, stored["merges"])
    identities.left_behind = _unpack_left_behind(tensors, stored["left_behind"])
    identities.signature = None
    if stored["signature"] is not None:
        frame_index, mean_change, cut = stored["signature"]
        histograms = tensors["identity/histograms"].cpu().numpy()
        layout = tensors["identity/layout"].cpu().numpy()
        small = tensors["identity/small"].cpu().numpy()
        identities.signature = FrameSignature(
            frame_index, histograms, layout, small, mean_change, cut
        )


def _pack_merges(merges: Merges, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """What JSON can hold; adds the rest to the tensors."""
    if merges.grey is not None:
        tensors["identity/grey"] = torch.from_numpy(merges.grey)
    layers = {}
    for object_id, layer in merges.layers.items():
        name = f"identity/{object_id}"
        tensors[f"{name}/whole"] = torch.from_numpy(layer.whole)
        tensors[f"{name}/visible"] = torch.from_numpy(layer.visible)
        motion = [layer.moved.tolist(), layer.velocity.tolist()]
        layers[str(object_id)] = [*motion, layer.area, layer.touching, layer.divided]
    return {
        "layers": layers,
        "in_front": [[*pair, value] for pair, value in merges.depth.in_front.items()],
        "last": [merges.frame_index, merges.direction],
    }


def _unpack_merges(tensors: Mapping[str, Tensor], stored: Mapping[str, Any]) -> Merges:
    layers = {}
    for object_id, (moved, velocity, area, *flags) in stored["layers"].items():
        whole, visible = (
            tensors[f"identity/{object_id}/{kind}"].cpu().numpy()
            for kind in ("whole", "visible")
        )
        motion = np.array(moved), np.array(velocity)
        layers[int(object_id)] = MotionLayer(whole, *motion, area, visible, *flags)
    grey = tensors.get("identity/grey")
    depth = DepthOrder({(one, other): value for one, other, value in stored["in_front"]})
    return Merges(layers, depth, None if grey is None else grey.cpu().numpy(), *stored["last"])


def _pack_left_behind(left_behind: LeftBehind, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """What JSON can hold; adds the rest to the tensors."""
    if left_behind.grey is not None:
        tensors["identity/parts_grey"] = torch.from_numpy(left_behind.grey)
    for object_id, mask in left_behind.masks.items():
        tensors[f"identity/{object_id}/body"] = torch.from_numpy(mask.body)
        tensors[f"identity/{object_id}/behind"] = torch.from_numpy(mask.behind)
    return {
        "objects": list(left_behind.masks),
        "said": sorted(left_behind.said),
        "frame": left_behind.frame_index,
    }


def _unpack_left_behind(
    tensors: Mapping[str, Tensor], stored: Mapping[str, Any]
) -> LeftBehind:
    masks = {
        i: MaskInParts(
            *(tensors[f"identity/{i}/{kind}"].cpu().numpy() for kind in ("body", "behind"))
        )
        for i in stored["objects"]
    }
    grey = tensors.get("identity/parts_grey")
    here = None if grey is None else grey.cpu().numpy()
    return LeftBehind(masks, set(stored["said"]), here, stored["frame"])
