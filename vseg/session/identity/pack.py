"""The identities of a session as tensors and plain numbers, for its snapshot.

Enters and leaves: Identities.  Every view of every object, and the glance at the last frame,
as they are.
"""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor

from vseg.session.identity.cuts import FrameSignature
from vseg.session.identity.gallery import Gallery
from vseg.session.identity.identities import Identities, Known
from vseg.session.identity.merges import Body


def pack_identities(identities: Identities) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, and the rest as what JSON can hold."""
    tensors: dict[str, Tensor] = {}
    known: dict[str, Any] = {}
    for object_id, each in identities.known.items():
        for name, views in (("prompted", each.gallery.prompted), ("seen", each.gallery.seen)):
            if views:
                tensors[f"identity/{object_id}/{name}"] = torch.stack(views)
        known[str(object_id)] = [each.last_seen, each.visible, each.unproven, each.given]
    last = identities.last
    if last is not None:
        tensors["identity/histograms"] = torch.from_numpy(last.histograms)
        tensors["identity/outline"] = torch.from_numpy(last.outline)
    return tensors, {
        "known": known,
        "nested": sorted(identities.nested),
        "bodies": {str(i): astuple(body) for i, body in identities.merges.bodies.items()},
        "last": None if last is None else [last.frame_index, last.usual, last.cut],
    }


def unpack_identities(
    identities: Identities, tensors: Mapping[str, Tensor], stored: Mapping[str, Any]
) -> None:
    """Put what `pack_identities` gave in place of what the identities hold."""
    identities.known = {}
    for object_id, (last_seen, *flags) in stored["known"].items():
        views = (
            tensors.get(f"identity/{object_id}/{name}", ()) for name in ("prompted", "seen")
        )
        gallery = Gallery(*(list(each) for each in views))
        identities.known[int(object_id)] = Known(gallery, last_seen, *flags)
    identities.nested = {(one, other) for one, other in stored["nested"]}
    identities.merges.bodies = {
        int(i): Body(at, (x, y), (vx, vy), area, held_by)
        for i, (at, (x, y), (vx, vy), area, held_by) in stored["bodies"].items()
    }
    identities.last = None
    if stored["last"] is not None:
        frame_index, usual, cut = stored["last"]
        histograms = tensors["identity/histograms"].cpu().numpy()
        outline = tensors["identity/outline"].cpu().numpy()
        identities.last = FrameSignature(frame_index, histograms, outline, usual, cut)
