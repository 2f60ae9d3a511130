"""Short training sequences with exact masks: real clips, stills in motion, synthetic scenes.

Enters: a TrainingDataset.  Leaves: T square images and the masks of one or more objects.  A
sequence is made in steps: a source, pasted objects, light, and what a camera does to it.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, UInt8

from vseg.errors import BadDataset
from vseg.training.config import AugmentationConfig
from vseg.training.data.augment.colour import draw_jitter, jitter
from vseg.training.data.augment.copy_paste import PasteSource, occlude, paste_objects
from vseg.training.data.augment.crowds import crowded
from vseg.training.data.augment.degradation import degraded
from vseg.training.data.augment.lighting import hazy, relit
from vseg.training.data.clip import MIN_SHARE, Clip, Images, large_ids
from vseg.training.data.dataset_zip import TrainingDataset
from vseg.training.data.sources.real_clips import clip_of_video
from vseg.training.data.sources.scenes import clip_of_scene
from vseg.training.data.sources.stills import StillOptions, clip_of_still

# Attempts before the dataset is called unusable; nearly every sequence has a large object.
_TRIES = 200
# What shows less of the image than this is labelled as out of sight: 10 pixels of 224 x 224.
_VISIBLE_SHARE = 0.0002
# Colour jitter of a sequence, and how much of a second, weaker one comes and goes in it.
# Round values; not tuned.
_JITTER = 0.8
_JITTER_CHANGE = 0.6
_CHANGE_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class MaskedSequence:
    """images: RGB.  masks: one row per object; every object is visible in the first image.

    An object that is hidden or out of the frame has an empty mask; so has one that shows no
    more than 0.02 % of the image, because nobody would call that visible.
    """

    images: UInt8[np.ndarray, "T S S 3"]
    masks: Bool[np.ndarray, "N T S S"]


@dataclass(frozen=True, slots=True)
class SequenceOptions:
    """How sequences are drawn.  max_gap: in frames of the clip; p_video: share of real clips.

    objects: how many are followed at most.
    """

    side: int
    length: int
    max_gap: int
    p_video: float
    objects: int = 3
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)


class Sequences:
    """Draws sequences from a dataset; each depends on the given generator and nothing else.

    Raises BadDataset for a dataset without clips or without a still that has a large enough
    object.
    """

    def __init__(self, dataset: TrainingDataset) -> None:
        self._dataset = dataset
        usable = tuple(s for s in dataset.stills if large_ids(s.masks[0], 2 * MIN_SHARE))
        if not dataset.videos or not usable:
            raise BadDataset(
                f"{len(dataset.videos)} clips and {len(usable)} stills with an object of at "
                "least 0.4 %",
                hint="give --data a dataset zip with video/ and one with still/ images",
            )
        self._paste_source = PasteSource(usable)

    def draw(self, rng: np.random.Generator, options: SequenceOptions) -> MaskedSequence:
        """One sequence; each object covers at least 0.2 % of the first image.

        Raises BadDataset if hardly ever an object is that large at the size of `options`.
        """
        for _ in range(_TRIES):
            clip = self._composed(rng, options)
            followed = large_ids(clip.labels[0], MIN_SHARE)
            if followed:
                images = _filmed(rng, clip.images, options.augmentation)
                return MaskedSequence(np.stack(images), _masks(clip, followed))
        raise BadDataset(
            f"{_TRIES} sequences in a row began without an object of 0.2 % of the image",
            hint="check the masks of the dataset: objects are 1 to 254, of clips 1",
        )

    def _composed(self, rng: np.random.Generator, options: SequenceOptions) -> Clip:
        """A source with pasted objects and occluders: what is before the camera."""
        augmentation = options.augmentation
        clip = self._source(rng, options)
        if rng.random() < augmentation.p_copy_paste:
            clip = paste_objects(
                rng, clip, self._paste_source, options.objects, augmentation.p_leave
            )
        # Nothing is drawn where there are no crowds: recipes without them stay as they were.
        if augmentation.p_crowd and rng.random() < augmentation.p_crowd:
            clip = crowded(rng, clip, self._paste_source, options.objects)
        if rng.random() < augmentation.p_occlude:
            clip = occlude(rng, clip, self._paste_source)
        return clip

    def _source(self, rng: np.random.Generator, options: SequenceOptions) -> Clip:
        side = options.side
        length = options.length
        augmentation = options.augmentation
        if rng.random() < augmentation.p_scene:
            return clip_of_scene(rng, (side, length), options.objects, options.max_gap)
        if rng.random() < options.p_video:
            videos = self._dataset.videos
            video = videos[int(rng.integers(len(videos)))]
            return clip_of_video(rng, video, (side, length, options.max_gap), augmentation)
        still_options = StillOptions(
            side, length, options.objects, augmentation.p_object_motion, augmentation.p_leave
        )
        still = self._paste_source.still(rng)
        other = self._paste_source.still(rng)
        return clip_of_still(rng, still, other, still_options)


def _masks(clip: Clip, followed: list[int]) -> Bool[np.ndarray, "N T S S"]:
    masks = np.stack([[label == k for label in clip.labels] for k in followed])
    masks[masks.mean(axis=(2, 3)) <= _VISIBLE_SHARE] = False
    return masks


def _filmed(
    rng: np.random.Generator, images: Images, augmentation: AugmentationConfig
) -> Images:
    """The images as a camera would deliver them: light, haze, colours, degradation."""
    if rng.random() < augmentation.p_lighting:
        images = relit(rng, images)
    if rng.random() < augmentation.p_haze:
        images = hazy(rng, images)
    matrix = draw_jitter(rng, _JITTER)
    identity = draw_jitter(rng, 0.0)
    # One colour matrix for the whole sequence, and a small change of it from image to image.
    matrices = [
        matrix + _CHANGE_SHARE * (draw_jitter(rng, _JITTER_CHANGE) - identity) for _ in images
    ]
    images = tuple(
        jitter(image, m.astype(np.float32)) for image, m in zip(images, matrices, strict=True)
    )
    return degraded(rng, images) if rng.random() < augmentation.p_degrade else images
