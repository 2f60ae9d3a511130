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

from vseg.errors import BadConfig, UsageError, WeightsMismatch, WeightsMissing
from vseg.io.files import atomic_path
from vseg.training.config import NanoRecipe, PropagateStageConfig
from vseg.training.data.dataset_zip import TrainingDataset, joined, load_dataset, without
from vseg.training.data.unlabelled import zipped_images
from vseg.training.distill.feature_cache import OnImages
from vseg.training.distill.student import DistilProgress, distil, encoder_state
from vseg.training.loop import is_complete
from vseg.training.nano.stage_runs import (
    CLICKS,
    OnReport,
    TrainingFiles,
    export_clicks,
    export_weights,
    learn_clicks,
    propagate,
)

DISTILL = "distill"


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
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadConfig(
            f"two stages of the recipe are called '{twice[0]}'",
            hint="rename one: the checkpoint of each is OUT/NAME.pt",
        )
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
    dataset = without(joined(datasets), recipe.held_out)
    last = files.checkpoint(recipe.propagate[-1].name)
    if only == CLICKS:
        before = files.weights or last
        learn_clicks(recipe.clicks, before, files, dataset, progress.on_stage)
        return export_clicks(recipe.clicks, before, files, f"{only}.safetensors")
    if only is not None:
        config, before = _single_stage(recipe, files, only)
        propagate(config, before, files, dataset, progress.on_stage)
        return export_weights(files.checkpoint(only), files.out / f"{only}.safetensors")
    before = files.weights or _distil(recipe, files, datasets, progress)
    for config in recipe.propagate:
        propagate(config, before, files, dataset, progress.on_stage)
        before = files.checkpoint(config.name)
    learn_clicks(recipe.clicks, last, files, dataset, progress.on_stage)
    return export_clicks(recipe.clicks, files.weights or last, files, "nano.safetensors")


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
