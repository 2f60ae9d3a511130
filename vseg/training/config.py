"""Complete settings of the training stages; a TOML file in `configs/` fills them."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Optimisation(_Frozen):
    """How a stage is optimised.  rate: AdamW's peak learning rate, cosine to 1 % over `steps`."""

    steps: int = Field(gt=0)
    rate: float = Field(gt=0)
    weight_decay: float = 0.01
    warmup_steps: int = 100
    clip_norm: float = 1.0
    seed: int = 0
    device: str = "cpu"
    bf16: bool = True
    workers: int = 1
    report_every: int = 50
    save_every_s: float = 120.0


class DistillConfig(_Frozen):
    """Feature distillation.  crop: side of the square crops, a multiple of 16; scales: of the pictures."""

    data: tuple[Path, ...]
    teacher: Path
    out: Path
    optimisation: Optimisation
    batch: int = 48
    crop: int = 176
    scales: tuple[float, ...] = (0.7, 1.0)
