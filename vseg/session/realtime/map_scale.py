"""What a session knows in cells of the mask logits, at another size of them.

Enters: a session whose model works at another short side from the next frame on.  Leaves: the
same session, its last masks and measures scaled.  Memory needs nothing: it is read cell by
cell, whatever size the frames had that it is of.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from vseg.session.identity.departures import Departure
from vseg.session.session import Session
from vseg.session.tracked_object import Prior


def scale_maps(session: Session, before: tuple[int, int], after: tuple[int, int]) -> None:
    """Scale what the session knows from maps of one height and width to another."""
    local_keys: dict[int, Tensor] = {}
    for tracked in session.objects.values():
        prior = tracked.prior
        if prior is None or prior.view is not None:  # crops have a size of their own
            continue
        place = prior.local_key.data_ptr()
        if place not in local_keys:  # objects share that of a frame
            local_keys[place] = _scaled(
                prior.local_key, _local_hw(prior.local_key, before, after)
            )
        logits = _scaled(prior.logits[None], after)[0]
        tracked.prior = Prior(prior.frame_index, logits, local_keys[place])
    rows, columns = (now / then for now, then in zip(after, before, strict=True))
    # Look-alikes that are just passing are told apart anew; the decoder knows where they are.
    session.identities.merges.clear()
    for known in session.identities.objects.values():
        known.departure = _scaled_departure(known.departure, rows * columns)


def _local_hw(
    local_key: Tensor, before: tuple[int, int], after: tuple[int, int]
) -> tuple[int, int]:
    """The size of a key for local matching, which has its own share of the cells."""
    height, width = local_key.shape[1:]
    return height * after[0] // before[0], width * after[1] // before[1]


@torch.inference_mode()
def _scaled(maps: Tensor, hw: tuple[int, int]) -> Tensor:
    return F.interpolate(maps[None], size=hw, mode="bilinear", align_corners=False)[0]


def _scaled_departure(departure: Departure, cells: float) -> Departure:
    least = max(1, round(departure.least * cells)) if departure.least else 0
    # How it moves is measured anew.
    usual = departure.usual * cells
    return replace(departure, usual=usual, least=least, motion=None, shortest=0.0)
