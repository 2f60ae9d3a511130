"""A teacher and images in, nano's encoder distilled from it out: one file, and how it is made.

Enters: a teacher's name, clips, settings.  Leaves: a safetensors file with the names that the
encoder has in nano (`encoder.*`), and what it cost.  STUDENT.training beside it holds the
teacher's features, the checkpoint and what both were made from, so that the same command
continues whatever was interrupted.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from vseg.errors import BadRun, OutputError, UsageError, WeightsMismatch, WeightsMissing
from vseg.io.files import atomic_path, atomic_write_text, sha256_of
from vseg.models.nano.encoder import Encoder
from vseg.models.nano.shipped import WEIGHTS
from vseg.training.config import DistillStageConfig
from vseg.training.data.unlabelled import UnlabelledImages
from vseg.training.distill.feature_cache import (
    OnImages,
    check_device,
    check_free_memory,
    fill,
    lay_out,
    mapped,
)
from vseg.training.distill.stage import DistillStage, Student
from vseg.training.distill.teachers import Teacher, open_teacher
from vseg.training.loop import Report, is_complete, load_checkpoint, train
from vseg.weights.device import open_device, open_dtype
from vseg.weights.tensor_file import save_tensors

_PREFIX = "encoder."
_HOST = torch.device("cpu")
# Settings that decide how fast and where the student is trained, not what comes out.
_INCIDENTAL: Mapping[str, set[str] | bool] = {
    "optimisation": {"device", "workers", "report_every", "save_every_s"},
    "cache_gib": True,
    "teacher_batch": True,
    "on_device": True,
}


@dataclass(frozen=True, slots=True)
class Distilled:
    """A finished student.  distance8, distance16: mean cosine distance to the teacher's
    features at the end, 0 is equal; native8, native16: strides of the teacher's own maps."""

    student: Path
    sha256: str
    teacher: str
    teacher_sha256: str
    teacher_licence: str
    native8: int
    native16: int
    start: str
    steps: int
    images: int
    distance8: float
    distance16: float


@dataclass(frozen=True, slots=True)
class DistilProgress:
    """Callbacks.  on_teacher: images that the teacher has encoded (done, all); on_student:
    steps of training; on_licence: the name and the licence of the teacher, before anything
    else.
    """

    on_teacher: OnImages
    on_student: Callable[[Report], None]
    on_licence: Callable[[str, str], None]


def distil(
    teacher_name: str,
    student: Path,
    clips: Sequence[UnlabelledImages],
    config: DistillStageConfig,
    progress: DistilProgress,
) -> Distilled:
    """The encoder in `student`, trained or continued to its last step.

    Raises UsageError, WeightsMissing, WeightsMismatch, DeviceMissing, BadDataset, OutputError,
    and BadRun if `student` was begun from something else.
    """
    if student.suffix != ".safetensors":
        raise UsageError(f"{student} is no .safetensors file", hint="name it NAME.safetensors")
    device = open_device(config.optimisation.device)
    dtype = open_dtype(config.optimisation.dtype, device, cpu_bfloat16=True)
    teacher = open_teacher(teacher_name, device, dtype)
    progress.on_licence(teacher.name, teacher.licence)
    layout = lay_out(clips, config.scales, teacher.channels, config.crop)
    place = device if config.on_device else _HOST
    check_device(layout, place)
    network = _network(teacher, config)
    folder = training_folder(student)
    inputs = _inputs(teacher, clips, config)
    if _is_new(folder, student, inputs):
        # The note is made last: what was refused may be tried again with other settings.
        check_free_memory(layout, student, config.cache_gib)
        atomic_write_text(folder / "inputs.json", json.dumps(inputs, indent=1))
    if not is_complete(folder / "checkpoint.pt", config.optimisation.steps):
        file = folder / "features.bin"
        fill(file, clips, layout, teacher, config.teacher_batch, progress.on_teacher)
        stage = DistillStage(network, mapped(file, layout, place), config.batch, config.crop)
        train(stage, config.optimisation, folder / "checkpoint.pt", progress.on_student)
    if not student.exists():
        _write(student, folder / "checkpoint.pt", teacher, clips, config)
    # Only now: until the student is whole, an interrupted run needs them.
    (folder / "features.bin").unlink(missing_ok=True)
    return read_distilled(student)


def training_folder(student: Path) -> Path:
    """The folder of what a student is made from and of its checkpoint."""
    return student.with_name(f"{student.name}.training")


def encoder_state(path: Path) -> dict[str, Tensor]:
    """The encoder's weights in a student's file or in nano's own.  Raises WeightsMissing,
    WeightsMismatch.
    """
    if not path.is_file():
        raise WeightsMissing(f"no encoder at {path}", hint="make one with: vseg distill")
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise WeightsMismatch(
            f"{path} is not a readable safetensors file: {error}",
            hint="give a file that vseg distill wrote",
        ) from error
    encoder = {
        name.removeprefix(_PREFIX): value.float() if value.is_floating_point() else value
        for name, value in state.items()
        if name.startswith(_PREFIX)
    }
    try:
        Encoder().load_state_dict(encoder)
    except RuntimeError as error:
        raise WeightsMismatch(
            f"{path} does not hold nano's encoder: {error}",
            hint="give a file that vseg distill wrote, or weights of nano",
        ) from error
    return encoder


def read_distilled(student: Path) -> Distilled:
    """The notes in a student's file.  Raises WeightsMismatch if `vseg distill` did not write
    it.
    """
    try:
        with safe_open(student, framework="pt") as file:
            notes = file.metadata() or {}
        return Distilled(
            student,
            sha256_of(student),
            notes["teacher"],
            notes["teacher_sha256"],
            notes["teacher_licence"],
            int(notes["native8"]),
            int(notes["native16"]),
            notes["start"],
            int(notes["steps"]),
            int(notes["images"]),
            float(notes["distance8"]),
            float(notes["distance16"]),
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsMismatch(
            f"{student} is not a file that vseg distill wrote: {error}", hint="remove it"
        ) from error


def _inputs(
    teacher: Teacher, clips: Sequence[UnlabelledImages], config: DistillStageConfig
) -> dict[str, object]:
    """Everything that decides the student, by what to call it where it differs."""
    return {
        "another teacher": teacher.sha256,
        "other settings": config.model_dump(mode="json", exclude=_INCIDENTAL),
        "other images": [clip.origin for clip in clips],
    }


def _is_new(folder: Path, student: Path, inputs: dict[str, object]) -> bool:
    """Whether nothing of this student exists; if something does, it must be of the same
    inputs.
    """
    note = folder / "inputs.json"
    if not note.exists():
        if student.exists():
            raise OutputError(f"{student} is there already", hint="name another STUDENT")
        return True
    try:
        before = dict(json.loads(note.read_text("utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRun(
            f"{note} is damaged: what {student} was begun with is not known",
            hint=f"remove {folder} to begin anew",
        ) from error
    changed = [name for name, value in inputs.items() if before.get(name) != value]
    if changed:
        raise BadRun(
            f"{student} was begun with {changed[0]}",
            hint=f"give what it was begun with, name another STUDENT, or remove {folder}",
        )
    return False


def _network(teacher: Teacher, config: DistillStageConfig) -> Student:
    """The student before its first step."""
    torch.manual_seed(config.optimisation.seed)
    network = Student(teacher.channels)
    if config.start != "scratch":
        path = WEIGHTS if config.start == "nano" else Path(config.start)
        network.encoder.load_state_dict(encoder_state(path))
    return network


def _write(
    student: Path,
    checkpoint: Path,
    teacher: Teacher,
    clips: Sequence[UnlabelledImages],
    config: DistillStageConfig,
) -> None:
    log = checkpoint.with_suffix(".jsonl")
    try:
        last = json.loads(log.read_text("utf-8").splitlines()[-1])
        distances = last["stride8"], last["stride16"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadRun(
            f"{log} does not say how the training ended",
            hint=f"remove {checkpoint.parent} to begin anew",
        ) from error
    source = Path(teacher.name)
    notes = {
        "architecture": "nano-encoder",
        "teacher": source.name if source.exists() else teacher.name,
        "teacher_sha256": teacher.sha256,
        "teacher_licence": teacher.licence,
        "native8": teacher.native_strides[0],
        "native16": teacher.native_strides[1],
        "start": config.start
        if config.start in ("nano", "scratch")
        else Path(config.start).name,
        "steps": config.optimisation.steps,
        "images": sum(clip.count for clip in clips),
        # Means over the last report: the checkpoint's log is the only place that has them.
        "distance8": distances[0],
        "distance16": distances[1],
    }
    state = load_checkpoint(checkpoint)["network"]
    encoder = {name: value for name, value in state.items() if name.startswith(_PREFIX)}
    with atomic_path(student) as part:
        save_tensors(
            {name: value.contiguous() for name, value in encoder.items()},
            part,
            {name: str(value) for name, value in notes.items()},
        )
