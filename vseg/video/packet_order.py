"""Whether the time stamps of packets can be in the order in which a decoder shows them.

In: the stamps in the order of the file, and which are of key frames.  Out: the first that does
not fit.  Nothing is decoded.
"""

from heapq import heappush, heappushpop

import numpy as np
from jaxtyping import Bool, Int64

# H.264 and H.265 let a decoder hold at most this many images back (H.264 A.3.1: 16 frames).
MAX_REORDER = 16


def first_disorder(
    shown: Int64[np.ndarray, " N"], is_key: Bool[np.ndarray, " N"], depth: int
) -> int | None:
    """The first packet whose stamp does not fit its place in the file; None if all fit.

    depth: how many images the decoder holds back.  A stamp does not fit in three cases: the
    decoder shows later ones before it; it is later than that of a key frame that is stored
    after it; or it is shown further from its place than images are reordered.
    """
    latest = np.maximum.accumulate(shown)[:-1]
    found = [
        *_shown_too_late(shown.tolist(), depth),
        *(np.flatnonzero(is_key[1:] & (shown[1:] < latest)) + 1)[:1].tolist(),
        *np.flatnonzero(np.abs(_early_by(shown)) > MAX_REORDER)[:1].tolist(),
    ]
    return min(found) if found else None


def late_packets(shown: Int64[np.ndarray, " N"]) -> Bool[np.ndarray, " N"]:
    """Which packets are stored further behind their turn than a decoder holds images back."""
    return -_early_by(shown) > MAX_REORDER


def _early_by(shown: Int64[np.ndarray, " N"]) -> Int64[np.ndarray, " N"]:
    """How many places each packet is stored before its turn; negative for behind it."""
    turn = np.argsort(np.argsort(shown, kind="stable"))
    return np.asarray(turn - np.arange(len(shown)), dtype=np.int64)


def _shown_too_late(shown: list[int], depth: int) -> list[int]:
    """The first packet with a stamp before that of an image that a decoder, which holds
    `depth` images back, has shown by then.
    """
    held: list[int] = []
    latest = shown[0] if shown else 0
    for place, stamp in enumerate(shown):
        if place > depth and stamp < latest:
            return [place]
        if place < depth:
            heappush(held, stamp)
        else:
            latest = heappushpop(held, stamp)
    return []
