"""Prompts -> masks on one image: what SAM calls a predictor (Kirillov et al. 2023).

Enters: an image, encoded once, and the prompts of one or several objects.  Leaves: their masks
with scores, decoded in one batch.  A mask that is already known of an object is its prior.
nano decodes prompts twice, the second time with the first mask as prior; models of the SAM 2
family once.  The predictor keeps nothing: an encoded image belongs to its caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.promptable_model import CoarseMasks, ObjectPrompts, PromptableModel
from vseg.tensors import Decoded, Features
from vseg.types import Box, Frame, Mask


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image and the features that one model made of it."""

    frame: Frame
    features: Features


class ImagePredictor:
    """Decodes prompts on single images with a model of any kind."""

    def __init__(self, model: PromptableModel) -> None:
        self.model = model

    def encode(self, frame: Frame) -> EncodedImage:
        """The image with its features."""
        return EncodedImage(frame, self.model.encode([frame])[0])

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

    def _decode(
        self,
        image: EncodedImage,
        objects: Sequence[ObjectPrompts],
        priors: Float[Tensor, "O h4 w4"] | None,
        conditioned: Float[Tensor, "O C h w"] | None,
    ) -> Decoded:
        features = image.features
        coarse_masks = self.model.coarse_masks
        if coarse_masks is None:
            return self.model.decode_prompts(features, objects, priors, conditioned)
        if priors is None:
            first = self._first_masks(image, objects, coarse_masks)
        else:
            decoded = self.model.decode_prompts(features, objects, priors, conditioned)
            first = decoded.logits
            # The mask among the prompts was that pass's prior; now its own mask is.
            objects = [[p for p in each if not isinstance(p, Mask)] for each in objects]
        decoded = self.model.decode_prompts(features, objects, first, conditioned)
        # The user says that the object is there.
        return replace(decoded, presence=torch.ones_like(decoded.presence))

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


def only_mask(prompts: ObjectPrompts) -> Mask | None:
    """The mask, if a mask is all that was prompted."""
    return prompts[0] if len(prompts) == 1 and isinstance(prompts[0], Mask) else None


def _has(prompts: ObjectPrompts, kind: type[Box] | type[Mask]) -> bool:
    return any(isinstance(prompt, kind) for prompt in prompts)
