"""nano's training from images to a weights file: distillation, then the propagation stages in
order.

Enters: a NanoRecipe, dataset zips, and a teacher or an encoder that was distilled already.
Leaves: one checkpoint per stage and nano.safetensors.  A stage whose checkpoint is complete is
skipped, so the same command continues what was interrupted.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vseg.errors import BadDataset, UsageError, WeightsMismatch, WeightsMissing
from vseg.io.files import atomic_path
from vseg.models.nano.load import load_weights, save_nano
from vseg.models.nano.network import NanoNet
from vseg.training.config import (
    ClickStageConfig,
    NanoRecipe,
    PropagateStageConfig,
    SequenceShape,
)
from vseg.training.data.dataset_zip import TrainingDataset, load_dataset
from vseg.training.data.held_out import stills_of_instances
from vseg.training.data.sequences import SequenceOptions, Sequences
from vseg.training.data.unlabelled import zipped_images
from vseg.training.distill.feature_cache import OnImages
from vseg.training.distill.student import DistilProgress, distil, encoder_state
from vseg.training.loop import Report, is_complete, load_checkpoint, train
from vseg.training.nano.clicks import ClickOptions, ClickStage
from vseg.training.nano.propagate import PropagateOptions, PropagateStage

DISTILL = "distill"
CLICKS = "clicks"
ENCODER = "encoder.safetensors"


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """data: dataset zips.  out: a folder.  teacher: a file, folder or hub name.  encoder: one
    that `vseg distill` wrote.  weights: of nano, to start from in place of an encoder, or in
    place of the stage before where one stage runs alone.
    """

    data: tuple[Path, ...]
    out: Path
    teacher: str | None = None
    encoder: Path | None = None
    weights: Path | None = None

    def checkpoint(self, stage: str) -> Path:
        return self.out / f"{stage}.pt"

    @property
    def start(self) -> Path:
        """The encoder that propagation starts from, whoever distilled it."""
        return self.out / ENCODER


OnReport = Callable[[str, Report], None]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Callbacks.  on_teacher: images that the teacher has encoded (done, all); on_stage: a
    stage's name and its steps; on_licence: the name and the licence of the teacher.
    """

    on_teacher: OnImages
    on_stage: OnReport
    on_licence: Callable[[str, str], None]


def stage_names(recipe: NanoRecipe) -> tuple[str, ...]:
    """The stages in order: distill, those of propagation, and clicks."""
    return (DISTILL, *(config.name for config in recipe.propagate), CLICKS)


def train_nano(
    recipe: NanoRecipe,
    files: TrainingFiles,
    progress: TrainingProgress,
    only: str | None = None,
) -> Path:
    """The path of the weights, after what is left of the recipe or of one stage has run.

    only: a stage's name.  Its weights are then OUT/<name>.safetensors, of `distill` the
    encoder.  Raises UsageError, BadDataset, WeightsMissing, WeightsMismatch, OutputError.
    """
    names = stage_names(recipe)
    if only is not None and only not in names:
        raise UsageError(
            f"the recipe has no stage '{only}'", hint=f"stages: {', '.join(names)}"
        )
    files.out.mkdir(parents=True, exist_ok=True)
    datasets = [load_dataset(path) for path in files.data]
    if files.encoder is not None:
        _adopt(files.encoder, files.start)
    if only == DISTILL:
        return _distil(recipe, files, datasets, progress)
    dataset = _without(_joined(datasets), recipe.held_out)
    last = files.checkpoint(recipe.propagate[-1].name)
    if only == CLICKS:
        before = files.weights or last
        _learn_clicks(recipe.clicks, before, files, dataset, progress.on_stage)
        return _export_clicks(recipe.clicks, before, files, f"{only}.safetensors")
    if only is not None:
        config, before = _single_stage(recipe, files, only)
        _propagate(config, before, files, dataset, progress.on_stage)
        return export_weights(files.checkpoint(only), files.out / f"{only}.safetensors")
    before = files.weights or _distil(recipe, files, datasets, progress)
    for config in recipe.propagate:
        _propagate(config, before, files, dataset, progress.on_stage)
        before = files.checkpoint(config.name)
    _learn_clicks(recipe.clicks, last, files, dataset, progress.on_stage)
    return _export_clicks(recipe.clicks, files.weights or last, files, "nano.safetensors")


def _distil(
    recipe: NanoRecipe,
    files: TrainingFiles,
    datasets: Sequence[TrainingDataset],
    progress: TrainingProgress,
) -> Path:
    """The encoder that propagation starts from: given, distilled before, or distilled now."""
    if files.start.exists():
        return files.start
    if files.teacher is None:
        raise UsageError(
            "nothing to start from",
            hint="give --teacher to distil from, or --encoder that vseg distill wrote",
        )
    clips = zipped_images(datasets, recipe.distill.clip_step)
    distil_progress = DistilProgress(
        progress.on_teacher,
        lambda report: progress.on_stage(DISTILL, report),
        progress.on_licence,
    )
    return distil(files.teacher, files.start, clips, recipe.distill, distil_progress).student


def _single_stage(
    recipe: NanoRecipe, files: TrainingFiles, only: str
) -> tuple[PropagateStageConfig, Path]:
    """One stage of propagation and what it starts from, which must exist unless the stage has
    begun.
    """
    position = stage_names(recipe).index(only)
    config = recipe.propagate[position - 1]
    if files.weights is not None:
        return config, files.weights
    if position == 1:
        before = files.start
        complete = files.start.exists()
    else:
        earlier = recipe.propagate[position - 2]
        before = files.checkpoint(earlier.name)
        complete = is_complete(before, earlier.optimisation.steps)
    if not complete and not files.checkpoint(only).exists():
        raise WeightsMissing(
            f"stage {only} starts from the end of the stage before it, and there is no "
            f"complete {before}",
            hint=f"run --stage {stage_names(recipe)[position - 1]} first, or leave --stage "
            "out",
        )
    return config, before


def _adopt(encoder: Path, start: Path) -> None:
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
    """Write the checkpoint of a stage of propagation as a weights file."""
    net = NanoNet()
    _start_from(net, checkpoint)
    return _write(net, checkpoint, target)


def _export_clicks(
    config: ClickStageConfig, before: Path, files: TrainingFiles, name: str
) -> Path:
    """Write the end of the last stage as a weights file, a mean with what training began
    from.
    """
    checkpoint = files.checkpoint(CLICKS)
    net = NanoNet()
    _start_from(net, checkpoint)
    if config.kept:
        began = NanoNet()
        _start_from(began, before)
        start = began.state_dict()
        mean = {
            key: torch.lerp(value, start[key], config.kept)
            if value.is_floating_point()
            else value
            for key, value in net.state_dict().items()
        }
        net.load_state_dict(mean)
    return _write(net, checkpoint, files.out / name)


def _write(net: NanoNet, checkpoint: Path, target: Path) -> Path:
    with atomic_path(target) as part:
        save_nano(net, part, {"step": str(load_checkpoint(checkpoint)["step"])})
    return target


def _propagate(
    config: PropagateStageConfig,
    before: Path,
    files: TrainingFiles,
    dataset: TrainingDataset,
    on_report: OnReport,
) -> None:
    checkpoint = files.checkpoint(config.name)
    if is_complete(checkpoint, config.optimisation.steps):
        return
    if not dataset.videos or not dataset.stills:
        raise BadDataset(
            "propagation needs a dataset zip with video/ and one with still/ images"
        )
    # Only the encoder's weights are there before the first stage; the others are drawn here.
    torch.manual_seed(config.optimisation.seed)
    net = NanoNet()
    # A checkpoint of this very stage holds the whole network: what came before need not be
    # kept.
    if not checkpoint.exists():
        _start_from(net, before)
    options = PropagateOptions(
        tuple((shape.batch, _sequence_options(config, shape)) for shape in config.shapes),
        config.encoder_rate,
        config.fixed_norms,
        config.p_mask,
        config.p_click,
        config.hard_from,
    )
    stage = PropagateStage(net, Sequences(dataset), options)
    train(
        stage, config.optimisation, checkpoint, lambda report: on_report(config.name, report)
    )


def _learn_clicks(
    config: ClickStageConfig,
    before: Path,
    files: TrainingFiles,
    dataset: TrainingDataset,
    on_report: OnReport,
) -> None:
    """The last stage, from a checkpoint or a weights file; stills that are kept to measure
    clicks are left out.
    """
    checkpoint = files.checkpoint(CLICKS)
    if is_complete(checkpoint, config.optimisation.steps):
        return
    if not checkpoint.exists() and not before.exists():
        raise WeightsMissing(
            f"stage {CLICKS} starts from the end of the stage before it, and there is no "
            f"{before}",
            hint="leave --stage out, or give --weights FILE to start from",
        )
    stills = stills_of_instances(dataset.stills)
    net = NanoNet()
    if not checkpoint.exists():
        _start_from(net, before)
    options = ClickOptions(
        tuple((shape.batch, _sequence_options(config, shape)) for shape in config.shapes),
        config.p_click,
        config.corrections,
        config.p_tracked,
        config.hard_share,
        config.spill_weight,
    )
    stage = ClickStage(net, Sequences(TrainingDataset(dataset.videos, stills)), options)
    train(stage, config.optimisation, checkpoint, lambda report: on_report(CLICKS, report))


def _sequence_options(
    config: PropagateStageConfig | ClickStageConfig, shape: SequenceShape
) -> SequenceOptions:
    return SequenceOptions(
        side=shape.side,
        length=shape.length,
        max_gap=config.max_gap,
        p_video=config.p_video,
        objects=config.objects,
        augmentation=config.augmentation,
    )


def _joined(datasets: Sequence[TrainingDataset]) -> TrainingDataset:
    return TrainingDataset(
        tuple(clip for dataset in datasets for clip in dataset.videos),
        tuple(clip for dataset in datasets for clip in dataset.stills),
    )


def _without(dataset: TrainingDataset, held_out: Sequence[str]) -> TrainingDataset:
    names = {clip.name for clip in dataset.videos}
    unknown = sorted({f"video/{name}" for name in held_out} - names)
    if unknown:
        raise BadDataset(f"held out is {unknown[0]}, which --data does not hold")
    kept = tuple(clip for clip in dataset.videos if clip.name.split("/")[1] not in held_out)
    return TrainingDataset(kept, dataset.stills)


def _start_from(net: NanoNet, before: Path) -> None:
    """Take the weights of a checkpoint, of a weights file, or of a distilled encoder."""
    if before.suffix != ".safetensors":
        net.load_state_dict(load_checkpoint(before)["network"])
    elif before.name == ENCODER:
        net.encoder.load_state_dict(encoder_state(before))
    else:
        load_weights(net, before)
