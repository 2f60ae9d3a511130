"""Images of what scene events are about: the object, cut out of its frame with its mask.

Enters: events, the image and the masks of their frame.  Leaves: PNG files, of which the newest
are kept, and the events with their names.  What else is in the folder stays.  The mask is the
alpha channel: what is not of the object is faint.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.errors import OutputError
from vseg.events.scene_event import SceneEvent
from vseg.frame_masks import FrameMasks
from vseg.io.files import atomic_write_bytes, make_folder
from vseg.types import MaskCrop

MOST = 10_000
"""Snapshots that are kept; at about 20 KB each, 200 MB.  A round value."""

ENDING = ".snapshot.png"
"""Of their names: only what ends so is counted, and deleted."""

_AROUND = 0.25
"""How much of the surroundings is shown on each side, by the object's larger side."""

_FAINT = 96
"""The alpha of the surroundings, of 255: still to be recognised."""


class SnapshotFolder:
    """A folder of snapshots.  note: is told once when they cannot be written any more."""

    def __init__(self, folder: Path, note: Callable[[str], None], most: int = MOST) -> None:
        """Raises OutputError if the folder cannot be made."""
        self._folder = folder
        self._note = note
        self._most = most
        self._failing = False
        make_folder(folder, "snapshots")
        known = sorted(folder.glob(f"*{ENDING}"), key=lambda path: path.stat().st_mtime)
        self._names = deque(path.name for path in known)

    def attach(
        self,
        events: Sequence[SceneEvent],
        image: UInt8[np.ndarray, "H W 3"],
        masks: FrameMasks,
    ) -> list[SceneEvent]:
        """The events of a frame; those that begin, or take no time, with a snapshot."""
        return [self._with_snapshot(event, image, masks) for event in events]

    def _with_snapshot(
        self, event: SceneEvent, image: UInt8[np.ndarray, "H W 3"], masks: FrameMasks
    ) -> SceneEvent:
        told = event.object
        if event.phase not in ("start", "instant") or told is None or told.id not in masks:
            return event
        crop = masks.crop(told.id)
        if not crop.area:
            return event
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", event.key) + ENDING
        return replace(event, snapshot=name) if self._write(name, image, crop) else event

    def _write(self, name: str, image: UInt8[np.ndarray, "H W 3"], crop: MaskCrop) -> bool:
        """Whether it is written."""
        _, png = cv2.imencode(".png", cv2.cvtColor(cut_out(image, crop), cv2.COLOR_RGBA2BGRA))
        try:
            atomic_write_bytes(self._folder / name, png.tobytes())
        except OutputError as error:
            if not self._failing:
                self._note(f"no more snapshots: {error.message}")
            self._failing = True
            return False
        self._failing = False
        self._names.append(name)
        while len(self._names) > self._most:
            with suppress(OSError):
                (self._folder / self._names.popleft()).unlink()
        return True


def cut_out(image: UInt8[np.ndarray, "H W 3"], crop: MaskCrop) -> UInt8[np.ndarray, "h w 4"]:
    """The object and what is around it, with its mask as alpha."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = crop.xyxy
    around = round(_AROUND * max(x2 - x1, y2 - y1))
    left = max(0, x1 - around)
    top = max(0, y1 - around)
    right = min(width, x2 + around)
    bottom = min(height, y2 + around)
    alpha = np.full((bottom - top, right - left), _FAINT, dtype=np.uint8)
    alpha[y1 - top : y2 - top, x1 - left : x2 - left][crop.mask] = 255
    return np.dstack([image[top:bottom, left:right], alpha])
