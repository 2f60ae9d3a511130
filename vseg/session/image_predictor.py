"""Prompts -> masks on one image: what SAM calls a predictor (Kirillov et al. 2023).

Enters: an image, encoded once, and the prompts of one or several objects.  Leaves: their masks
with scores, decoded in one batch.  A mask that is already known of an object is its prior.
nano decodes marks one after another, each with the mask before as prior, as it was trained
to, and zooms in on the object (`vseg.session.prompt_zoom`); models of the SAM 2 family decode
all at once.  The predictor keeps nothing: an encoded
image belongs to its caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor

from vseg.errors import BadPrompt
from vseg.frame_masks import FrameMasks
from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.promptable_model import CoarseMasks, ObjectPrompts, PromptableModel
from vseg.ops.rgb import checked_rgb
from vseg.prompts.check import check_begins, check_prompt, collect_prompts
from vseg.prompts.visual import as_visual
from vseg.session.decoded_masks import decoded_masks
from vseg.session.fine_masks import own_fine_masks
from vseg.session.kept_parts import with_kept_parts
from vseg.session.mask_parts import prompt_evidence, without_stray_parts
from vseg.session.obeyed_marks import with_obeyed_marks
from vseg.session.prompt_zoom import zoomed
from vseg.tensors import Decoded, Features
from vseg.types import Box, Exemplar, Frame, Mask, PromptValue, Text, VisualPrompt


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image and the features that one model made of it.

    crop: whether it was cut out of a larger one, at the scale that an object needs.
    """

    frame: Frame
    features: Features
    crop: bool = False


class ImagePredictor:
    """Decodes prompts on single images with a model of any kind.

    predictor = vseg.ImagePredictor(vseg.load_model("nano"))
    image = predictor.encode(pixels)
    masks = predictor.predict(image, points=[(412, 220)])
    masks = predictor.predict(image, points=[(390, 310)], labels=[0], prior=masks.logits[0])
    """

    def __init__(self, model: PromptableModel) -> None:
        self.model = model

    def encode(self, image: Frame | np.ndarray) -> EncodedImage:
        """An RGB image, (H, W, 3) uint8, or a Frame, with its features.  Raises BadFrame."""
        if not isinstance(image, Frame):
            image = Frame(0, None, 0.0, checked_rgb(image))
        return EncodedImage(image, self.model.encode([image])[0])

    def predict(
        self,
        image: EncodedImage,
        prompts: Sequence[PromptValue] = (),
        *,
        prior: Float32[np.ndarray, "h4 w4"] | None = None,
        **numbers: Any,
    ) -> FrameMasks:
        """The mask of one object, as object 1: what a session returns for these prompts.

        Prompts are typed or plain numbers, in pixels of the image.  prior: logits of its mask
        so far, which the prompts correct: `logits[0]` of the masks before.  Raises BadPrompt.
        """
        values = collect_prompts(prompts, **numbers)
        return self.predict_objects(image, [values], None if prior is None else prior[None])

    @torch.inference_mode()
    def predict_objects(
        self,
        image: EncodedImage,
        objects: Sequence[Sequence[PromptValue]],
        priors: Float32[np.ndarray, "O h4 w4"] | None = None,
    ) -> FrameMasks:
        """The masks of several objects, decoded in one batch, as objects 1, 2 ...

        Every one is predicted as if it were alone: masks may overlap.  priors: `logits` of the
        masks so far.  Raises BadPrompt for prompts or priors that do not fit the image.
        """
        for number, prompts in enumerate(objects if priors is None else (), start=1):
            check_begins(prompts, f"object {number}")
        visual = [_visual_prompts(prompts, image) for prompts in objects]
        if not visual:
            return FrameMasks.empty(image.frame)
        known = None if priors is None else self._on_device(image, priors, len(objects))
        decoded = self.decode(image, visual, known)
        ids = range(1, len(visual) + 1)
        given = {i: only_mask(prompts) for i, prompts in zip(ids, visual, strict=True)}
        exact = {i: mask.mask for i, mask in given.items() if mask is not None}
        fine = own_fine_masks(ids, decoded, image.features.video_hw)
        return decoded_masks(image.frame, ids, decoded, ids, exact, fine)

    @torch.inference_mode()
    def decode(
        self,
        image: EncodedImage,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None = None,
        conditioned: Float[Tensor, "O C h w"] | None = None,
    ) -> Decoded:
        """Masks of the objects from their prompts, each as if it were alone.

        A mask that is an object's only prompt stands as it is.  priors: logits of the masks to
        be corrected.  conditioned: from the model's memory of the objects, where it has one.
        """
        rows: dict[int, Decoded] = {}
        exact = {row: mask for row, p in enumerate(objects) if (mask := only_mask(p))}
        if exact:
            given = self.model.encode_mask_prompts(image.features, list(exact.values()))
            rows = {row: given.row(k) for k, row in enumerate(exact)}
        others = [row for row in range(len(objects)) if row not in exact]
        if others:
            decoded = self._decode(
                image,
                [objects[row] for row in others],
                None if priors is None else priors[others],
                None if conditioned is None else conditioned[others],
            )
            if not exact:
                return decoded
            rows |= {row: decoded.row(k) for k, row in enumerate(others)}
        return Decoded.stack([rows[row] for row in range(len(objects))])

    @torch.inference_mode()
    def refine(
        self,
        image: EncodedImage,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None = None,
    ) -> Decoded:
        """Masks from one pass over the prompts and what is known of the masks; an object may
        turn out absent.
        """
        return self.model.decode_prompts(image.features, objects, priors)

    def _on_device(
        self, image: EncodedImage, priors: Float32[np.ndarray, "_ _ _"], objects: int
    ) -> Float[Tensor, "O h4 w4"]:
        wanted = (objects, *image.features.map_hw)
        if priors.shape != wanted:
            raise BadPrompt(
                f"the priors have the shape {priors.shape}, not {wanted}",
                hint="give the logits of masks that were predicted on this image",
            )
        return torch.from_numpy(priors).to(self.model.device, self.model.dtype)

    def _decode(
        self,
        image: EncodedImage,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None,
        conditioned: Float[Tensor, "O C h w"] | None,
    ) -> Decoded:
        coarse_masks = self.model.coarse_masks
        if coarse_masks is None:
            return self.model.decode_prompts(image.features, objects, priors, conditioned)
        rounds = [prompt_rounds(prompts) for prompts in objects]
        known = priors
        if known is None:
            known = self._first_masks(image, [of[0] for of in rounds], coarse_masks)
        known = known.clone()
        last: dict[int, Decoded] = {}
        for number in range(max(len(of) for of in rounds)):
            rows = [row for row, of in enumerate(rounds) if number < len(of)]
            prompts = [rounds[row][number] for row in rows]
            before = known[rows]
            decoded = self.model.decode_prompts(
                image.features,
                prompts,
                before,
                None if conditioned is None else conditioned[rows],
            )
            corrects = priors is not None or number > 0
            coherent = _without_stray_parts(
                image.features, decoded.logits, prompts, before if corrects else None
            )
            kept = with_kept_parts(coherent, before, prompts, image.features.video_hw)
            known[rows] = with_obeyed_marks(kept, prompts, image.frame.image)
            last |= {row: decoded.row(k) for k, row in enumerate(rows)}
        decoded = Decoded.stack([last[row] for row in range(len(objects))])
        # The user says that the object is there.
        decoded = replace(decoded, logits=known, presence=torch.ones_like(decoded.presence))
        alone = priors is None and not image.crop
        if alone and isinstance(self.model, AffinityModel):
            zoom = zoomed(self.model, image.frame, objects, known)
            decoded = replace(decoded, logits=zoom.logits, fine=zoom.fine)
        return decoded

    def _first_masks(
        self, image: EncodedImage, objects: Sequence[ObjectPrompts], coarse_masks: CoarseMasks
    ) -> Float[Tensor, "O h4 w4"]:
        """Logits of the masks by their prompts alone; 0 where a mask is prompted, which is its
        own prior.

        A box tells how large its object is; points and scribbles alone do not, so their masks
        are decoded at a coarse scale.
        """
        unknown = [k for k, p in enumerate(objects) if not _has(p, Mask)]
        boxed = [k for k in unknown if _has(objects[k], Box)]
        marked = [k for k in unknown if k not in boxed]
        size = (len(objects), *image.features.map_hw)
        first = torch.zeros(size, device=self.model.device, dtype=self.model.dtype)
        if boxed:
            first[boxed] = self.refine(image, [objects[k] for k in boxed]).logits
        if marked:
            coarse = coarse_masks(image.frame, [objects[k] for k in marked]).logits
            first[marked] = F.interpolate(
                coarse[:, None], size=size[1:], mode="bilinear", align_corners=False
            )[:, 0]
        return first


def _visual_prompts(prompts: Sequence[PromptValue], image: EncodedImage) -> list[VisualPrompt]:
    """The prompts of one object on an image, none of which is a concept, as models take them.
    Raises BadPrompt for a text or an exemplar, and for a prompt that is not on the image.
    """
    hw = (image.frame.image.shape[0], image.frame.image.shape[1])
    visual: list[VisualPrompt] = []
    for prompt in prompts:
        if isinstance(prompt, Text | Exemplar):
            raise BadPrompt(
                f"an image is prompted where an object is, not with {prompt!r}",
                hint="detect it with a grounder first, or prompt a Session that has one",
            )
        check_prompt(prompt, hw)
        visual.append(as_visual(prompt, hw))
    return visual


def only_mask(prompts: ObjectPrompts) -> Mask | None:
    """The mask, if a mask is all that was prompted."""
    return prompts[0] if len(prompts) == 1 and isinstance(prompts[0], Mask) else None


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


def _has(prompts: ObjectPrompts, kind: type[Box] | type[Mask]) -> bool:
    return any(isinstance(prompt, kind) for prompt in prompts)
