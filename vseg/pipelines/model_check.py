"""One model on a few clips, in float32 and in bfloat16: masks, precision, speed and memory.

Enters: the name of a model that tracks, or a folder, and CheckClips.  Leaves: a ModelCheck: a
row for every clip, and whether bfloat16 is safe on this device.  Both passes begin with the
same masks and run freely: a difference that grows from frame to frame shows.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
import torch

from vseg.build import load_model
from vseg.interfaces.model import Model
from vseg.metrics.jf import score_frame
from vseg.ops.masks import crop_iou
from vseg.pipelines.bench import peak_bytes
from vseg.pipelines.check_clips import CheckClip
from vseg.pipelines.speed import device_name
from vseg.session.identity.gallery import Gallery, largest_cosines
from vseg.session.session import Session
from vseg.types import Mask, MaskCrop

SAFE_MEAN = 0.98
"""bfloat16 is safe where its masks have this mean IoU with those of float32 on every clip.  A
round value, as the two below; not tuned."""
SAFE_FRAME = 0.9
"""And this mean over the objects on every frame."""
SAFE_LOSS = 0.3
"""And where the truth is known, loses at most so much J&F in points on any clip."""

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class PrecisionPass:
    """One clip in one number format.

    jf: J&F in percent on the frames after the first; None without truth.  state_bytes: after
    three quarters and at the end.  visible: share of the objects' frames with a mask.
    own_cosine: the least cosine of an object's later views with those of its prompts;
    other_cosine: the largest of any two objects' views.  None where there is but one view.
    """

    frames_per_s: float
    state_bytes: tuple[int, int]
    visible: float
    jf: float | None
    own_cosine: float | None
    other_cosine: float | None


@dataclass(frozen=True, slots=True)
class ClipCheck:
    """iou: of the masks in bfloat16 with those in float32, a mean over the objects for every
    frame; two empty masks are equal.
    """

    name: str
    objects: int
    float32: PrecisionPass
    bfloat16: PrecisionPass
    iou: tuple[float, ...]

    @property
    def worst_frame(self) -> int:
        """The first frame with the least IoU."""
        return min(range(len(self.iou)), key=self.iou.__getitem__)

    @property
    def loss(self) -> float | None:
        """What bfloat16 loses, in points of J&F."""
        one = self.float32.jf
        other = self.bfloat16.jf
        return None if one is None or other is None else one - other


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """peak_mib: of the process, or of the GPU.  safe: whether bfloat16 may be used here; why:
    one sentence.
    """

    model: str
    weights_sha256: str
    device: str
    clips: tuple[ClipCheck, ...]
    peak_mib: int
    safe: bool
    why: str


def check_model(
    name: str,
    clips: Sequence[CheckClip],
    device: str = "cpu",
    note: Callable[[str], None] = lambda line: None,
) -> ModelCheck:
    """The check of a model.  note: told what runs, a line each.  Raises what `load_model`
    raises.
    """
    passes: dict[str, list[tuple[PrecisionPass, list[dict[int, MaskCrop]]]]] = {}
    sha256 = ""
    for dtype in ("float32", "bfloat16"):
        model = load_model(name, device=device, dtype=dtype)
        sha256 = model.weights_sha256
        passes[dtype] = []
        for clip in clips:
            note(f"{clip.name} in {dtype}")
            passes[dtype].append(_tracked(model, clip))
        del model
        gc.collect()
    rows = tuple(
        ClipCheck(clip.name, len(clip.given), one, other, _agreement(masks, others))
        for clip, (one, masks), (other, others) in zip(
            clips, passes["float32"], passes["bfloat16"], strict=True
        )
    )
    safe, why = _verdict(rows)
    return ModelCheck(name, sha256, device_name(device), rows, _peak_mib(device), safe, why)


def _tracked(model: Model, clip: CheckClip) -> tuple[PrecisionPass, list[dict[int, MaskCrop]]]:
    masks: list[dict[int, MaskCrop]] = []
    seconds: list[float] = []
    states: list[int] = []
    first = clip.frames[0]
    with Session(model) as session:
        for obj, mask in clip.given.items():
            session.add_prompt(obj, first, [Mask(mask)])
        for frame in clip.frames:
            began = time.perf_counter()
            decoded = session.step(frame)
            seconds.append(time.perf_counter() - began)
            masks.append({obj: decoded.crop(obj) for obj in clip.given})
            states.append(session.state_bytes())
        galleries = [known.gallery for known in session.identities.objects.values()]
        cosines = _own_cosine(galleries), _other_cosine(galleries)
    seen = [crop.area > 0 for of_frame in masks for crop in of_frame.values()]
    speed = 1 / median(seconds[len(seconds) // 2 :])
    state_bytes = (states[3 * len(states) // 4], states[-1])
    jf = _jf(clip, masks)
    return PrecisionPass(round(speed, 3), state_bytes, fmean(seen), jf, *cosines), masks


def _own_cosine(galleries: Sequence[Gallery]) -> float | None:
    least = [
        float((torch.stack(one.tracked) @ torch.stack(one.prompted).T).amax(dim=1).min())
        for one in galleries
        if one.tracked and one.prompted
    ]
    return min(least, default=None)


def _other_cosine(galleries: Sequence[Gallery]) -> float | None:
    cosines = largest_cosines([one.views for one in galleries])
    others = cosines[~np.eye(len(galleries), dtype=bool)]
    return float(others.max()) if len(others) else None


def _jf(clip: CheckClip, masks: Sequence[dict[int, MaskCrop]]) -> float | None:
    """Mean of J and F over the objects and the annotated frames after the first."""
    height, width = clip.frames[0].hw
    scores = [
        fmean(score_frame(crop.paste(height, width), labelled.mask(obj), labelled.void))
        for index, labelled in clip.truth.items()
        if index > 0
        for obj, crop in masks[index].items()
    ]
    return 100 * fmean(scores) if scores else None


def _agreement(
    masks: Sequence[dict[int, MaskCrop]], others: Sequence[dict[int, MaskCrop]]
) -> tuple[float, ...]:
    return tuple(
        fmean(crop_iou(crop, other[obj]) for obj, crop in one.items())
        for one, other in zip(masks, others, strict=True)
    )


def _verdict(rows: Sequence[ClipCheck]) -> tuple[bool, str]:
    """Whether bfloat16 is safe, and the first reason why it is not."""
    for row in rows:
        mean = fmean(row.iou)
        least = row.iou[row.worst_frame]
        if mean < SAFE_MEAN:
            return False, f"on {row.name} its masks have a mean IoU of {mean:.3f} with float32"
        if least < SAFE_FRAME:
            return False, f"on frame {row.worst_frame} of {row.name} the IoU is {least:.3f}"
        if row.loss is not None and row.loss > SAFE_LOSS:
            return False, f"on {row.name} it loses {row.loss:.1f} points of J&F"
    gain = fmean(row.bfloat16.frames_per_s / row.float32.frames_per_s for row in rows)
    worth = "and faster" if gain > 1 else "but no faster: float32 is the better choice here"
    return True, f"its masks are those of float32, {worth} ({gain:.2f} x the frames/s)"


def _peak_mib(device: str) -> int:
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) // _MIB
    return peak_bytes() // _MIB
