"""Snapshots: the newest are kept, and what else is in their folder stays."""

import os
from pathlib import Path

import numpy as np

from vseg.events.event_snapshots import SnapshotFolder
from vseg.events.scene_event import EventObject, SceneEvent
from vseg.frame_masks import FrameMasks
from vseg.types import Frame

IMAGE = np.zeros((12, 16, 3), np.uint8)
MASKS = FrameMasks.of(Frame(0, None, 0.0, IMAGE), {1: np.ones((12, 16), bool)}, {1: 1.0})


def told(number: int) -> SceneEvent:
    key = f"gate/5e55/{number}"
    return SceneEvent("inside", "start", 0.0, 0, object=EventObject(1), key=key)


def test_only_snapshots_are_counted_and_deleted(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"holiday {number}.png").write_bytes(b"mine")
        os.utime(tmp_path / f"holiday {number}.png", (0, 0))
    said: list[str] = []
    for first in (0, 2):
        folder = SnapshotFolder(tmp_path, said.append, most=2)
        for number in (first, first + 1):
            (event,) = folder.attach([told(number)], IMAGE, MASKS)
            assert event.snapshot is not None and (tmp_path / event.snapshot).is_file()
    names = sorted(path.name for path in tmp_path.iterdir())
    kept = [f"gate_5e55_{number}.snapshot.png" for number in (2, 3)]
    assert names == [*kept, *(f"holiday {number}.png" for number in range(4))] and not said


def test_what_cannot_be_written_is_said_once_and_leaves_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    folder = SnapshotFolder(tmp_path / "images", said.append)
    (tmp_path / "images").rmdir()
    (tmp_path / "images").write_bytes(b"in the way")
    for number in range(2):
        (event,) = folder.attach([told(number)], IMAGE, MASKS)
        assert event.snapshot is None
    assert len(said) == 1 and "no more snapshots" in said[0]
    assert (tmp_path / "images").read_bytes() == b"in the way"
