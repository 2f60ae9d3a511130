"""A tracker's whole state as bytes, so that a restored one goes on with the same bits.

Enters: named arrays.  Leaves: a header in JSON (format, tracker, settings, names and shapes),
the arrays as they lie in memory, and a checksum.  Nothing is pickled; its size is that of the
live tracks, however many frames there were.
"""

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from vseg_trackers.errors import TrackerError

State = dict[str, np.ndarray]
"""Arrays by name; only of the types in `_DTYPES`."""

_MAGIC = b"vseg-tracker\n"
_FORMAT = 2
_DTYPES = frozenset({"<i8", "<f8", "|u1"})
_LENGTH_BYTES = 8
_SUM_BYTES = 4


def pack_state(tracker: object, config: object, state: Mapping[str, np.ndarray]) -> bytes:
    """The arrays of a tracker with what they are to be restored into."""
    arrays = {name: np.ascontiguousarray(array) for name, array in state.items()}
    header = {
        "format": _FORMAT,
        "tracker": type(tracker).__name__,
        "config": repr(config),
        "arrays": {name: [a.dtype.str, *a.shape] for name, a in arrays.items()},
    }
    text = json.dumps(header).encode()
    length = len(text).to_bytes(_LENGTH_BYTES, "little")
    body = b"".join([_MAGIC, length, text, *(a.tobytes() for a in arrays.values())])
    return body + zlib.crc32(body).to_bytes(_SUM_BYTES, "little")


def unpack_state(tracker: object, config: object, payload: bytes) -> State:
    """The arrays that `pack_state` packed, each a new one.

    Raises TrackerError if the bytes are damaged, or of another format, tracker or settings.
    """
    body = payload[:-_SUM_BYTES]
    stored_sum = int.from_bytes(payload[-_SUM_BYTES:], "little")
    if not body.startswith(_MAGIC) or zlib.crc32(body) != stored_sum:
        raise TrackerError("the saved state of a tracker is damaged: track from the start")
    begin = len(_MAGIC) + _LENGTH_BYTES
    end = begin + int.from_bytes(body[len(_MAGIC) : begin], "little")
    header: dict[str, Any] = json.loads(body[begin:end])
    expected = {"format": _FORMAT, "tracker": type(tracker).__name__, "config": repr(config)}
    for name, value in expected.items():
        if header.get(name) != value:
            raise TrackerError(
                f"the saved state of a tracker has the {name} {header.get(name)}, "
                f"not {value}: restore it into the same tracker with the same settings"
            )
    return _arrays(header["arrays"], body[end:])


def _arrays(described: dict[str, list[Any]], values: bytes) -> State:
    state = {}
    offset = 0
    for name, (dtype, *shape) in described.items():
        if dtype not in _DTYPES:
            raise TrackerError(f"the saved state of a tracker holds values of type {dtype}")
        count = math.prod(shape)
        array = np.frombuffer(values, np.dtype(dtype), count, offset)
        state[name] = array.reshape(shape).copy()
        offset += array.nbytes
    return state
