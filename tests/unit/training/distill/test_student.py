"""From video and a teacher to an encoder: bounded, exact, and the same however often
interrupted.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.clips import Recipe, cut, painted, write_clip
from tests.teacher_models import torchscript
from vseg.build import open_video
from vseg.checked_settings import load_toml
from vseg.errors import (
    BadDataset,
    BadRun,
    ModelError,
    OutputError,
    UsageError,
    WeightsMismatch,
    WeightsMissing,
)
from vseg.models.nano.shipped import WEIGHTS
from vseg.training.config import DistillStageConfig, Optimisation, distill_config
from vseg.training.data.unlabelled import Sampling, UnlabelledImages, open_images, spread
from vseg.training.distill.feature_cache import (
    check_device,
    check_free_memory,
    fill,
    lay_out,
    mapped,
)
from vseg.training.distill.stage import DistillStage, Student
from vseg.training.distill.student import (
    Distilled,
    DistilProgress,
    distil,
    encoder_state,
    training_folder,
)
from vseg.training.loop import Report

pytestmark = pytest.mark.integration

CPU = torch.device("cpu")
SAMPLING = Sampling(clip_step=2, frames_per_clip=4, short_side=64)
CONFIG = DistillStageConfig(
    optimisation=Optimisation(
        steps=3, rate=1e-3, warmup_steps=1, report_every=1, dtype="float32"
    ),
    batch=2,
    crop=64,
    scales=(1.0, 1.5),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a video and a folder of images."""
    folder = tmp_path_factory.mktemp("source")
    source = write_clip(folder / "clip.mp4", Recipe(num_frames=21))
    (folder / "images").mkdir()
    with open_video(source) as video:
        for frame in video.frames(0, 2):
            big = cv2.resize(frame.image, None, fx=2, fy=2)
            cv2.imwrite(str(folder / "images" / f"{frame.index}.png"), big)
    torchscript(folder.parent / "teacher.ts")
    return folder


def clips(source: Path) -> list[UnlabelledImages]:
    return open_images([source], SAMPLING, open_video)


def test_frames_are_spread_evenly() -> None:
    assert spread(21, 4) == [2, 7, 13, 18]
    assert spread(5, 1) == [2] and spread(3, 9) == [0, 1, 2] and spread(0, 4) == []


def test_images_are_measured_first_and_read_exactly(source: Path) -> None:
    video, images = clips(source)
    assert [(c.count, c.height, c.width) for c in (video, images)] == [
        (4, 64, 96),
        (2, 64, 96),
    ]
    assert [painted(image) for image in video.images()] == spread(21, 4)
    assert [image.shape for image in images.images()] == [(64, 96, 3)] * 2


def test_bad_video_is_named(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.mp4").write_text("no video")
    for name in ("gone.mp4", "empty", "words.mp4"):
        with pytest.raises(BadDataset, match=name):
            open_images([tmp_path / name], SAMPLING, open_video)
    broken = cut(source / "clip.mp4", tmp_path / "cut.mp4", 0.6)
    with pytest.raises(BadDataset, match="index"):
        open_images([broken], SAMPLING, open_video)
    shutil.copytree(source / "images", tmp_path / "torn")
    torn = tmp_path / "torn" / "1.png"
    torn.write_bytes(torn.read_bytes()[:-200])
    (damaged,) = open_images([tmp_path / "torn"], SAMPLING, open_video)
    with pytest.raises(BadDataset, match="damaged at frame 1"):
        list(damaged.images())


def extract(images: Tensor) -> tuple[Tensor, Tensor]:
    """A teacher that tells the mean colours of its cells."""
    mean = torch.nn.functional.avg_pool2d
    return mean(images.float(), 8), mean(images.float(), 16)


def test_the_cache_holds_the_teachers_features(source: Path, tmp_path: Path) -> None:
    found = clips(source)
    layout = lay_out(found, (1.0, 1.5), (3, 3), 64)
    counts: list[int] = []

    def stop(done: int, total: int) -> None:
        counts.append(done)
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "f.bin", found, layout, extract, 1, stop)
    fill(
        tmp_path / "f.bin",
        found,
        layout,
        extract,
        2,
        lambda done, total: counts.append(done),
    )
    assert counts == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]  # whole clips are not encoded again, the part of one is
    examples = mapped(tmp_path / "f.bin", layout, CPU)
    assert [e.image.shape[:2] for e in examples] == [(64, 96), (96, 144)] * 6
    for example in examples:
        fine, coarse = extract(torch.from_numpy(example.image).permute(2, 0, 1)[None])
        assert torch.equal(example.features[0], fine[0].bfloat16())
        assert torch.equal(example.features[1], coarse[0].bfloat16())
    assert (tmp_path / "f.bin").stat().st_size == layout.total_bytes


def test_a_cache_that_is_too_large_is_refused_before_it_is_made(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = lay_out(clips(source), (1.0,), (256, 256), 64)
    with pytest.raises(BadDataset, match=r"of 6 images .* the limit of 1e-05"):
        check_free_memory(layout, tmp_path / "new" / "s.safetensors", 1e-5)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(OutputError, match=r"0\.00 GiB free"):
        check_free_memory(layout, tmp_path / "new" / "s.safetensors", 8.0)
    gpu = torch.device("cuda")
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (10**5, 10**6))
    with pytest.raises(ModelError, match=r"the GPU has 0\.00 GiB free"):
        check_device(layout, gpu)
    check_device(layout, CPU)
    with pytest.raises(BadDataset, match="smaller than a crop of 80 at scale 1"):
        lay_out(clips(source), (1.0,), (3, 3), 80)


def made(
    source: Path,
    student: Path,
    config: DistillStageConfig = CONFIG,
    heard: Callable[[Report], None] = lambda report: None,
) -> Distilled:
    teacher = str(source.parent / "teacher.ts")
    return distil(
        teacher,
        student,
        clips(source),
        config,
        DistilProgress(lambda *_: None, heard, lambda *_: None),
    )


def test_an_interrupted_student_ends_as_an_undisturbed_one(
    source: Path, tmp_path: Path
) -> None:
    whole = made(source, tmp_path / "whole.safetensors")
    assert (whole.teacher, whole.steps, whole.images) == ("teacher.ts", 3, 6)
    assert (whole.native8, whole.native16, whole.start) == (8, 16, "nano")
    assert 0 < whole.distance8 < 2 and 0 < whole.distance16 < 2

    def stop(report: Report) -> None:
        if report.step == 2:
            raise KeyboardInterrupt

    part = tmp_path / "part.safetensors"
    with pytest.raises(KeyboardInterrupt):
        made(source, part, heard=stop)
    assert not part.exists() and (training_folder(part) / "features.bin").exists()
    again = made(source, part)
    assert not (training_folder(part) / "features.bin").exists()
    assert replace(again, student=whole.student, sha256=whole.sha256) == whole
    state = load_file(part)
    for name, value in load_file(whole.student).items():
        torch.testing.assert_close(state[name], value, msg=name)
    assert state.keys() == {name for name in load_file(WEIGHTS) if name.startswith("encoder.")}
    steps: list[Report] = []
    assert made(source, part, heard=steps.append) == again and not steps


def test_a_student_starts_from_nano_from_chance_or_from_a_file(
    source: Path, tmp_path: Path
) -> None:
    slow = CONFIG.optimisation.model_copy(update={"rate": 1e-9, "steps": 1})
    still = CONFIG.model_copy(update={"optimisation": slow})
    own = encoder_state(WEIGHTS)
    name = next(name for name, value in own.items() if value.ndim == 4)

    def weight(start: str, stem: str) -> Tensor:
        config = still.model_copy(update={"start": start})
        return encoder_state(made(source, tmp_path / stem, config).student)[name]

    torch.testing.assert_close(
        weight("nano", "a.safetensors"), own[name], atol=1e-4, rtol=1e-4
    )
    assert not torch.allclose(weight("scratch", "b.safetensors"), own[name], atol=1e-2)
    begun = encoder_state(tmp_path / "b.safetensors")[name]
    from_file = weight(str(tmp_path / "b.safetensors"), "c.safetensors")
    torch.testing.assert_close(from_file, begun, atol=1e-4, rtol=1e-4)


def test_other_inputs_need_another_student(source: Path, tmp_path: Path) -> None:
    student = tmp_path / "s.safetensors"
    made(source, student)
    with pytest.raises(BadRun, match="begun with other settings"):
        made(source, student, CONFIG.model_copy(update={"batch": 3}))
    made(source, student, CONFIG.model_copy(update={"cache_gib": 1.0}))  # decides nothing
    teacher = tmp_path / "other.ts"
    torchscript(teacher, seed=1)
    quiet = DistilProgress(lambda *_: None, lambda _: None, lambda *_: None)
    with pytest.raises(BadRun, match="another teacher"):
        distil(str(teacher), student, clips(source), CONFIG, quiet)
    with pytest.raises(BadRun, match="other images"):
        distil(str(source.parent / "teacher.ts"), student, clips(source)[:1], CONFIG, quiet)
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"something else")
    with pytest.raises(OutputError, match="is there already"):
        made(source, foreign)
    with pytest.raises(UsageError, match=r"no \.safetensors file"):
        made(source, tmp_path / "s.pt")


def test_an_encoder_file_is_checked(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no encoder at"):
        encoder_state(tmp_path / "gone.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"cut short")
    with pytest.raises(WeightsMismatch, match="not a readable safetensors file"):
        encoder_state(tmp_path / "x.safetensors")
    cut_state = dict(list(load_file(WEIGHTS).items())[:3])
    save_file(cut_state, tmp_path / "x.safetensors")
    with pytest.raises(WeightsMismatch, match="does not hold nano's encoder"):
        encoder_state(tmp_path / "x.safetensors")


def test_the_file_of_settings_is_complete_and_at_the_defaults() -> None:
    path = Path(__file__).resolve().parents[4] / "configs" / "distill.toml"
    assert load_toml(path, DistillStageConfig) == distill_config(None) == distill_config(path)
    text = path.read_text("utf-8")
    for kind in (DistillStageConfig, Optimisation):
        missing = [
            n for n in kind.model_fields if n != "optimisation" and f"\n{n} =" not in text
        ]
        assert missing == []


def test_features_reach_the_student_flipped_and_cropped_alike(
    source: Path, tmp_path: Path
) -> None:
    """A batch's targets are the teacher's view of its images, wherever they were cut from."""
    found = clips(source)
    layout = lay_out(found, (1.5,), (3, 3), 64)
    fill(tmp_path / "f.bin", found, layout, extract, 1, lambda *_: None)
    stage = DistillStage(Student((3, 3)), mapped(tmp_path / "f.bin", layout, CPU), 8, 64)
    images, (fine, coarse) = stage.batch(np.random.default_rng(0), 0.0)
    assert images.shape == (8, 3, 64, 64)
    wanted_fine, wanted_coarse = extract(images)
    for wanted, got in ((wanted_fine, fine), (wanted_coarse, coarse)):
        # Colours are changed for the student alone, so it is the pattern that must agree.
        a, b = (
            x.float().flatten(1) - x.float().flatten(1).mean(1, keepdim=True)
            for x in (wanted, got)
        )
        assert torch.nn.functional.cosine_similarity(a, b, dim=1).min() > 0.5
