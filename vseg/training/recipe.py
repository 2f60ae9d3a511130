"""nano's training from pictures to a weights file: distillation, then the propagation stages in order.

Enters: a NanoRecipe, training packs, a teacher.  Leaves: one checkpoint per stage and nano.safetensors.
A stage whose checkpoint is complete is passed over, so the same command continues what was interrupted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vseg.errors import BadDataset, WeightsMismatch, WeightsMissing
from vseg.nets.nano import save_nano
from vseg.nets.nano_net import NanoNet
from vseg.ops.files import atomic_path
from vseg.training.config import (
    DistillStageConfig,
    NanoRecipe,
    PropagateStageConfig,
    ViewConfig,
)
from vseg.training.distill import DistillStage, Example, cache_teacher
from vseg.training.loop import Report, load_checkpoint, train
from vseg.training.pack import Clip, TrainingPack, load_pack
from vseg.training.propagate import PropagateOptions, PropagateStage
from vseg.training.sequences import Recipe, Sequences

_ENCODER = "encoder."


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """data: packs.  teacher: TorchScript.  out: a folder."""

    data: tuple[Path, ...]
    teacher: Path
    out: Path

    def checkpoint(self, stage: str) -> Path:
        return self.out / f"{stage}.pt"


OnReport = Callable[[str, Report], None]
OnCache = Callable[[int, int], None]


def train_nano(
    recipe: NanoRecipe, files: TrainingFiles, on_report: OnReport, on_cache: OnCache
) -> Path:
    """Run what is left of the recipe; the path of the weights file it ends with.

    Raises BadDataset, WeightsMissing, WeightsMismatch, OutputError.
    """
    files.out.mkdir(parents=True, exist_ok=True)
    packs = [load_pack(path) for path in files.data]
    if not _complete(files.checkpoint("distill"), recipe.distill.optimisation.steps):
        distill = recipe.distill
        stage = DistillStage(
            _examples(distill, packs, files, on_cache), distill.batch, distill.crop
        )
        train(
            stage,
            distill.optimisation,
            files.checkpoint("distill"),
            lambda report: on_report("distill", report),
        )
    before = files.checkpoint("distill")
    pack = _without(_joined(packs), recipe.held_out)
    for config in recipe.propagate:
        _propagate(config, before, files, pack, on_report)
        before = files.checkpoint(config.name)
    return export_weights(before, files.out / "nano.safetensors")


def export_weights(checkpoint: Path, target: Path) -> Path:
    """Write a propagation checkpoint's network as a weights file."""
    net = NanoNet()
    _start_from(net, checkpoint)
    with atomic_path(target) as part:
        save_nano(net, part, {"step": str(load_checkpoint(checkpoint)["step"])})
    return target


def _propagate(
    config: PropagateStageConfig,
    before: Path,
    files: TrainingFiles,
    pack: TrainingPack,
    on_report: OnReport,
) -> None:
    checkpoint = files.checkpoint(config.name)
    if _complete(checkpoint, config.optimisation.steps):
        return
    if not pack.videos or not pack.stills:
        raise BadDataset("propagation needs a pack with video/ and one with still/ pictures")
    torch.manual_seed(config.optimisation.seed)
    net = NanoNet()
    _start_from(net, before)
    options = PropagateOptions(
        tuple((view.batch, _drawn(config, view)) for view in config.views),
        config.encoder_rate,
        config.fixed_norms,
        config.p_mask,
        config.p_click,
        config.hard_from,
    )
    stage = PropagateStage(net, Sequences(pack), options)
    train(stage, config.optimisation, checkpoint, lambda report: on_report(config.name, report))


def _drawn(config: PropagateStageConfig, view: ViewConfig) -> Recipe:
    shape = (view.side, view.length, config.max_gap)
    return Recipe(*shape, config.p_video, config.objects, config.chances)


def _joined(packs: Sequence[TrainingPack]) -> TrainingPack:
    return TrainingPack(
        tuple(clip for pack in packs for clip in pack.videos),
        tuple(clip for pack in packs for clip in pack.stills),
    )


def _without(pack: TrainingPack, held_out: Sequence[str]) -> TrainingPack:
    names = {clip.name for clip in pack.videos}
    unknown = sorted({f"video/{name}" for name in held_out} - names)
    if unknown:
        raise BadDataset(f"held out is {unknown[0]}, which the pack does not have")
    kept = tuple(clip for clip in pack.videos if clip.name.split("/")[1] not in held_out)
    return TrainingPack(kept, pack.stills)


def _examples(
    config: DistillStageConfig,
    packs: Sequence[TrainingPack],
    files: TrainingFiles,
    on_cache: OnCache,
) -> list[Example]:
    if not files.teacher.is_file():
        raise WeightsMissing(
            f"no teacher at {files.teacher}", hint="give --teacher a TorchScript file"
        )
    try:
        device = torch.device(config.optimisation.device)
        teacher = torch.jit.load(str(files.teacher), map_location=device)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise WeightsMismatch(f"{files.teacher} is not a TorchScript module: {error}") from error
    clips = [clip for pack in packs for clip in pack.stills]
    for clip in (clip for pack in packs for clip in pack.videos):
        step = config.clip_step
        clips.append(Clip(clip.name, clip.images[::step], clip.masks[::step]))
    for clip in clips:
        short = min(clip.images[0].shape[:2]) * min(config.scales)
        if round(short / 16) * 16 < config.crop:
            raise BadDataset(
                f"{clip.name} is smaller than a crop of {config.crop} at scale {min(config.scales)}"
            )
    teacher = teacher.eval().to(torch.bfloat16)
    return cache_teacher(teacher, clips, config.scales, device, on_cache)


def _start_from(net: NanoNet, checkpoint: Path) -> None:
    """Take a whole network, or the encoder of a distilled student."""
    state = load_checkpoint(checkpoint)["network"]
    whole = any(name.startswith("decoder.") for name in state)
    if whole:
        net.load_state_dict(state)
        return
    encoder = {k[len(_ENCODER) :]: v for k, v in state.items() if k.startswith(_ENCODER)}
    net.encoder.load_state_dict(encoder)


def _complete(checkpoint: Path, steps: int) -> bool:
    return checkpoint.exists() and int(load_checkpoint(checkpoint)["step"]) >= steps
