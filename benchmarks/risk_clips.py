"""Clips with true masks, for measuring what risk predicts: a part of benchmarks/risk.py.

Enters: a dataset zip with `video/<clip>/<frame>`, a DAVIS tree, or seeds of synthetic scenes.
Leaves: TrueClips, one at a time.  A pasted clip is one with a second object before it, cut
out of another clip, or out of itself and mirrored, and moved over it.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from jaxtyping import UInt8

from benchmarks.shared import clips_of
from vseg import open_video
from vseg.metrics.annotations import LabelFolder
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame

FIRST_SEED = 1_600_000
"""Scenes of demos, tests and other benchmarks have other ones."""
LEAST_PIXELS = 200
"""Of an object on its first frame, for a prompt to be unambiguous.  A round value."""
SCENE_FRAMES = 60


@dataclass(frozen=True, slots=True)
class TrueClip:
    """name: unique in its kind; fit and test are told apart by it.  truths: ids of objects."""

    name: str
    kind: str
    frames: Sequence[Frame]
    truths: Sequence[UInt8[np.ndarray, "H W"]]

    @property
    def ids(self) -> list[int]:
        """The objects that are large enough on the first frame to be prompted there."""
        areas = np.bincount(self.truths[0].ravel(), minlength=256)
        return [int(k) for k in range(1, 255) if areas[k] >= LEAST_PIXELS]


def zipped_clips(path: Path, kind: str, step: int) -> Iterator[TrueClip]:
    """The clips of a dataset zip, every `step`-th frame."""
    with zipfile.ZipFile(path) as archive:
        names = [PurePosixPath(n) for n in archive.namelist() if n.startswith("video/")]
        for clip in sorted({name.parts[1] for name in names}):
            masks = sorted(n for n in names if n.parts[1] == clip and n.suffix == ".png")
            pairs = [_pair(archive, mask, k) for k, mask in enumerate(masks[::step])]
            yield TrueClip(clip, kind, [f for f, _ in pairs], [t for _, t in pairs])


def pasted_clips(path: Path, kind: str, step: int, offset: int) -> Iterator[TrueClip]:
    """The clips of a dataset zip with the object of the one `offset` places on before them;
    with 0, their own one mirrored.
    """
    clips = list(zipped_clips(path, kind, step))
    rng = np.random.default_rng(offset)
    for place, clip in enumerate(clips):
        other = clips[(place + offset) % len(clips)]
        yield _pasted(clip, other, rng)


def scenes(count: int, kind: str) -> Iterator[TrueClip]:
    """Synthetic scenes: in turn plain ones, objects that leave and return, look-alikes; with
    none to two occluders, and every sixth one cut in the middle.
    """
    for k in range(count):
        config = SceneConfig(
            seed=FIRST_SEED + k,
            num_frames=SCENE_FRAMES,
            num_objects=2 + k % 3,
            occluders=k % 3,
            occluder_size=2.0 if k % 5 == 0 else 1.0,
            leave_and_return=k % 4 == 1,
            look_alikes=k % 4 == 2,
            cut_at=SCENE_FRAMES // 2 if k % 6 == 3 else None,
            size=0.9,
            speed=0.5,
            camera_motion=0.5,
        )
        video = SyntheticVideo(config)
        drawn = [video.draw(index) for index in range(len(video))]
        yield TrueClip(f"scene-{k}", kind, [d.frame for d in drawn], [d.labels for d in drawn])


def davis_clips(root: Path, kind: str) -> Iterator[TrueClip]:
    """The clips of a DAVIS tree, every frame."""
    for clip in clips_of(root):
        with open_video(clip.images) as video:
            frames = list(video)
        truths = [label.labels for label in LabelFolder.open(clip.truth)]
        yield TrueClip(clip.name, kind, frames, truths)


def _pair(
    archive: zipfile.ZipFile, mask: PurePosixPath, index: int
) -> tuple[Frame, UInt8[np.ndarray, "H W"]]:
    image = _decoded(archive, mask.with_suffix(".webp"), cv2.IMREAD_COLOR_RGB)
    frame = Frame(index, pts=index, time_s=index / 24, image=image)
    return frame, _decoded(archive, mask, cv2.IMREAD_UNCHANGED)


def _decoded(
    archive: zipfile.ZipFile, name: PurePosixPath, flag: int
) -> UInt8[np.ndarray, "..."]:
    content = np.frombuffer(archive.read(str(name)), np.uint8)
    return np.asarray(cv2.imdecode(content, flag), dtype=np.uint8)


def _pasted(clip: TrueClip, other: TrueClip, rng: np.random.Generator) -> TrueClip:
    """The clip with the other's object before it, as object 2, at a steady drift."""
    height, width = clip.truths[0].shape
    own = clip.name == other.name
    drift = rng.uniform((-6, -1.5), (6, 1.5))
    begin = rng.uniform((-0.4, -0.2), (0.4, 0.2)) * (width, height)
    scale = rng.uniform(0.7, 1.1)
    frames = []
    truths = []
    for k, (frame, truth) in enumerate(zip(clip.frames, clip.truths, strict=True)):
        source = min(k, len(other.frames) - 1)
        image = other.frames[source].image
        mask = _object_in(other.truths[source])
        if own:
            image = np.ascontiguousarray(image[:, ::-1])
            mask = np.ascontiguousarray(mask[:, ::-1])
        x, y = (begin + k * drift).tolist()
        move = np.array([[scale, 0, x], [0, scale, y]], dtype=np.float32)
        above = cv2.warpAffine(mask, move, (width, height)) > 0
        painted = frame.image.copy()
        painted[above] = cv2.warpAffine(image, move, (width, height))[above]
        labels = _object_in(truth)
        labels[above] = 2
        frames.append(replace(frame, image=painted))
        truths.append(labels)
    return TrueClip(clip.name, clip.kind, frames, truths)


def _object_in(truth: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """1 on objects, 0 elsewhere; pixels of which nothing is known are no object."""
    return ((truth > 0) & (truth < 255)).astype(np.uint8)
