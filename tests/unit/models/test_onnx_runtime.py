"""nano in onnxruntime computes what nano in torch does, stage by stage and over a clip."""

import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.nano_weights import save_random
from vseg.config import MemorySettings
from vseg.models.nano.flip_tta import FlipTTA
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.runtimes.onnx_runtime import OnnxRuntime
from vseg.models.nano.runtimes.torch_runtime import TorchRuntime
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.tensors import Features, LookAlikes, Memory, MemoryEntry, MemoryPart
from vseg.types import Box, Mask, Points, Scribble, VisualPrompt

SCENE = SyntheticVideo(SceneConfig(96, 130, 4, num_objects=3, seed=2))
OF_SCALE = 1e-4


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nano") / "random.safetensors"
    save_random(path, seed=5)
    return path


@pytest.fixture(scope="module")
def in_torch(weights: Path) -> Nano:
    return load_nano(weights, dtype="float32", runtime="torch", short_side=96)


@pytest.fixture(scope="module")
def in_onnx(weights: Path) -> Nano:
    return load_nano(weights, runtime="onnx", short_side=96)


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype == torch.float32
    scale = float(theirs.abs().max())
    assert scale > 0
    torch.testing.assert_close(ours, theirs, rtol=0, atol=OF_SCALE * scale)


@pytest.fixture(scope="module")
def features(in_torch: Nano) -> list[Features]:
    return [in_torch.encode([SCENE.read(t)])[0] for t in range(2)]


def logits_of(model: Nano, features: Features, t: int) -> Tensor:
    masks = [Mask(SCENE.truth(t) == k) for k in SCENE.object_ids]
    return model.encode_mask_prompts(features, masks).logits


def assert_same_features(ours: Features, theirs: Features) -> None:
    for mine, other in zip(
        (*ours.levels, ours.key, ours.local_key, *ours.pyramid),
        (*theirs.levels, theirs.key, theirs.local_key, *theirs.pyramid),
        strict=True,
    ):
        assert_same(mine, other)


def test_frames_are_encoded_alike_one_by_one_and_together(
    in_torch: Nano, in_onnx: Nano
) -> None:
    frames = [SCENE.read(t) for t in range(3)]
    for ours, theirs in zip(in_onnx.encode(frames), in_torch.encode(frames), strict=True):
        assert_same_features(ours, theirs)
    assert_same_features(in_onnx.encode(frames[:1])[0], in_torch.encode(frames[:1])[0])


def test_frames_of_other_sizes_need_no_other_graphs(in_torch: Nano, in_onnx: Nano) -> None:
    frames = [SCENE.read(0)]
    for side in (48, 80):
        ours = in_onnx.encode_crops(frames, side)[0]
        assert_same_features(ours, in_torch.encode_crops(frames, side)[0])
    wide = replace(frames[0], image=np.ascontiguousarray(frames[0].image[:40]))
    small = in_onnx.resized(64).encode([wide])[0]
    assert_same_features(small, in_torch.resized(64).encode([wide])[0])


def test_the_memory_is_written_and_read_alike(
    in_torch: Nano, in_onnx: Nano, features: list[Features]
) -> None:
    written = [logits_of(in_torch, f, t) for t, f in enumerate(features)]
    both = [m.encode_memory(features[0], written[0]) for m in (in_onnx, in_torch)]
    assert_same(*both)
    values = both[1].flatten(2)
    shares = torch.rand(3, values.shape[2])
    part = MemoryPart(features[0].key.flatten(1), values, (0, 1, 2), shares)
    later = MemoryPart(features[1].key.flatten(1), values[1:2], (1,), shares[1:2])
    memory = Memory(3, (part, later))
    assert_same(*(m.condition(features[1], memory) for m in (in_onnx, in_torch)))
    prior = in_torch.warp_prior(features[1], features[0].local_key, written[0])
    similar = torch.ones(3, 3, dtype=torch.bool) ^ torch.eye(3, dtype=torch.bool)
    look_alikes = LookAlikes(prior, similar)
    read = [m.condition(features[1], memory, look_alikes) for m in (in_onnx, in_torch)]
    assert_same(*read)


PROMPTS: list[list[VisualPrompt]] = [
    [Points([(40, 50)])],
    [Points([(90, 30), (10, 80)], [1, 0]), Scribble([(60, 60), (80, 70)])],
    [Box(20, 10, 90, 80)],
]


@pytest.mark.parametrize("objects", [1, 3])
@pytest.mark.parametrize("known", [False, True])
def test_prompts_are_decoded_alike(
    in_torch: Nano, in_onnx: Nano, features: list[Features], objects: int, known: bool
) -> None:
    generator = torch.Generator().manual_seed(3)
    priors = conditioned = None
    if known:
        priors = torch.randn(objects, *features[0].map_hw, generator=generator)
        conditioned = torch.randn(objects, 64, *features[0].key.shape[1:], generator=generator)
    ours, theirs = (
        model.decode_prompts(features[0], PROMPTS[:objects], priors, conditioned)
        for model in (in_onnx, in_torch)
    )
    for mine, other in (
        (ours.logits, theirs.logits),
        (ours.quality, theirs.quality),
        (ours.presence, theirs.presence),
    ):
        assert_same(mine, other)


@pytest.mark.parametrize("objects", [(0, 1), (2, 0, 1)])
def test_what_objects_share_is_read_as_if_each_had_it(
    in_torch: Nano, in_onnx: Nano, features: list[Features], objects: tuple[int, ...]
) -> None:
    bank = AffinityBank(MemorySettings())
    for f in features:
        values = in_torch.encode_memory(f, logits_of(in_torch, features[0], 0))
        bank.write_prompted(MemoryEntry(f.frame_index, f.key, dict(enumerate(values))))
    together = bank.read(objects)
    assert len(together.parts[0].values) == 1
    for model in (in_torch, in_onnx):
        read = model.condition(features[1], together)
        for row, object_id in enumerate(objects):
            alone = model.condition(features[1], bank.read([object_id]))
            assert_same(read[row], alone[0])


def test_masks_are_decoded_alike_in_windows_and_in_the_whole_frame(
    in_torch: Nano, in_onnx: Nano, features: list[Features]
) -> None:
    known = logits_of(in_torch, features[0], 0)
    competitors = torch.ones(3, 3, dtype=torch.bool) ^ torch.eye(3, dtype=torch.bool)
    priors = [
        m.warp_prior(features[1], features[0].local_key, known, competitors)
        for m in (in_onnx, in_torch)
    ]
    assert_same(*priors)
    readout = torch.randn(3, 64, *features[1].key.shape[1:])
    everywhere = torch.ones_like(priors[1])
    for prior in (priors[1], everywhere):
        ours, theirs = (m.decode(features[1], readout, prior) for m in (in_onnx, in_torch))
        for name in ("logits", "quality", "presence", "embedding"):
            assert_same(getattr(ours, name), getattr(theirs, name))


@pytest.mark.integration
@pytest.mark.parametrize("wrapped", [lambda model: model, FlipTTA], ids=["plain", "flipped"])
def test_a_clip_has_the_same_masks(
    in_torch: Nano, in_onnx: Nano, wrapped: Callable[[Nano], Nano]
) -> None:
    tracked = []
    for model in (in_onnx, in_torch):
        masks = []
        with Session(wrapped(model)) as session:
            for k in SCENE.object_ids:
                session.add_prompt(k, SCENE.read(0), [Mask(SCENE.truth(0) == k)])
            for t in range(len(SCENE)):
                shown = session.step(SCENE.read(t))
                masks.append(np.stack([shown[k] for k in SCENE.object_ids]))
        tracked.append(np.stack(masks))
    ours, theirs = tracked
    assert theirs.any()
    # A logit that rounding moves over 0 is one pixel at the rim of a mask.
    assert (ours != theirs).mean() < 1e-3


@pytest.mark.integration
def test_the_thread_that_loads_nano_keeps_its_denormal_numbers() -> None:
    """In a process of its own: the first graph of a process would take them."""
    program = """
from vseg.models.nano.load import load_nano
load_nano(runtime="onnx", short_side=64)
assert float("1e-310") * 1.0 != 0.0
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_network_in_torch_is_not_kept_beside_its_graphs() -> None:
    net = NanoNet()
    encoder = weakref.ref(net.encoder)
    runtime = OnnxRuntime(TorchRuntime(net, torch.device("cpu"), torch.float32))
    del net
    assert encoder() is None and runtime.name == "onnx"
