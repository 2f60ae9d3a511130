"""Short training sequences with exact masks: real clips, stills in motion, procedural scenes.

Enters: a TrainingPack.  Leaves: T square images and the masks of one or more objects.  Each
sequence is put together in steps that hand Footage on: its source; who passes and hides;
light; camera.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, UInt8

from vseg.errors import BadDataset
from vseg.training.config import ChancesConfig
from vseg.training.data.augment.colour import draw_jitter, jitter
from vseg.training.data.augment.copy_paste import Lenders, crowded, hidden
from vseg.training.data.augment.degradation import filmed
from vseg.training.data.augment.lighting import hazy, relit
from vseg.training.data.clip import MIN_SHARE, Footage, large_ids
from vseg.training.data.dataset_zip import TrainingPack
from vseg.training.data.sources.real_clips import real_footage
from vseg.training.data.sources.scenes import scene_footage
from vseg.training.data.sources.stills import StillShot, still_footage

_TRIES = 200
_SEEN_SHARE = 0.0002


@dataclass(frozen=True, slots=True)
class MaskedSequence:
    """images: RGB.  masks: one row per object; every object is visible in the first image.

    An object that is hidden or out of the frame has an empty mask; so has one of which no more
    is seen than 0.02 % of the image, because nobody would call that visible.
    """

    images: UInt8[np.ndarray, "T S S 3"]
    masks: Bool[np.ndarray, "N T S S"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How sequences are drawn.  max_gap: in frames of the clip; p_video: share of real clips.

    objects: how many are followed at most.
    """

    side: int
    length: int
    max_gap: int
    p_video: float
    objects: int = 3
    chances: ChancesConfig = field(default_factory=ChancesConfig)


class Sequences:
    """Draws sequences from a pack; each depends on the generator given and nothing else.

    Raises BadDataset for a pack without clips or without a still that has a large enough
    object.
    """

    def __init__(self, pack: TrainingPack) -> None:
        self._pack = pack
        able = tuple(c for c in pack.stills if large_ids(c.masks[0], 2 * MIN_SHARE))
        if not pack.videos or not able:
            raise BadDataset(
                f"{len(pack.videos)} clips and {len(able)} stills with an object of at "
                "least 0.4 %",
                hint="give --data a pack with video/ and one with still/ images",
            )
        self._lenders = Lenders(able)

    def draw(self, rng: np.random.Generator, recipe: Recipe) -> MaskedSequence:
        """One sequence; each object covers at least 0.2 % of the first image.

        Raises BadDataset if hardly ever an object is that large at the recipe's size.
        """
        for _ in range(_TRIES):
            footage = self._shot(rng, recipe)
            followed = large_ids(footage.labels[0], MIN_SHARE)
            if followed:
                images = _delivered(rng, footage, recipe.chances)
                return MaskedSequence(np.stack(images), _masks(footage, followed))
        raise BadDataset(
            f"{_TRIES} sequences in a row began without an object of 0.2 % of the image",
            hint="check the masks of the pack: objects are 1 to 254, of clips 1",
        )

    def _shot(self, rng: np.random.Generator, recipe: Recipe) -> Footage:
        """What happens before the camera: a source, and who passes and hides."""
        chances = recipe.chances
        footage = self._source(rng, recipe)
        if rng.random() < chances.p_crowd:
            footage = crowded(rng, footage, self._lenders, recipe.objects, chances.p_leave)
        return (
            hidden(rng, footage, self._lenders) if rng.random() < chances.p_hide else footage
        )

    def _source(self, rng: np.random.Generator, recipe: Recipe) -> Footage:
        side = recipe.side
        length = recipe.length
        chances = recipe.chances
        if rng.random() < chances.p_scene:
            return scene_footage(rng, (side, length), recipe.objects, recipe.max_gap)
        if rng.random() < recipe.p_video:
            clip = self._pack.videos[int(rng.integers(len(self._pack.videos)))]
            return real_footage(rng, clip, (side, length, recipe.max_gap), chances)
        shot = StillShot(side, length, recipe.objects, chances.p_parted, chances.p_leave)
        return still_footage(rng, self._lenders.still(rng), self._lenders.still(rng), shot)


def _masks(footage: Footage, followed: list[int]) -> Bool[np.ndarray, "N T S S"]:
    masks = np.stack([[label == k for label in footage.labels] for k in followed])
    masks[masks.mean(axis=(2, 3)) <= _SEEN_SHARE] = False
    return masks


def _delivered(
    rng: np.random.Generator, footage: Footage, chances: ChancesConfig
) -> tuple[UInt8[np.ndarray, "S S 3"], ...]:
    """The images as a camera would deliver them: light, haze, colours, lens."""
    images = footage.images
    if rng.random() < chances.p_light:
        images = relit(rng, images)
    if rng.random() < chances.p_haze:
        images = hazy(rng, images)
    matrix = draw_jitter(rng, 0.8)
    first = draw_jitter(rng, 0.0)
    drift = [matrix + 0.15 * (draw_jitter(rng, 0.6) - first) for _ in images]
    images = tuple(jitter(p, d.astype(np.float32)) for p, d in zip(images, drift, strict=True))
    return filmed(rng, images) if rng.random() < chances.p_lens else images
