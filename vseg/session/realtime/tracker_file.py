"""A tracker as one file: the session's snapshot, whole, with what the tracker itself knows.

The file is safetensors: one tensor of bytes, which is the snapshot, and JSON in the header.
Nothing is pickled.  A digest tells a damaged file from a good one before anything is read.
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

_FORMAT = 1


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
    header = asdict(state)
    snapshot = header.pop("snapshot")
    header |= {"format": _FORMAT, "sha256": hashlib.sha256(snapshot).hexdigest()}
    tensors = {"session": np.frombuffer(snapshot, dtype=np.uint8)}
    atomic_write_bytes(path, save(tensors, {"tracker": json.dumps(header)}))


def read_state(path: Path, model: str) -> TrackerState:
    """What `write_state` wrote.  Raises BadTrackerState for anything else, and for a tracker
    of a model with other weights than `model`.
    """
    try:
        payload = path.read_bytes()
        size = int.from_bytes(payload[:8], "little")
        header = json.loads(json.loads(payload[8 : 8 + size])["__metadata__"]["tracker"])
        snapshot = load(payload)["session"].tobytes()
        whole = header.pop("sha256") == hashlib.sha256(snapshot).hexdigest()
        known = header.pop("format") == _FORMAT
    except OSError as error:
        raise BadTrackerState(
            f"{path} cannot be read: {error.strerror}", hint="give a file of Tracker.save"
        ) from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadTrackerState(
            f"{path} is no saved tracker, or is damaged", hint="give a file of Tracker.save"
        ) from error
    if not whole or not known:
        what = "damaged" if not whole else "of another version of vseg"
        raise BadTrackerState(f"{path} is {what}", hint="begin a new Tracker, and prompt it")
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
