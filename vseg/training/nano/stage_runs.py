"""One stage of nano's recipe: from what it starts from to its checkpoint, and from there to a
weights file.

Enters: a dataset, a stage's settings, and the weights before it.  Leaves: OUT/<stage>.pt, or
weights of nano.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from vseg.errors import BadDataset, WeightsMismatch, WeightsMissing
from vseg.io.files import atomic_path
from vseg.models.nano.load import load_weights, save_nano
from vseg.models.nano.network import NanoNet
from vseg.training.config import ClickStageConfig, PropagateStageConfig
from vseg.training.data.dataset_zip import TrainingDataset
from vseg.training.data.held_out import stills_of_instances
from vseg.training.data.sequences import SequenceOptions, Sequences
from vseg.training.distill.student import encoder_state
from vseg.training.loop import Report, is_complete, load_checkpoint, train
from vseg.training.nano.clicks import ClickOptions, ClickStage
from vseg.training.nano.propagate import PropagateOptions, PropagateStage

CLICKS = "clicks"
ENCODER = "encoder.safetensors"

OnReport = Callable[[str, Report], None]


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


def propagate(
    config: PropagateStageConfig,
    before: Path,
    files: TrainingFiles,
    dataset: TrainingDataset,
    on_report: OnReport,
) -> None:
    """A stage of propagation, from a checkpoint, weights or a distilled encoder."""
    checkpoint = files.checkpoint(config.name)
    if is_complete(checkpoint, config.optimisation.steps):
        return
    if not dataset.videos or not dataset.stills:
        raise BadDataset(
            "propagation needs a dataset zip with video/ and one with still/ images"
        )
    net = _begun(config.optimisation.seed, checkpoint, before)
    options = PropagateOptions(
        _drawn_shapes(config),
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


def learn_clicks(
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
    net = _begun(config.optimisation.seed, checkpoint, before)
    options = ClickOptions(
        _drawn_shapes(config),
        config.p_click,
        config.corrections,
        config.p_tracked,
        config.hard_share,
        config.spill_weight,
    )
    stage = ClickStage(net, Sequences(TrainingDataset(dataset.videos, stills)), options)
    train(stage, config.optimisation, checkpoint, lambda report: on_report(CLICKS, report))


def _begun(seed: int, checkpoint: Path, before: Path) -> NanoNet:
    """The network as a stage finds it."""
    # Only the encoder's weights are there before the first stage; the others are drawn here.
    torch.manual_seed(seed)
    net = NanoNet()
    # A checkpoint of this very stage holds the whole network: what came before need not be
    # kept.
    if not checkpoint.exists():
        _start_from(net, before)
    return net


def _drawn_shapes(
    config: PropagateStageConfig | ClickStageConfig,
) -> tuple[tuple[int, SequenceOptions], ...]:
    """Of every shape, how many sequences are drawn and how."""
    return tuple(
        (
            shape.batch,
            SequenceOptions(
                side=shape.side,
                length=shape.length,
                max_gap=config.max_gap,
                p_video=config.p_video,
                objects=config.objects,
                augmentation=config.augmentation,
            ),
        )
        for shape in config.shapes
    )


def export_weights(checkpoint: Path, target: Path) -> Path:
    """Write the checkpoint of a stage of propagation as a weights file."""
    net = NanoNet()
    _start_from(net, checkpoint)
    return _write(net, checkpoint, target)


def export_clicks(
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


def _start_from(net: NanoNet, before: Path) -> None:
    """Take the weights of a checkpoint, of a weights file, or of a distilled encoder."""
    if before.suffix != ".safetensors":
        try:
            net.load_state_dict(load_checkpoint(before)["network"])
        except (RuntimeError, TypeError, AttributeError) as error:
            raise WeightsMismatch(
                f"{before} is a checkpoint of another network: {error}",
                hint="give one of nano, or weights of nano (.safetensors)",
            ) from error
    elif before.name == ENCODER:
        net.encoder.load_state_dict(encoder_state(before))
    else:
        load_weights(net, before)
