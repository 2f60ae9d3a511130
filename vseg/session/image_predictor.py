"""Prompts -> masks on one image: what SAM calls a predictor (Kirillov et al. 2023).

Enters: an image, encoded once, and the prompts of one or several objects.  Leaves: their masks
with scores, decoded in one batch.  A mask that is already known of an object is its prior.
The predictor keeps nothing: an encoded image belongs to its caller, and holds what was decoded
of it last.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from vseg.errors import BadPrompt
from vseg.frame_masks import FrameMasks
from vseg.interfaces.promptable_model import ObjectPrompts, PromptableModel, check_loaded
from vseg.ops.rgb import checked_rgb
from vseg.prompts.check import (
    check_agreement,
    check_begins,
    check_prompt,
    collect_prompts,
    typed_prompts,
)
from vseg.prompts.visual import as_visual
from vseg.session.decoded_masks import decoded_masks
from vseg.session.encoded_image import EncodedImage, check_encoded
from vseg.session.fine_masks import own_fine_masks
from vseg.session.prompt_rounds import decoded_in_rounds
from vseg.tensors import Decoded
from vseg.types import Exemplar, Frame, Mask, PromptValue, Text, VisualPrompt


class ImagePredictor:
    """Decodes prompts on single images with a model of any kind.

    predictor = vseg.ImagePredictor(vseg.load_model("nano"))
    image = predictor.encode(pixels)
    masks = predictor.predict(image, points=[(412, 220)])
    masks = predictor.predict(image, points=[(390, 310)], labels=[0], prior=masks.logits[0])
    """

    def __init__(self, model: PromptableModel) -> None:
        check_loaded(model)
        self.model = model

    def encode(self, image: Frame | np.ndarray) -> EncodedImage:
        """An RGB image, (H, W, 3) uint8, or a Frame, with its features; of a plain image a
        copy, for its owner may write another one over it.  Raises BadFrame.
        """
        if not isinstance(image, Frame):
            image = Frame(0, None, 0.0, checked_rgb(image).copy())
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
        priors = prior[None] if isinstance(prior, np.ndarray) else prior
        return self.predict_objects(image, [values], priors)

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
        check_encoded(image)
        objects = _typed_objects(objects)
        for number, prompts in enumerate(objects, start=1):
            check_agreement(prompts, f"object {number}")
            if priors is None:
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
        Raises UsageError for an image that was not encoded, BadPrompt for prompts that are no
        visual ones, and for priors that are no such tensor.
        """
        _check_decodable(image, objects, priors)
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
        turn out absent.  Raises as `decode` does.
        """
        _check_decodable(image, objects, priors)
        return self.model.decode_prompts(image.features, objects, priors)

    def _on_device(
        self, image: EncodedImage, priors: Float32[np.ndarray, "_ _ _"], objects: int
    ) -> Float[Tensor, "O h4 w4"]:
        wanted = (objects, *image.features.map_hw)
        if not isinstance(priors, np.ndarray) or priors.shape != wanted:
            shape = getattr(priors, "shape", None)
            raise BadPrompt(
                f"the priors are {type(priors).__name__} of shape {shape}, not {wanted}",
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
        if priors is not None or conditioned is not None:
            return decoded_in_rounds(self.model, image, objects, priors, conditioned)
        rows: dict[int, Decoded] = {}
        for row, prompts in enumerate(objects):
            kept = image.kept.mask(self.model, prompts)
            if kept is not None:
                rows[row] = kept
        others = [row for row in range(len(objects)) if row not in rows]
        if others:
            decoded = decoded_in_rounds(self.model, image, [objects[row] for row in others])
            for k, row in enumerate(others):
                rows[row] = decoded.row(k)
                image.kept.keep_mask(self.model, objects[row], rows[row])
        return Decoded.stack([rows[row] for row in range(len(objects))])


def _typed_objects(objects: Any) -> list[list[PromptValue]]:
    """The prompts of each object.  Raises BadPrompt for what is no list of lists of them."""
    if not isinstance(objects, Sequence) or isinstance(objects, str):
        raise BadPrompt(
            f"objects is a {type(objects).__name__}, not a list of lists of prompts",
            hint="give a list for each object: [[vseg.Box(10, 20, 200, 300)], ...]",
        )
    return [typed_prompts(prompts) for prompts in objects]


def _check_decodable(image: object, objects: Any, priors: object) -> None:
    """Raise UsageError for what no predictor encoded, BadPrompt for what no model decodes."""
    check_encoded(image)
    every = _typed_objects(objects)
    if not every:
        raise BadPrompt("no object is to be decoded", hint="give the prompts of one or more")
    concepts = [p for prompts in every for p in prompts if not isinstance(p, VisualPrompt)]
    if concepts:
        raise BadPrompt(
            f"an object is decoded where it is, not with {concepts[0]!r}",
            hint="give vseg.Points, Box, Scribble or Mask; `predict` takes polygons too",
        )
    if priors is not None and not (isinstance(priors, Tensor) and len(priors) == len(every)):
        raise BadPrompt(
            f"priors is {type(priors).__name__}, not a tensor of {len(every)} masks",
            hint="give the logits of what was decoded of these objects on this image",
        )


def _visual_prompts(prompts: Sequence[PromptValue], image: EncodedImage) -> list[VisualPrompt]:
    """The prompts of one object on an image, none of which is a concept, as models take them.
    Raises BadPrompt for a text or an exemplar, and for a prompt that is not on the image.
    """
    hw = image.frame.hw
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
