"""A small clip with masks that are wrong in every way that the measures tell apart.

Enters: a folder.  Leaves: a DAVIS tree of one clip, and masks of its objects to be replayed.
The objects are disks that move; one is absent on more than ten frames (VOTS measures the
notice of an absence from eleven on), another comes late in a second clip.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from benchmarks.shared import ClipFolders

H = 72
W = 128
NUM_FRAMES = 30
_ABSENT = range(8, 22)
_LATE_FROM = 6


def write_spoiled(root: Path) -> tuple[list[ClipFolders], Path]:
    """Two clips, and the folder with their masks, <clip>/<query>/<frame>."""
    rng = np.random.default_rng(0)
    replay = root / "replay"
    clips = []
    for name in ("leaves", "late"):
        clip = ClipFolders(name, root / "JPEGImages" / name, root / "Annotations" / name)
        for folder in (clip.images, clip.truth):
            folder.mkdir(parents=True)
        for t in range(NUM_FRAMES):
            image = rng.integers(0, 255, (H, W, 3), dtype=np.uint8)
            Image.fromarray(image).save(clip.images / f"{t:05d}.jpg")
            truth = np.zeros((H, W), np.uint8)
            for number in (1, 2):
                truth[_true(name, number, t)] = number
                folder = replay / name / f"obj{number - 1}"
                folder.mkdir(parents=True, exist_ok=True)
                mask = _spoiled(name, number, t)
                Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{t:05d}.png")
            labels = Image.fromarray(truth)
            labels.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
            labels.save(clip.truth / f"{t:05d}.png")
        clips.append(clip)
    return clips, replay


def _true(name: str, number: int, t: int) -> Bool[np.ndarray, "H W"]:
    if number == 2 and (t in _ABSENT if name == "leaves" else t < _LATE_FROM):
        return np.zeros((H, W), dtype=bool)
    return _disk(20 + 2 * t, 20 + 28 * (number - 1), 10 + 3 * number)


def _spoiled(name: str, number: int, t: int) -> Bool[np.ndarray, "H W"]:
    """Shifted by some pixels; lost on some frames; elsewhere on others; seen while absent; one
    pixel wide once, and one pixel high.
    """
    truth = _true(name, number, t)
    if number == 2 and not truth.any():
        return _disk(100, 60, 6) if t % 3 == 0 else truth
    if t == 10 and number == 1:  # a sliver
        truth[:, np.flatnonzero(truth.any(axis=0))[1:]] = False
        return truth
    if t == 25 and number == 2:  # a line beside the object
        line = np.zeros((H, W), dtype=bool)
        line[2, 100:110] = True
        return line
    if t % 7 == 5:
        return np.zeros((H, W), dtype=bool)
    if t % 7 == 6:
        return _disk(110, 12, 8)
    return np.asarray(np.roll(truth, (t % 3, t % 5), axis=(0, 1)))


def _disk(cx: int, cy: int, r: int) -> Bool[np.ndarray, "H W"]:
    y, x = np.mgrid[:H, :W]
    return np.asarray((x - cx) ** 2 + (y - cy) ** 2 <= r * r)
