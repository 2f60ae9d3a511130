"""The clips that a model is checked on: a few frames, masks to begin with, and the truth if
there is some.

Enters: clips by path, and perhaps a folder of their masks.  Leaves: CheckClips.  Without
truth the objects are what nano proposes on the first frame; without clips there is a
synthetic scene, whose truth is exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from vseg.build import load_model, open_video
from vseg.errors import BadDataset, UsageError
from vseg.grounding.automatic_masks import AutomaticMaskGenerator
from vseg.io.files import real_path
from vseg.metrics.annotations import LabelFolder, LabelFrame, clip_folders
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame

_SCENE = SceneConfig(240, 432, 64, num_objects=3, seed=4)
"""Small, so that a large model on a CPU gets through it."""


@dataclass(frozen=True, slots=True)
class CheckClip:
    """given: masks of the objects on the first frame.  truth: label images by frame, and void
    pixels; none where nothing is known.
    """

    name: str
    frames: tuple[Frame, ...]
    given: Mapping[int, Bool[np.ndarray, "H W"]]
    truth: Mapping[int, LabelFrame]


def check_clips(
    clips: Sequence[Path], truth: Path | None, most: int, objects: int
) -> list[CheckClip]:
    """The first `most` frames of every clip.  Raises BadVideo, BadDataset, UsageError."""
    if not clips:
        if truth is not None:
            raise UsageError("--truth without --clips", hint="name the clips: --clips CLIP")
        return [_synthetic(most)]
    folders = {} if truth is None else clip_folders(truth)
    return [_read(clip, truth, folders, most, objects) for clip in clips]


def _synthetic(most: int) -> CheckClip:
    scene = SyntheticVideo(_SCENE)
    drawn = [scene.draw(index) for index in range(min(most, len(scene)))]
    truth = {
        index: _labelled(index, one.labels.astype(np.uint8)) for index, one in enumerate(drawn)
    }
    given = {obj: truth[0].mask(obj) for obj in truth[0].object_ids}
    return CheckClip("synthetic", tuple(one.frame for one in drawn), given, truth)


def _labelled(index: int, labels: UInt8[np.ndarray, "H W"]) -> LabelFrame:
    present = tuple(int(label) for label in np.unique(labels) if label)
    return LabelFrame(index, Path("synthetic"), labels, present)


def _read(
    clip: Path, root: Path | None, folders: Mapping[str, Path], most: int, objects: int
) -> CheckClip:
    name = real_path(clip).name if clip.is_dir() else clip.stem
    with open_video(clip) as video:
        frames = tuple(video.frames(0, min(most, len(video))))
    if root is None:
        return CheckClip(name, frames, _proposed(frames[0], objects), {})
    if name not in folders:
        raise BadDataset(
            f"{root} has no masks of {name}",
            hint=f"it has masks of {', '.join(sorted(folders)[:20])}",
        )
    truth: dict[int, LabelFrame] = {}
    for labelled in LabelFolder.open(folders[name]):
        if labelled.index >= len(frames):
            break
        truth[labelled.index] = labelled
    _check_size(truth[0], frames[0])
    given = {obj: truth[0].mask(obj) for obj in truth[0].object_ids[:objects]}
    if not given:
        raise BadDataset(f"{truth[0].path}: no object is on the first frame")
    return CheckClip(name, frames, given, truth)


def _check_size(labelled: LabelFrame, frame: Frame) -> None:
    if labelled.shape != frame.hw:
        raise BadDataset(
            f"{labelled.path} has {labelled.shape[1]}x{labelled.shape[0]} pixels, the clip "
            f"{frame.image.shape[1]}x{frame.image.shape[0]}",
            hint="give masks of the clip's own size",
        )


def _proposed(frame: Frame, objects: int) -> dict[int, Bool[np.ndarray, "H W"]]:
    """What nano proposes, best first.  Raises UsageError if that is nothing."""
    found = AutomaticMaskGenerator(load_model("nano")).propose(frame).found
    masks = [crop.paste(*frame.hw) for crop in (found.masks or ())[:objects]]
    if not masks:
        raise UsageError(
            "nano proposes no object on the first frame", hint="give masks: --truth FOLDER"
        )
    return dict(enumerate(masks, start=1))
