"""An image as one model encoded it, with what was decoded of it last.

Enters: masks of single objects, by the prompts that gave them.  Leaves: the same masks for the
same prompts, so that a further mark decodes only what is new, and a click where a preview was
shown nothing.  All that is kept is bounded, and goes with the image.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from vseg.errors import UsageError
from vseg.interfaces.promptable_model import ObjectPrompts, PromptableModel
from vseg.ops.latest import Latest
from vseg.tensors import Decoded, Features
from vseg.types import Frame

_ROUNDS = 8
"""Of 65 kB each for a frame of 16:9: those that the next mark on a few objects needs."""
_MASKS = 2
"""Of up to 1 MB each at 720p with their finer logits: the one shown last and the one before
it."""


class KeptMasks:
    """What a model decoded of single objects of one image by their prompts alone."""

    def __init__(self) -> None:
        self._coarse: Latest[Features] = Latest(1)
        self._rounds: Latest[Decoded] = Latest(_ROUNDS)
        self._masks: Latest[Decoded] = Latest(_MASKS)

    def coarse(self, model: PromptableModel, frame: Frame) -> Features:
        """The image encoded at a coarse scale, once.  model: one that does so."""
        encode_coarse = model.encode_coarse
        assert encode_coarse is not None
        return self._coarse.get((model,), lambda: encode_coarse(frame))

    def mask(self, model: PromptableModel, prompts: ObjectPrompts) -> Decoded | None:
        """The row of an object with these prompts, if it is kept."""
        return self._masks.find((model, tuple(prompts)))

    def keep_mask(
        self, model: PromptableModel, prompts: ObjectPrompts, decoded: Decoded
    ) -> None:
        """Keep a copy of an object's row."""
        self._masks.put((model, tuple(prompts)), _copy(decoded))

    def last_round(
        self, model: PromptableModel, rounds: Sequence[ObjectPrompts]
    ) -> tuple[int, Decoded | None]:
        """How many of an object's rounds need not be decoded, and the row after them."""
        for done in range(len(rounds), 0, -1):
            found = self._rounds.find(_round_key(model, rounds[:done]))
            if found is not None:
                return done, found
        return 0, None

    def keep_round(
        self, model: PromptableModel, rounds: Sequence[ObjectPrompts], decoded: Decoded
    ) -> None:
        """Keep a copy of the row that an object has after these rounds."""
        self._rounds.put(_round_key(model, rounds), _copy(decoded))


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image and the features that one model made of it.

    crop: whether it was cut out of a larger one, at the scale that an object needs.
    """

    frame: Frame
    features: Features
    crop: bool = False
    kept: KeptMasks = field(default_factory=KeptMasks, repr=False, compare=False)


def check_encoded(image: object) -> None:
    """Raise UsageError for what no predictor encoded."""
    if not isinstance(image, EncodedImage):
        raise UsageError(
            f"image is {type(image).__name__}, not what `encode` gives",
            hint="encode it first: encoded = vseg.ImagePredictor(model).encode(image)",
        )


def _copy(row: Decoded) -> Decoded:
    """A row on memory of its own: others of its batch go, and nobody writes to it."""
    return Decoded.stack([row])


def _round_key(model: PromptableModel, rounds: Sequence[ObjectPrompts]) -> Hashable:
    """Each round has one mark more than the one before: the first and the last name all."""
    return model, tuple(rounds[0]), tuple(rounds[-1])
