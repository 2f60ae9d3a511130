"""nano with convolutions of 8-bit integers: near to float32, by scales of its own weights."""

import json
import re
import zipfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.numpy import save_file
from torch import Tensor

from tests.nano_weights import save_random
from tests.unit.cli.conftest import call
from vseg.errors import BadDataset, WeightsMismatch, WeightsMissing
from vseg.models.nano.blocks import ConvNorm, Residual
from vseg.models.nano.encoder import MEAN, STD
from vseg.models.nano.load import load_nano, load_weights
from vseg.models.nano.model import Nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.runtimes.decoder_graphs import decoder_graphs
from vseg.models.nano.runtimes.int8_scales import ScalesFile, scales_of
from vseg.models.nano.runtimes.int8_writer import Int8Writer, Quantisation
from vseg.models.nano.runtimes.stage_graphs import stage_graphs, stem_layer
from vseg.models.nano.runtimes.torch_runtime import TorchRuntime
from vseg.models.nano.shipped import WEIGHTS
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.tensors import Features
from vseg.training.nano.calibrate import CalibrationFiles, calibrate
from vseg.types import Mask

SCENE = SyntheticVideo(SceneConfig(64, 96, 3, num_objects=2, seed=2))
OF_LENGTH = 0.15
"""What 8 bits may change of a map, of its Euclidean length; measured 0.02 to 0.09."""


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset zip of one clip."""
    path = tmp_path_factory.mktemp("pack") / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for t in range(len(SCENE)):
            files = {".webp": SCENE.read(t).image[..., ::-1], ".png": SCENE.truth(t)}
            for suffix, image in files.items():
                encoded = cv2.imencode(suffix, image.astype(np.uint8))[1].tobytes()
                archive.writestr(f"video/scene/{t:05d}{suffix}", encoded)
    return path


@pytest.fixture(scope="module")
def weights(zipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, and their scales beside them."""
    path = tmp_path_factory.mktemp("nano") / "random.safetensors"
    save_random(path, seed=5)
    assert calibrate(CalibrationFiles((zipped,), weights=path, short_side=64)) == scales_of(
        path
    )
    return path


def stage_maps(nano: Nano, features: Features) -> list[Tensor]:
    """What the stages with integers give of a frame, beside its features."""
    masks = [Mask(SCENE.truth(0) == k) for k in SCENE.object_ids]
    logits = nano.encode_mask_prompts(features, masks).logits
    values = nano.encode_memory(features, logits)
    prior = nano.warp_prior(features, features.local_key, logits)
    decoded = nano.decode(features, values, prior)
    return [values, decoded.logits, decoded.embedding]


def assert_near(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype == torch.float32
    assert 0 < float((ours - theirs).norm()) < OF_LENGTH * float(theirs.norm())


@pytest.mark.parametrize("shipped", [True, False], ids=["shipped", "random"])
def test_every_stage_is_near_to_float32(weights: Path, shipped: bool) -> None:
    path = None if shipped else weights
    ours, theirs = (
        load_nano(path, dtype="float32", runtime=name, short_side=128)
        for name in ("onnx-int8", "onnx")
    )
    assert (ours.runtime, theirs.runtime) == ("onnx-int8", "onnx")
    frame = SCENE.read(0)
    mine, other = (model.encode([frame])[0] for model in (ours, theirs))
    for part in ("key", "local_key"):
        assert_near(getattr(mine, part), getattr(other, part))
    for k in range(3):
        assert_near(mine.levels[k], other.levels[k])
    for k in range(2):
        assert_near(mine.pyramid[k], other.pyramid[k])
    for map_, exact in zip(stage_maps(ours, other), stage_maps(theirs, other), strict=True):
        assert_near(map_, exact)


def test_the_same_frame_has_the_same_features_twice(weights: Path) -> None:
    nano = load_nano(weights, runtime="onnx-int8", short_side=64)
    one, two = (nano.encode([SCENE.read(1)])[0] for _ in range(2))
    assert torch.equal(one.key, two.key)
    together = nano.encode([SCENE.read(0), SCENE.read(1)])[1]
    assert torch.equal(one.key, together.key)


@pytest.fixture(scope="module")
def graphs() -> tuple[NanoNet, Quantisation, dict[str, bytes]]:
    """The shipped network, what of it is of integers, and its graphs."""
    net = NanoNet()
    digest = load_weights(net, WEIGHTS)
    TorchRuntime(net, torch.device("cpu"), torch.float32)
    quantisation = ScalesFile(scales_of(WEIGHTS), digest).load().of(net)
    models = stage_graphs(net, quantisation) | decoder_graphs(net.decoder, quantisation)
    return net, quantisation, models


def test_onnxruntime_multiplies_integers_in_every_layer(
    graphs: tuple[NanoNet, Quantisation, dict[str, bytes]], tmp_path: Path
) -> None:
    """A convolution around which no values are quantised would be of float32, and slower."""
    net, quantisation, models = graphs
    kinds = {name: _operators(graph, tmp_path / name) for name, graph in models.items()}
    counts = {name: kind.count("QLinearConv") for name, kind in kinds.items()}
    assert sum(counts.values()) == len(quantisation.layers) > 30
    assert counts["refine"] == 4 and "Conv" not in kinds["encode"]
    # Neither are sums taken apart and put together again between layers.
    assert kinds["encode"].count("QLinearAdd") == sum(
        isinstance(m, Residual) for m in net.encoder.modules()
    )


def _operators(graph: bytes, path: Path) -> list[str]:
    """Of the graph as onnxruntime computes it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(path).graph.node]


def test_the_first_layer_is_that_of_the_network(
    graphs: tuple[NanoNet, Quantisation, dict[str, bytes]],
) -> None:
    """Pixels in groups of four, two outputs at once: the sums of the plain convolution."""
    net, quantisation, _ = graphs
    stem = net.encoder.stem[0]
    assert isinstance(stem, ConvNorm)
    graph = Int8Writer("stem", quantisation)
    pixels = graph.input("pixels", ("b", "H", "W", 3), "uint8")
    graph.output("map", stem_layer(graph, pixels, stem))
    image = np.random.default_rng(3).integers(0, 256, (2, 48, 80, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(graph.to_bytes())
    ours = torch.from_numpy(session.run(None, {"pixels": image})[0])
    normal = (torch.from_numpy(image) / 255.0 - torch.tensor(MEAN)) / torch.tensor(STD)
    theirs = stem(normal.permute(0, 3, 1, 2)).relu()
    step = quantisation.ranges[stem][1] / 255
    # The edge of the frame is grey, not of the mean colour.
    inside = (ours - theirs.clamp(max=255 * step))[..., 1:, 1:].abs()
    assert ours.shape == theirs.shape
    assert inside.mean() < step / 2 and inside.max() < 8 * step


def test_no_two_products_exceed_sixteen_bits(
    graphs: tuple[NanoNet, Quantisation, dict[str, bytes]],
) -> None:
    """Where there is no VNNI, pairs of products are added in 16 bits with a sign."""
    _, quantisation, models = graphs
    integers = [
        onnx.numpy_helper.to_array(values)
        for graph in models.values()
        for values in onnx.load_model_from_string(graph).graph.initializer
        if values.data_type == onnx.TensorProto.INT8 and len(values.dims) == 4
    ]
    assert len(integers) == len(quantisation.layers) > 20
    assert all(255 * 2 * np.abs(each.astype(int)).max() < 2**15 for each in integers)


def test_scales_of_other_weights_are_refused(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_random(other, seed=6)
    with pytest.raises(WeightsMissing, match="no scales") as missing:
        load_nano(other, runtime="onnx-int8")
    assert "vseg train calibrate" in str(missing.value.hint)
    scales_of(other).write_bytes(scales_of(weights).read_bytes())
    with pytest.raises(WeightsMismatch, match="for other weights"):
        load_nano(other, runtime="onnx-int8")
    assert load_nano(other, runtime="onnx").runtime == "onnx"


@pytest.mark.parametrize("fault", ["no safetensors", "another kind", "no pair", "no list"])
def test_a_damaged_file_of_scales_is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "scales.safetensors"
    notes = {"architecture": "nano-int8", "weights_sha256": "x", "layers": "[]"}
    pair = np.zeros(3 if fault == "no pair" else 2, np.float32)
    if fault == "no list":
        notes["layers"] = "{"
    if fault == "another kind":
        notes["architecture"] = "nano"
    save_file({"base": pair}, path, metadata=notes)
    if fault == "no safetensors":
        path.write_bytes(b"nothing")
    with pytest.raises(WeightsMismatch, match=r"scales\.safetensors"):
        ScalesFile(path, "x").load()


def test_calibration_is_one_command(zipped: Path, weights: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    again.write_bytes(weights.read_bytes())
    recipe = (Path(__file__).parents[3] / "configs" / "nano.toml").read_text("utf-8")
    config = tmp_path / "nano.toml"
    config.write_text(re.sub(r"held_out = .*", "held_out = []", recipe), "utf-8")
    command = ["train", "calibrate", "--data", zipped, "--config", config]
    answer = call(*command, "--weights", again, "--json")
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["scales"] == str(scales_of(again))
    assert load_nano(again, runtime="onnx-int8").runtime == "onnx-int8"


def test_calibration_gives_the_same_twice(zipped: Path, weights: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    again.write_bytes(weights.read_bytes())
    digest = load_weights(NanoNet(), again)
    calibrate(CalibrationFiles((zipped,), weights=again, short_side=64))
    first, second = (ScalesFile(scales_of(p), digest).load() for p in (weights, again))
    assert first == second and all(low < high for low, high in first.ranges.values())
    with pytest.raises(BadDataset, match="no clip"):
        calibrate(CalibrationFiles((zipped,), ("scene",), again))
