"""Complete settings of nano's training; a TOML file in `configs/` fills them."""

from pathlib import Path

from pydantic import Field

from vseg.checked_settings import Settings, load_toml
from vseg.config import DtypeName


class Optimisation(Settings):
    """How a stage is optimised.  rate: AdamW's peak learning rate, cosine to 1 % over
    `steps`.  dtype: of convolutions and products; auto is bfloat16 where the device
    multiplies it natively.  workers: threads that make batches, or processes, which a GPU
    needs to be fed.
    """

    steps: int = Field(gt=0)
    rate: float = Field(gt=0)
    weight_decay: float = 0.02
    warmup_steps: int = 100
    clip_norm: float = 1.0
    seed: int = 0
    device: str = "cpu"
    dtype: DtypeName = "auto"
    workers: int = Field(default=1, ge=1)
    processes: bool = False
    report_every: int = 50
    save_every_s: float = 120.0


class DistillStageConfig(Settings):
    """The encoder learns a teacher's features.

    start: "nano" continues from the shipped encoder, "scratch" from random weights, anything
    else is a file.  crop: side of the square crops, a multiple of 16.  scales: of the images,
    which must be at least `crop` pixels high and wide at every scale.  clip_step: every so
    many frames of a dataset zip's clips are used; frames_per_clip: so many of a video file or
    folder of images, spread evenly and scaled to `short_side` pixels.  teacher_batch: images
    that the teacher encodes at once.  cache_gib: limit of the file that holds its features;
    on_device: a GPU holds them too.
    """

    optimisation: Optimisation
    start: str = "nano"
    batch: int = Field(default=48, gt=0)
    crop: int = Field(default=176, gt=0, multiple_of=16)
    scales: tuple[float, ...] = Field(default=(0.7, 1.0), min_length=1)
    clip_step: int = Field(default=2, gt=0)
    frames_per_clip: int = Field(default=64, gt=0)
    short_side: int = Field(default=384, ge=64)
    teacher_batch: int = Field(default=1, gt=0)
    cache_gib: float = Field(default=8.0, gt=0)
    on_device: bool = True


class SequenceShape(Settings):
    """The shape of a batch.  batch: sequences per step.  side: of the square images, a
    multiple of 16.  length: images of a sequence.
    """

    batch: int = Field(gt=0)
    side: int = Field(gt=0, multiple_of=16)
    length: int = Field(ge=2)


class AugmentationConfig(Settings):
    """Chances of what a training sequence is made of and what is done to it.

    p_scene: it is a synthetic scene; of the others `p_video` are real clips.
    p_object_motion: the objects of a still move before its background, not with it.
    p_copy_paste: further objects and look-alikes are pasted in.  p_crowd: many copies of one
    object are.  p_occlude: an occluder passes
    before a followed object.  p_leave: an object leaves the frame, mostly to return.
    p_duplicate: the object of a real clip is there twice, and the two meet.  p_lighting:
    changing light.  p_haze: smoke or glare.  p_degrade: blur, noise or compression.
    """

    p_scene: float = Field(default=0.05, ge=0, le=1)
    p_object_motion: float = Field(default=0.5, ge=0, le=1)
    p_copy_paste: float = Field(default=0.5, ge=0, le=1)
    p_crowd: float = Field(default=0.0, ge=0, le=1)
    p_occlude: float = Field(default=0.15, ge=0, le=1)
    p_leave: float = Field(default=0.15, ge=0, le=1)
    p_duplicate: float = Field(default=0.25, ge=0, le=1)
    p_lighting: float = Field(default=0.35, ge=0, le=1)
    p_haze: float = Field(default=0.12, ge=0, le=1)
    p_degrade: float = Field(default=0.3, ge=0, le=1)


class PropagateStageConfig(Settings):
    """The network propagates masks through short sequences.

    shapes: of the batches, one drawn for each step.  max_gap: largest step, in frames, between
    the images of a real clip.  p_video: share of real clips, the rest being stills in motion.
    p_mask: share of objects prompted by their mask.  p_click: share of the others prompted by
    clicks.  encoder_rate: share of the rate that the encoder gets; 0 freezes it.  hard_from:
    progress at which the loss begins to narrow to the hardest pixels; below 0 it has begun
    before the first step.  fixed_norms: batch norms keep the statistics they have, so that the
    network trains as it will run.  objects: how many are followed in one sequence at most.
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="letters, digits, - and _: it becomes the name of a file",
        examples=["frozen"],
    )
    optimisation: Optimisation
    shapes: tuple[SequenceShape, ...] = Field(min_length=1)
    max_gap: int = Field(default=12, ge=1)
    p_video: float = Field(default=0.55, ge=0, le=1)
    p_mask: float = Field(default=0.4, ge=0, le=1)
    p_click: float = Field(default=0.4, ge=0, le=1)
    encoder_rate: float = Field(default=0.0, ge=0)
    hard_from: float = 0.15
    fixed_norms: bool = False
    objects: int = Field(default=3, ge=1)
    augmentation: AugmentationConfig = AugmentationConfig()


class ClickStageConfig(Settings):
    """The decoder of prompted objects learns from clicks, boxes, scribbles and corrections;
    all else stays as it is.

    shapes, max_gap, p_video, objects: as in propagation.  p_click: share of first prompts that
    are clicks.  corrections: clicks after them, at most.  p_tracked: share of steps in which
    the objects are remembered from another image, as when tracking is corrected.  hard_share:
    of pixels that the mask loss keeps.  spill_weight: how many times a pixel of another object
    counts.  kept: share of the weights that training began with in those that it ends with, a
    mean of both (Wortsman et al. 2022): of those given, or of the stage before.
    """

    optimisation: Optimisation
    shapes: tuple[SequenceShape, ...] = Field(min_length=1)
    max_gap: int = Field(default=12, ge=1)
    p_video: float = Field(default=0.4, ge=0, le=1)
    p_click: float = Field(default=0.7, ge=0, le=1)
    corrections: int = Field(default=5, ge=1)
    p_tracked: float = Field(default=0.2, ge=0, le=1)
    hard_share: float = Field(default=0.3, gt=0, le=1)
    spill_weight: float = Field(default=2.0, ge=1)
    kept: float = Field(default=0.0, ge=0, le=1)
    objects: int = Field(default=4, ge=1)
    augmentation: AugmentationConfig = AugmentationConfig()


class NanoRecipe(Settings):
    """All stages in order.  held_out: clips that propagation never trains on, to choose
    settings by.
    """

    distill: DistillStageConfig
    propagate: tuple[PropagateStageConfig, ...] = Field(min_length=1)
    clicks: ClickStageConfig
    held_out: tuple[str, ...] = ()


def distill_config(path: Path | None) -> DistillStageConfig:
    """The settings of `vseg distill` in a TOML file, or the defaults.  Raises BadConfig."""
    if path is not None:
        return load_toml(path, DistillStageConfig)
    return DistillStageConfig(optimisation=Optimisation(steps=3000, rate=1e-3))
