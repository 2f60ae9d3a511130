"""A tracker as one file: the session's snapshot, whole, with what the tracker itself knows.

The file is safetensors: one tensor of bytes, which is the snapshot, and JSON in the header.
Nothing is pickled.  A digest of both tells a damaged file from a good one before either is
read.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vseg.errors import BadTrackerState
from vseg.io.files import atomic_write_bytes
from vseg.ops.ranges import Ranges

_FORMAT = 2
_HINT = "give a file of Tracker.save"
_DAMAGE = (
    SafetensorError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""What reading a file of another kind raises."""


@dataclass(frozen=True, slots=True)
class TrackerState:
    """snapshot: of the session.  model: its weights_sha256.  short_side: at which the frames
    are; None of a model of one size.  image_hw: of the frames, None before the first.  index,
    last_s: of the last frame.  used: ranges of ids.
    """

    snapshot: bytes
    model: str
    short_side: int | None
    image_hw: tuple[int, int] | None
    index: int
    last_s: float | None
    object_ids: tuple[int, ...]
    used: Ranges
    labels: dict[int, str]


def write_state(path: Path, state: TrackerState) -> None:
    """Write the file, whole or not at all.  Raises OutputError."""
    facts = asdict(state)
    snapshot = facts.pop("snapshot")
    header = json.dumps(facts)
    tensors = {"session": np.frombuffer(snapshot, dtype=np.uint8)}
    notes = {
        "format": str(_FORMAT),
        "tracker": header,
        "sha256": _digest(header, snapshot),
    }
    atomic_write_bytes(path, save(tensors, notes))


def read_state(path: Path, model: str) -> TrackerState:
    """What `write_state` wrote.  Raises BadTrackerState for anything else, and for a tracker
    of a model with other weights than `model`.
    """
    try:
        payload = _payload(path)
        size = int.from_bytes(payload[:8], "little")
        notes = json.loads(payload[8 : 8 + size])["__metadata__"]
        snapshot = load(payload)["session"].tobytes()
        known = notes["format"] == str(_FORMAT)
        whole = notes["sha256"] == _digest(notes["tracker"], snapshot)
    except OSError as error:
        raise BadTrackerState(
            f"{path} cannot be read: {error.strerror}", hint=_HINT
        ) from error
    except _DAMAGE as error:
        raise BadTrackerState(
            f"{path} is no saved tracker, or is damaged", hint=_HINT
        ) from error
    if not whole or not known:
        what = "of another version of vseg" if not known else "damaged"
        raise BadTrackerState(f"{path} is {what}", hint="begin a new Tracker, and prompt it")
    header = json.loads(notes["tracker"])
    if header["model"] != model:
        raise BadTrackerState(
            f"{path} was saved with another model's weights",
            hint="load the model it was saved with, or begin a new Tracker",
        )
    hw = header.pop("image_hw")
    return TrackerState(
        snapshot=snapshot,
        image_hw=None if hw is None else (hw[0], hw[1]),
        object_ids=tuple(header.pop("object_ids")),
        used=tuple((first, end) for first, end in header.pop("used")),
        labels={int(obj): label for obj, label in header.pop("labels").items()},
        **header,
    )


def _payload(path: Path) -> bytes:
    """The bytes of the file.  Raises OSError, and BadTrackerState for what is none: a pipe
    would be waited for without end.
    """
    if path.exists() and not path.is_file():
        raise BadTrackerState(f"{path} is not a file", hint=_HINT)
    return path.read_bytes()


def _digest(header: str, snapshot: bytes) -> str:
    return hashlib.sha256(header.encode() + snapshot).hexdigest()
