"""Which stills clicks are learned from: those not kept out to measure clicks and spill on,
whose masks show one thing.

Enters: stills, named `still/<set>/<name>`.  Leaves: some of them.
"""

import zlib
from collections.abc import Iterable
from pathlib import PurePosixPath

import cv2
import numpy as np

from vseg.training.data.clip import VOID
from vseg.training.data.dataset_zip import ZippedClip

_SET = "coco_mix"  # wholly marked images with several objects of a kind
_EVERY = 4  # one still in so many is held out
_ONE_PART = 0.95  # of the mask's pixels in its largest part; not tuned


def is_held_out(name: str) -> bool:
    """Whether a still is one of those kept out: a quarter of the set, by a hash of its
    name.
    """
    path = PurePosixPath(name)
    return path.parent.name == _SET and zlib.crc32(path.name.encode()) % _EVERY == 0


def stills_of_instances(stills: Iterable[ZippedClip]) -> tuple[ZippedClip, ...]:
    """Without those kept out, and without salient objects in several parts: their one mask is
    of all that stands out, as of both cows of a pair, while a click means one.
    """
    return tuple(s for s in stills if not is_held_out(s.name) and _shows_one_thing(s))


def _shows_one_thing(still: ZippedClip) -> bool:
    """Whether there are several ids, or nearly all of the one is connected."""
    mask = still.masks[0]
    known = np.where(mask == VOID, 0, mask).astype(np.uint8)
    if known.max() > 1:
        return True
    count, _, stats, _ = cv2.connectedComponentsWithStats(known)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return count == 1 or bool(areas.max() >= _ONE_PART * areas.sum())
