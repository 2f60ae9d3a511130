"""Complete settings of nano's training; a TOML file in `configs/` fills them."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from vseg.config import load_toml


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Optimisation(_Frozen):
    """How a stage is optimised.  rate: AdamW's peak learning rate, cosine to 1 % over
    `steps`.
    """

    steps: int = Field(gt=0)
    rate: float = Field(gt=0)
    weight_decay: float = 0.02
    warmup_steps: int = 100
    clip_norm: float = 1.0
    seed: int = 0
    device: str = "cpu"
    bf16: bool = True
    workers: int = Field(default=1, ge=1)
    report_every: int = 50
    save_every_s: float = 120.0


class DistillStageConfig(_Frozen):
    """The encoder learns a teacher's features.

    start: "nano" continues from the shipped encoder, "scratch" from chance, anything else is a
    file.  crop: side of the square crops, a multiple of 16.  scales: of the images, which must
    be at least `crop` pixels high and wide at each.  clip_step: of a pack's clips, every how
    many frames are used; frames_per_clip: of a video file or folder of images, how many,
    spread evenly and scaled to `short_side` pixels.  teacher_batch: images the teacher sees at
    once.  cache_gib: limit of the file that holds its features; on_device: a GPU holds them
    too.
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


class ViewConfig(_Frozen):
    """batch: sequences per step.  side: of the square images, a multiple of 16.  length:
    images each.
    """

    batch: int = Field(gt=0)
    side: int = Field(gt=0, multiple_of=16)
    length: int = Field(ge=2)


class ChancesConfig(_Frozen):
    """How often what happens in a training sequence.

    p_scene: it is a procedural scene; of the others `p_video` are real clips.  p_parted: the
    objects of a still move before its background, not with it.  p_crowd: further objects and
    look-alikes pass.  p_hide: something hides a followed object.  p_leave: an object leaves
    the frame, mostly to return.  p_twin: the object of a real clip is there twice, and the two
    meet.  p_light, p_haze, p_lens: changing light; smoke or glare; blur, noise or compression.
    """

    p_scene: float = Field(default=0.05, ge=0, le=1)
    p_parted: float = Field(default=0.5, ge=0, le=1)
    p_crowd: float = Field(default=0.5, ge=0, le=1)
    p_hide: float = Field(default=0.15, ge=0, le=1)
    p_leave: float = Field(default=0.15, ge=0, le=1)
    p_twin: float = Field(default=0.25, ge=0, le=1)
    p_light: float = Field(default=0.35, ge=0, le=1)
    p_haze: float = Field(default=0.12, ge=0, le=1)
    p_lens: float = Field(default=0.3, ge=0, le=1)


class PropagateStageConfig(_Frozen):
    """The network follows objects through short sequences.

    views: their shapes, one drawn for each step.  max_gap: largest step between them in real
    clips.  p_video: share of real clips, the rest being stills in motion.  p_mask: share of
    objects prompted by their mask.  p_click: share of the others prompted by clicks.
    encoder_rate: share of the rate that the encoder gets; 0 freezes it.  hard_from: progress
    at which the loss begins to narrow to the hardest pixels.  fixed_norms: batch norms keep
    the statistics they have, so that the network trains as it will run.  objects: how many are
    followed in one sequence at most.  chances: what happens in it.
    """

    name: str
    optimisation: Optimisation
    views: tuple[ViewConfig, ...] = Field(min_length=1)
    max_gap: int = Field(default=12, ge=1)
    p_video: float = Field(default=0.55, ge=0, le=1)
    p_mask: float = Field(default=0.4, ge=0, le=1)
    p_click: float = Field(default=0.4, ge=0, le=1)
    encoder_rate: float = Field(default=0.0, ge=0)
    hard_from: float = 0.15
    fixed_norms: bool = False
    objects: int = Field(default=3, ge=1)
    chances: ChancesConfig = ChancesConfig()


class NanoRecipe(_Frozen):
    """All stages in order.  held_out: clips that propagation never sees, to choose settings
    by.
    """

    distill: DistillStageConfig
    propagate: tuple[PropagateStageConfig, ...]
    held_out: tuple[str, ...] = ()


def distill_config(path: Path | None) -> DistillStageConfig:
    """The settings of `vseg distill` in a TOML file, or the defaults.  Raises BadConfig."""
    if path is not None:
        return load_toml(path, DistillStageConfig)
    return DistillStageConfig(optimisation=Optimisation(steps=3000, rate=1e-3))
