"""Masks of prompted objects, decoded in as many rounds as a model was trained to take.

Enters: an encoded image and prompts.  Leaves: masks, each as if its object were alone.  Models
of the SAM 2 family decode all prompts at once.  nano decodes marks one after another, each
with the mask before as prior, the first at a coarse scale, and zooms in on the object
(`vseg.session.prompt_zoom`).  The rounds are kept with the image: a further mark begins after
those before it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.promptable_model import ObjectPrompts, PromptableModel
from vseg.session.encoded_image import EncodedImage, KeptMasks
from vseg.session.implied_marks import with_implied_marks
from vseg.session.kept_parts import with_kept_parts
from vseg.session.mask_parts import prompt_evidence, without_stray_parts
from vseg.session.obeyed_marks import with_obeyed_marks
from vseg.session.prompt_zoom import zoomed
from vseg.tensors import Decoded, Features
from vseg.types import Box, Mask


def decoded_in_rounds(
    model: PromptableModel,
    image: EncodedImage,
    objects: Sequence[ObjectPrompts],
    priors: Float[Tensor, "O h4 w4"] | None = None,
    conditioned: Float[Tensor, "O C h w"] | None = None,
) -> Decoded:
    """Masks of the objects; an object is there, since the user says so.

    priors: logits of the masks to be corrected.  conditioned: from the model's memory of the
    objects, where it has one.
    """
    if model.encode_coarse is None:
        return model.decode_prompts(image.features, objects, priors, conditioned)
    objects = [with_implied_marks(prompts) for prompts in objects]
    rounds = [prompt_rounds(prompts) for prompts in objects]
    # What also depends on a mask or a memory is not known by its prompts.
    kept = image.kept if priors is None and conditioned is None else KeptMasks()
    done, last = _kept_rounds(model, kept, rounds)
    if priors is None:
        known = _first_masks(model, image, [of[0] for of in rounds], last)
    else:
        known = priors.clone()
    for number in range(min(done), max(len(of) for of in rounds)):
        rows = [row for row, of in enumerate(rounds) if done[row] <= number < len(of)]
        if not rows:  # of one object all is kept, of another more than its rounds so far
            continue
        values = None if conditioned is None else conditioned[rows]
        corrects = priors is not None or number > 0
        prompts = [rounds[row][number] for row in rows]
        decoded = _one_round(model, image, prompts, known[rows], values, corrects)
        known[rows] = decoded.logits
        for k, row in enumerate(rows):
            last[row] = decoded.row(k)
            kept.keep_round(model, rounds[row][: number + 1], last[row])
    decoded = Decoded.stack([last[row] for row in range(len(objects))])
    decoded = replace(decoded, presence=torch.ones_like(decoded.presence))
    if priors is None and not image.crop and isinstance(model, AffinityModel):
        zoom = zoomed(model, image.frame, objects, decoded.logits)
        decoded = replace(decoded, logits=zoom.logits, fine=zoom.fine)
    return decoded


def _kept_rounds(
    model: PromptableModel, kept: KeptMasks, rounds: Sequence[list[ObjectPrompts]]
) -> tuple[list[int], dict[int, Decoded]]:
    """How many rounds of each object need not be decoded; its row after them, by its place,
    where there are any.
    """
    done: list[int] = []
    last: dict[int, Decoded] = {}
    for row, of in enumerate(rounds):
        count, before = kept.last_round(model, of)
        done.append(count)
        if before is not None:
            last[row] = before
    return done, last


def prompt_rounds(prompts: ObjectPrompts) -> list[ObjectPrompts]:
    """The prompts of one object as they are decoded, round by round: a box, or the first mark
    on the object, and with each mark after that all up to it.

    A mask is the prior of the first round alone: of the others it is the mask before.
    """
    masks = [p for p in prompts if isinstance(p, Mask)]
    boxes = [p for p in prompts if isinstance(p, Box)]
    marks = [p for p in prompts if not isinstance(p, Box | Mask)]
    positive = (k for k, mark in enumerate(marks) if np.any(mark.positive))
    # A known mask is corrected by the first mark, a box is decoded before it.
    first = 0 if boxes and not masks else 1 if masks else next(positive, 0) + 1
    later = [[*boxes, *marks[:count]] for count in range(first + 1, len(marks) + 1)]
    return [[*masks, *boxes, *marks[:first]], *later]


def coarse_masks(
    model: PromptableModel, coarse: Features, objects: Sequence[ObjectPrompts]
) -> Decoded:
    """Masks at the coarse scale, decoded twice: a click reaches a whole object there that is
    large at full size.
    """
    first = model.decode_prompts(coarse, objects)
    return model.decode_prompts(coarse, objects, first.logits)


def _one_round(
    model: PromptableModel,
    image: EncodedImage,
    objects: Sequence[ObjectPrompts],
    before: Float[Tensor, "O h4 w4"],
    conditioned: Float[Tensor, "O C h w"] | None,
    corrects: bool,
) -> Decoded:
    """The masks after the newest mark of each object.  corrects: whether those before are of
    full size, and not coarse ones.
    """
    features = image.features
    decoded = model.decode_prompts(features, objects, before, conditioned)
    coherent = _without_stray_parts(
        features, decoded.logits, objects, before if corrects else None
    )
    kept = with_kept_parts(coherent, before, objects, features.video_hw)
    return replace(decoded, logits=with_obeyed_marks(kept, objects, image.frame.image))


def _first_masks(
    model: PromptableModel,
    image: EncodedImage,
    objects: Sequence[ObjectPrompts],
    decoded: dict[int, Decoded],
) -> Float[Tensor, "O h4 w4"]:
    """Logits of the masks by their prompts alone; 0 where a mask is prompted, which is its
    own prior.

    A box tells how large its object is; points and scribbles alone do not, so their masks
    are decoded at a coarse scale.  decoded: rows that are known already.
    """
    unknown = [k for k, p in enumerate(objects) if k not in decoded and not _has(p, Mask)]
    boxed = [k for k in unknown if _has(objects[k], Box)]
    marked = [k for k in unknown if k not in boxed]
    size = (len(objects), *image.features.map_hw)
    first = torch.zeros(size, device=model.device, dtype=model.dtype)
    for k, row in decoded.items():
        first[k] = row.logits[0]
    if boxed:
        refined = model.decode_prompts(image.features, [objects[k] for k in boxed])
        first[boxed] = refined.logits
    if marked:
        coarse = image.kept.coarse(model, image.frame)
        small = coarse_masks(model, coarse, [objects[k] for k in marked]).logits
        first[marked] = F.interpolate(
            small[:, None], size=size[1:], mode="bilinear", align_corners=False
        )[:, 0]
    return first


def _without_stray_parts(
    features: Features,
    logits: Float[Tensor, "O h4 w4"],
    objects: Sequence[ObjectPrompts],
    corrected: Float[Tensor, "O h4 w4"] | None,
) -> Float[Tensor, "O h4 w4"]:
    """The masks without what neither the prompts nor the masks that they correct reach."""
    before = [None] * len(objects) if corrected is None else list(corrected)
    evidence = [
        prompt_evidence(prompts, features.video_hw, features.map_hw, prior)
        for prompts, prior in zip(objects, before, strict=True)
    ]
    return without_stray_parts(logits, evidence)


def _has(prompts: ObjectPrompts, kind: type[Box] | type[Mask]) -> bool:
    return any(isinstance(prompt, kind) for prompt in prompts)
