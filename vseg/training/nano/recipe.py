"""nano's training from images to a weights file: distillation, then the propagation stages in
order.

Enters: a NanoRecipe, training packs, and a teacher or an encoder that was distilled already.
Leaves: one checkpoint per stage and nano.safetensors.  A stage whose checkpoint is complete is
passed over, so the same command continues what was interrupted.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vseg.errors import BadDataset, UsageError, WeightsMismatch, WeightsMissing
from vseg.io.files import atomic_path
from vseg.models.nano.model import save_nano
from vseg.models.nano.network import NanoNet
from vseg.training.config import (
    NanoRecipe,
    PropagateStageConfig,
    ViewConfig,
)
from vseg.training.data.dataset_zip import TrainingPack, load_pack
from vseg.training.data.sequences import Recipe, Sequences
from vseg.training.data.unlabelled import zipped_images
from vseg.training.distill.feature_cache import OnCache
from vseg.training.distill.student import Hearing, distil, encoder_state, is_complete
from vseg.training.loop import Report, load_checkpoint, train
from vseg.training.nano.propagate import PropagateOptions, PropagateStage

DISTILL = "distill"


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """data: packs.  out: a folder.  teacher: a file, folder or hub name; encoder: a distilled
    one.
    """

    data: tuple[Path, ...]
    out: Path
    teacher: str | None = None
    encoder: Path | None = None

    def checkpoint(self, stage: str) -> Path:
        return self.out / f"{stage}.pt"

    @property
    def start(self) -> Path:
        """The encoder that propagation starts from, whoever distilled it."""
        return self.out / "encoder.safetensors"


OnReport = Callable[[str, Report], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """Who hears of progress: of the teacher's images (done, all), and of every stage's
    steps.
    """

    of_teacher: OnCache
    of_stage: OnReport


def stage_names(recipe: NanoRecipe) -> tuple[str, ...]:
    """The stages in order: distill, and those of propagation."""
    return (DISTILL, *(config.name for config in recipe.propagate))


def train_nano(
    recipe: NanoRecipe, files: TrainingFiles, progress: Progress, only: str | None = None
) -> Path:
    """Run what is left of the recipe, or of one stage; the path of the weights it ends with.

    only: a stage's name.  Its weights are then OUT/<name>.safetensors, of `distill` the
    encoder.  Raises UsageError, BadDataset, WeightsMissing, WeightsMismatch, OutputError.
    """
    names = stage_names(recipe)
    if only is not None and only not in names:
        raise UsageError(
            f"the recipe has no stage '{only}'", hint=f"stages: {', '.join(names)}"
        )
    files.out.mkdir(parents=True, exist_ok=True)
    packs = [load_pack(path) for path in files.data]
    if files.encoder is not None:
        _take(files.encoder, files.start)
    if only == DISTILL:
        return _distil(recipe, files, packs, progress)
    pack = _without(_joined(packs), recipe.held_out)
    if only is not None:
        config, before = _alone(recipe, files, only)
        _propagate(config, before, files, pack, progress.of_stage)
        return export_weights(files.checkpoint(only), files.out / f"{only}.safetensors")
    before = _distil(recipe, files, packs, progress)
    for config in recipe.propagate:
        _propagate(config, before, files, pack, progress.of_stage)
        before = files.checkpoint(config.name)
    return export_weights(before, files.out / "nano.safetensors")


def _distil(
    recipe: NanoRecipe, files: TrainingFiles, packs: Sequence[TrainingPack], progress: Progress
) -> Path:
    """The encoder that propagation starts from: given, distilled before, or distilled now."""
    if files.start.exists():
        return files.start
    if files.teacher is None:
        raise UsageError(
            "nothing to start from",
            hint="give --teacher to distil from, or --encoder that vseg distill wrote",
        )
    clips = zipped_images(packs, recipe.distill.clip_step)
    hearing = Hearing(progress.of_teacher, lambda report: progress.of_stage(DISTILL, report))
    return distil(files.teacher, files.start, clips, recipe.distill, hearing).student


def _alone(
    recipe: NanoRecipe, files: TrainingFiles, only: str
) -> tuple[PropagateStageConfig, Path]:
    """One stage of propagation and what it starts from, which must be there or be needed no
    more.
    """
    place = stage_names(recipe).index(only)
    config = recipe.propagate[place - 1]
    if place == 1:
        before = files.start
        there = files.start.exists()
    else:
        earlier = recipe.propagate[place - 2]
        before = files.checkpoint(earlier.name)
        there = is_complete(before, earlier.optimisation.steps)
    if not there and not files.checkpoint(only).exists():
        raise WeightsMissing(
            f"stage {only} starts from the end of the stage before it, and there is no "
            "complete "
            f"{before}",
            hint=f"run --stage {stage_names(recipe)[place - 1]} first, or leave --stage out",
        )
    return config, before


def _take(encoder: Path, start: Path) -> None:
    """Copy an encoder to where training starts; refuse to go on from another one."""
    encoder_state(encoder)
    if not start.exists():
        with atomic_path(start) as part:
            shutil.copyfile(encoder, part)
    elif start.read_bytes() != encoder.read_bytes():
        raise WeightsMismatch(
            f"{start.parent} was begun from another encoder than {encoder}",
            hint="give another --out, or leave --encoder out",
        )


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
    if is_complete(checkpoint, config.optimisation.steps):
        return
    if not pack.videos or not pack.stills:
        raise BadDataset("propagation needs a pack with video/ and one with still/ images")
    torch.manual_seed(config.optimisation.seed)
    net = NanoNet()
    # A checkpoint of this very stage holds the whole network: what came before need not be
    # kept.
    if not checkpoint.exists():
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
    train(
        stage, config.optimisation, checkpoint, lambda report: on_report(config.name, report)
    )


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


def _start_from(net: NanoNet, before: Path) -> None:
    """Take the network of the stage before, or the distilled encoder."""
    if before.suffix == ".safetensors":
        net.encoder.load_state_dict(encoder_state(before))
        return
    net.load_state_dict(load_checkpoint(before)["network"])
