"""nano's stages against plain formulas, and its weights file against damage."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.nano_weights import save_random
from vseg.errors import DeviceMissing, UsageError, WeightsMismatch, WeightsMissing
from vseg.models.nano import memory_reading
from vseg.models.nano.blocks import ConvNorm, fold_batch_norms
from vseg.models.nano.frame_size import model_hw
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.shipped import WEIGHTS
from vseg.prompts.prompt_maps import draw_prompts
from vseg.tensors import LookAlikes, Memory, MemoryPart
from vseg.types import Box, Frame, Points, Scribble


@pytest.fixture(scope="module")
def model() -> Nano:
    return load_nano(dtype="float32", short_side=96)


def image(height: int = 96, width: int = 144, seed: int = 0) -> Frame:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Frame(0, None, 0.0, pixels)


@torch.inference_mode()
def test_reading_is_a_softmax_over_the_objects_own_cells(model: Nano) -> None:
    features = model.encode([image()])[0]
    cells = features.key[0].numel()
    torch.manual_seed(0)
    key = F.normalize(torch.randn(64, 2 * cells), dim=0)
    values = torch.randn(2, 64, 2 * cells)
    valid = torch.ones(2, 2 * cells, dtype=torch.bool)
    valid[1, cells:] = False
    both = MemoryPart(key[:, :cells], values[:, :, :cells], (0, 1))
    one = MemoryPart(key[:, cells:], values[:1, :, cells:], (0,))
    readout = model.condition(features, Memory(2, (both, one)))
    scores = model._runtime.temperature * features.key.flatten(1).T @ key
    for row in range(2):
        affinity = scores.masked_fill(~valid[row], -torch.inf).softmax(dim=1)
        expected = (values[row] @ affinity.T).view_as(readout[row])
        torch.testing.assert_close(readout[row], expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_memory_is_read_in_blocks_of_cells(
    model: Nano, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = model.encode([image()])[0]
    cells = features.key[0].numel()
    torch.manual_seed(0)
    key = F.normalize(torch.randn(64, 3 * cells), dim=0)
    memory = Memory(2, (MemoryPart(key, torch.randn(2, 64, 3 * cells), (0, 1)),))
    at_once = model.condition(features, memory)
    sizes = []
    read = model._runtime.read

    def counted(query: Tensor, key: Tensor, part: MemoryPart) -> tuple[Tensor, Tensor]:
        sizes.append(query.shape[1])
        return read(query, key, part)

    monkeypatch.setattr(model._runtime, "read", counted)
    monkeypatch.setattr(memory_reading, "_MOST_PRODUCTS", 7 * 3 * cells)
    torch.testing.assert_close(model.condition(features, memory), at_once)
    # Of whole registers, but for the rest.
    assert len(sizes) > 1 and set(sizes[:-1]) == {16} and sum(sizes) == cells


@torch.inference_mode()
def test_where_an_object_is_expected_its_look_alikes_are_not_read(model: Nano) -> None:
    features = model.encode([image()])[0]
    h, w = features.key.shape[1:]
    cells = h * w
    torch.manual_seed(0)
    key = F.normalize(torch.randn(64, cells), dim=0)
    shares = torch.zeros(3, cells)
    shares[0, :10], shares[1, 10:20], shares[2, 20:30] = 1, 1, 1
    part = MemoryPart(key, torch.randn(3, 64, cells), (0, 1, 2), shares)
    prior = torch.full((3, 3, 4 * h, 4 * w), -1.0)
    prior[0, :, :4, :4] = 1.0  # object 1 is expected in the first cell
    similar = torch.zeros(3, 3, dtype=torch.bool)
    similar[0, 1] = similar[1, 0] = True
    memory = Memory(3, (part,))
    plain = model.condition(features, memory).flatten(2)
    apart = model.condition(features, memory, LookAlikes(prior, similar)).flatten(2)
    torch.testing.assert_close(apart[:, :, 1:], plain[:, :, 1:], atol=1e-4, rtol=1e-4)
    scores = model._runtime.temperature * features.key.flatten(1)[:, 0] @ key
    scores[10:20] -= 8.0
    for row in range(3):
        expected = part.values[row] @ scores.softmax(dim=0)
        torch.testing.assert_close(apart[row, :, 0], expected, atol=1e-4, rtol=1e-4)


def test_folding_batch_norms_changes_nothing() -> None:
    net = NanoNet().eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        before = net.encode(image)
        fold_batch_norms(net)
        after = net.encode(image)
    torch.testing.assert_close(before.key, after.key, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(before.skip4, after.skip4, atol=1e-4, rtol=1e-4)
    folded = [m for m in net.modules() if isinstance(m, ConvNorm)]
    assert folded and all(isinstance(m[1], torch.nn.Identity) for m in folded)


def test_frames_in_a_batch_equal_frames_alone(model: Nano) -> None:
    frames = [image(seed=0), image(seed=1)]
    together = model.encode(frames)
    alone = [model.encode([frame])[0] for frame in frames]
    for one, two in zip(together, alone, strict=True):
        torch.testing.assert_close(one.key, two.key, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(97, 143), (200, 31), (480, 854)])
def test_any_frame_size_gives_logits_over_the_whole_frame(
    model: Nano, height: int, width: int
) -> None:
    features = model.encode([image(height, width)])[0]
    assert features.video_hw == (height, width)
    assert features.map_hw == tuple(4 * side for side in features.key.shape[1:])


def test_a_frame_is_encoded_coarsely_at_half_the_size(model: Nano) -> None:
    assert model.encode_coarse(image()).map_hw == (16, 24), (
        "64 x 96 pixels at stride 4: no smaller than a short side of 64"
    )


def test_the_shipped_file_is_small_and_hashed(model: Nano) -> None:
    assert WEIGHTS.stat().st_size < 12e6
    assert len(model.weights_sha256) == 64


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"no weights at .*gone\.safetensors"):
        load_nano(tmp_path / "gone.safetensors")


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "cut.safetensors"
    save_random(broken, 0)
    broken.write_bytes(broken.read_bytes()[:100_000])
    with pytest.raises(WeightsMismatch, match="not a readable safetensors file"):
        load_nano(broken)


def test_other_keys_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    state = load_file(WEIGHTS)
    state["surprise"] = state.pop("key.bias")
    save_file(state, path)
    with pytest.raises(WeightsMismatch, match=r"key\.bias"):
        load_nano(path)


def test_devices_and_numbers_that_do_not_exist() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(DeviceMissing, match="no CUDA device"):
            load_nano(device="cuda")
    with pytest.raises(UsageError, match="not a device"):
        load_nano(device="gpu9")
    with pytest.raises(UsageError, match="unknown dtype 'int8'"):
        load_nano(dtype="int8")
    with pytest.raises(UsageError, match="multiple of 16"):
        load_nano(short_side=100)


def test_prompts_are_drawn_where_they_are() -> None:
    maps = draw_prompts(
        [
            Points(np.array([[80, 40], [20, 20]], np.float32), np.array([True, False])),
            Box(40, 20, 120, 60),
        ],
        (100, 200),
        (25, 50),
    )
    assert maps[0, 10, 20] == 1 and maps[0, 5, 5] == 0
    assert maps[1, 5, 5] == 1 and maps[1, 10, 20] == 0
    assert maps[2, 5, 10] == 1 and maps[2, 14, 29] == 1
    assert maps[2, 4, 10] == -1 and maps[2, 15, 29] == -1


def test_a_scribble_is_a_line() -> None:
    line = Scribble(np.array([[10, 10], [90, 10]], np.float32))
    maps = draw_prompts([line], (100, 100), (25, 25))
    assert maps[0, 2, 2:22].all() and maps[0, 12].sum() == 0 and not maps[1:].any()


def test_a_strip_is_scaled_by_its_long_side() -> None:
    assert model_hw((480, 854), 384) == (384, 688)
    assert model_hw((20, 1000), 384) == (48, 2304)
    assert model_hw((1000, 20), 384) == (2304, 48)
