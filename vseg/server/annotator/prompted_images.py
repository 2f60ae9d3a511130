"""The masks of pending prompts on single frames, at once: no tracking.

Enters: prompts on a frame, and the mask that is stored there.  Leaves: the mask that the
prompts give it, as a session would begin from it.  The frames shown last are kept encoded,
with what was decoded of them last, so that a click decodes only what is new; so are the masks
shown last.  Both are bounded.  To be used from one thread at a time, that of the device;
`known` and `holds` from any.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Float32

from vseg.errors import VsegError
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.ops.enlarging import enlarged_logits
from vseg.ops.latest import Latest
from vseg.pipelines.correction_session import with_stored
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor, only_mask
from vseg.session.prompt_history import PromptHistory
from vseg.types import Box, Frame, Mask, MaskCrop, Points, Prompt, Scribble, Text, VisualPrompt

KEPT_IMAGES = 6
"""Frames whose features are kept: the one shown, two on either side, and the one before a
jump.  One of nano's takes 5 MB in float32 beside the image itself (3 MB) at 720p, and what was
decoded of it up to 3."""
KEPT_MASKS = 256

AlternativeKind = Literal["smaller", "larger"]
_SCALES = (0.75, 2.0)
"""The sides of the boxes that ask for a smaller and a larger mask, over those of the mask of
the clicks.  Of 126 single clicks at random pixels of objects in random synthetic scenes (nano,
384) 31 gave a mask that was too small with a J below 0.7, and 25 one that was too large.  The
larger mask raised the J of the former from 0.396 to 0.478 (1.4: 0.455; 1.7: 0.477), by more
than 0.1 for 42 %; the smaller one that of the latter from 0.410 to 0.501 (0.6: 0.397), by more
than 0.1 for 28 %.  With the best of the three masks J over all clicks is 0.756, not 0.693."""
_KINDS: tuple[tuple[AlternativeKind, float, float], ...] = (
    ("smaller", 0.0, 0.95),
    ("larger", 1.05, math.inf),
)
"""And the areas that they have at least and at most, over that of the mask of the clicks: what
differs by less is the same mask to the eye."""


@dataclass(frozen=True, slots=True)
class PromptedMask:
    """A mask from prompts.  score: the quality that the model predicts.  logits: gives them at
    video size; None of a mask that the user gave.
    """

    crop: MaskCrop
    score: float
    logits: Callable[[], Float32[np.ndarray, "H W"]] | None = None


class PromptedImages:
    """frame_of: reads a frame of the clip.  grounder_for: opens what detects words."""

    def __init__(
        self,
        model: Model,
        frame_of: Callable[[int], Frame],
        grounder_for: Callable[[Sequence[Text]], Grounder],
    ) -> None:
        self._model = model
        self._predictor = ImagePredictor(model)
        self._frame_of = frame_of
        self._grounder_for = grounder_for
        self._images: Latest[EncodedImage] = Latest(KEPT_IMAGES)
        self._masks: Latest[PromptedMask | VsegError] = Latest(KEPT_MASKS)

    def holds(self, frame: int) -> bool:
        """Whether the frame is encoded."""
        return frame in self._images

    def encode(self, frame: int) -> EncodedImage:
        """A frame with its features, encoded unless it is held.  Raises DamagedVideo."""
        return self._images.get(frame, lambda: self._encoded(self._frame_of(frame)))

    def known(self, key: Hashable) -> PromptedMask | None:
        """The mask of these prompts if it was decoded before.  Raises what it failed with."""
        held = self._masks.peek(key)
        if isinstance(held, VsegError):
            raise held
        return held

    def mask(
        self, key: Hashable, prompts: Sequence[Prompt], stored: MaskCrop | None
    ) -> PromptedMask:
        """The mask of one object on one frame by its pending prompts.

        key: what names these prompts and the stored mask.  Raises BadPrompt, NothingFound and
        DamagedVideo.
        """
        held = self._masks.get(key, lambda: self._decoded(prompts, stored))
        if isinstance(held, VsegError):
            raise held
        return held

    def preview(self, prompts: Sequence[Prompt], stored: MaskCrop | None) -> PromptedMask:
        """The same for prompts that are not kept: nothing is remembered of it."""
        return self._decode(prompts, stored)

    def alternatives(
        self, prompts: Sequence[Prompt], shown: MaskCrop
    ) -> list[tuple[AlternativeKind, PromptedMask]]:
        """Smaller and larger masks that clicks and scribbles may mean, smallest first; none of
        other prompts, which say how large the object is.

        shown: the mask that they give.  Raises DamagedVideo.
        """
        marks = [p.value for p in prompts if isinstance(p.value, Points | Scribble)]
        if shown.area == 0 or len(marks) < len(prompts):
            return []
        image = self.encode(prompts[0].frame_index)
        height, width = image.frame.hw
        objects: list[list[VisualPrompt]] = [
            [_scaled_box(shown, scale, height, width), *marks] for scale in _SCALES
        ]
        masks = self._predictor.predict_objects(image, objects)
        found: list[tuple[AlternativeKind, PromptedMask]] = []
        for row, (kind, least, most) in enumerate(_KINDS):
            crop = masks.crop(row + 1)
            if masks.visible[row] and least * shown.area <= crop.area <= most * shown.area:
                found.append((kind, PromptedMask(crop, float(masks.scores[row]))))
        return found

    def _encoded(self, frame: Frame) -> EncodedImage:
        """With all that a first click needs of it."""
        image = self._predictor.encode(frame)
        if self._model.encode_coarse is not None:
            image.kept.coarse(self._model, frame)
        return image

    def _decoded(
        self, prompts: Sequence[Prompt], stored: MaskCrop | None
    ) -> PromptedMask | VsegError:
        """The mask, or why there is none: what failed once is not tried again."""
        try:
            return self._decode(prompts, stored)
        except VsegError as error:
            return error

    def _decode(self, prompts: Sequence[Prompt], stored: MaskCrop | None) -> PromptedMask:
        frame = prompts[0].frame_index
        image = self.encode(frame)
        texts = [p.value for p in prompts if isinstance(p.value, Text)]
        grounder = self._grounder_for(texts) if texts else None
        history = PromptHistory(self._model, grounder)
        entries = history.ground(prompts, image.frame, lambda: image.features)
        height, width = image.frame.hw
        visual = history.resolve(entries, (height, width))
        painted = only_mask(visual)
        if painted is not None:
            return PromptedMask(MaskCrop.of(painted.mask), 1.0)
        before = None
        if stored is not None and stored.area > 0:
            before = Mask(stored.paste(height, width))
        masks = self._predictor.predict_objects(image, [with_stored(visual, before)])
        crop = masks.crop(1) if masks.visible[0] else MaskCrop.empty()
        logits = partial(enlarged_logits, masks.logits[0], (height, width))
        return PromptedMask(crop, float(masks.scores[0]), logits)


def _scaled_box(shown: MaskCrop, scale: float, height: int, width: int) -> Box:
    """The bounding box of a mask, scaled about its middle and cut to the frame."""
    x1, y1, x2, y2 = shown.xyxy
    half_width = scale * (x2 - x1) / 2
    half_height = scale * (y2 - y1) / 2
    x = (x1 + x2) / 2
    y = (y1 + y2) / 2
    return Box(
        max(0.0, x - half_width),
        max(0.0, y - half_height),
        min(float(width), x + half_width),
        min(float(height), y + half_height),
    )
