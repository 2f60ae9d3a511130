"""The exported graphs against nano itself, stage by stage, and the whole loop against a
session.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from vseg.config import CropSettings, MemorySettings
from vseg.errors import ModelError, OutputError, UsageError
from vseg.frame_masks import LogitCrops
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.models.onnx import export as onnx_export
from vseg.models.onnx.export import PRESENT_ABOVE, LoopSizes, export_onnx
from vseg.prompts.prompt_maps import draw_prompts
from vseg.session import prompt_rounds
from vseg.session.prompt_rounds import coarse_masks
from vseg.session.prompt_zoom import Zoomed
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.tensors import PRESENT, Features, Memory, MemoryPart
from vseg.types import Box, Frame, Mask, Points

pytestmark = pytest.mark.integration

DEMO = Path(__file__).resolve().parents[3] / "demos" / "onnx_loop.py"
HEIGHT = 180
WIDTH = 272
SHORT = 96
SLOTS = 5
# Objects that nano is sure of: where it wavers, one scaled byte rounded differently moves an
# edge.
SCENE = SceneConfig(HEIGHT, WIDTH, num_frames=24, num_objects=2, seed=5)
WITHOUT_TORCH = (
    "import sys; sys.modules |= dict.fromkeys(('torch', 'cv2', 'PIL', 'scipy', 'vseg'));"
)


@dataclass(frozen=True)
class Exported:
    """A folder of graphs, the same model in torch, and a scene to run both on."""

    folder: Path
    model: Nano
    scene: SyntheticVideo

    def run(self, graph: str, *values: torch.Tensor | np.ndarray) -> list[torch.Tensor]:
        """What onnxruntime answers."""
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.folder / f"{graph}.onnx", settings)
        names = [each.name for each in session.get_inputs()]
        fed = {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
        return [torch.from_numpy(answer) for answer in session.run(None, fed)]

    def look(self, t: int) -> tuple[Frame, Features]:
        """A frame and its features in torch."""
        frame = self.scene.read(t)
        return frame, self.model.encode([frame])[0]

    def logits(self, t: int, objects: int) -> torch.Tensor:
        """Uncertain logits of objects that are there."""
        truth = self.scene.truth(t)
        h4, w4 = self.look(t)[1].map_hw
        masks = [cv2.resize((truth == k).astype(np.float32), (w4, h4)) for k in (1, 2)]
        return torch.from_numpy(np.stack([6 * masks[k % 2] - 3 for k in range(objects)]))


@pytest.fixture(scope="module", params=[pytest.param("nano", marks=pytest.mark.slow)])
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    out = tmp_path_factory.mktemp("onnx") / "graphs"
    sizes = LoopSizes(HEIGHT, WIDTH, SHORT, SLOTS)
    assert export_onnx(out, sizes) == out
    return Exported(out, load_nano(dtype="float32", short_side=SHORT), SyntheticVideo(SCENE))


def close(ours: torch.Tensor, theirs: torch.Tensor, atol: float = 1e-3) -> None:
    torch.testing.assert_close(ours, theirs, atol=atol, rtol=1e-3)


def test_encode(exported: Exported) -> None:
    frame, features = exported.look(0)
    key, local_key, base, skip8, skip4 = exported.run("encode", frame.image)
    # The two runtimes may round a scaled byte differently, so that it is off by one.
    close(key[0], features.key, atol=0.03)
    close(local_key[0], features.local_key, atol=0.03)
    for ours, theirs in zip((skip4, skip8, base), features.levels, strict=True):
        assert (ours - theirs).abs().mean() < 0.01 * theirs.abs().mean()


def test_coarse_mask(exported: Exported) -> None:
    frame, features = exported.look(0)
    prompts = (Points(np.array([[60, 50]], np.float32), np.array([True])),)
    coarse = exported.model.encode_coarse(frame)
    rough = coarse_masks(exported.model, coarse, [prompts]).logits[0]
    maps = draw_prompts(prompts, (HEIGHT, WIDTH), (rough.shape[0], rough.shape[1]))
    (logits,) = exported.run("coarse_mask", frame.image, maps[None])
    expected = torch.nn.functional.interpolate(
        rough[None, None], features.map_hw, mode="bilinear"
    )
    assert ((logits > 0) == (expected[0] > 0)).float().mean() > 0.995
    assert (logits - expected[0]).abs().mean() < 0.05


@pytest.mark.parametrize("known", [False, True])
def test_prompt(exported: Exported, known: bool) -> None:
    _, features = exported.look(0)
    prompts = (Box(40, 30, 90, 80),)
    prior = exported.logits(0, 1)[0] if known else None
    maps = draw_prompts(prompts, (HEIGHT, WIDTH), features.map_hw)
    logits = torch.zeros(1, *features.map_hw) if prior is None else prior[None]
    skip4, skip8, base = features.levels
    read = exported.model.encode_memory(features, exported.logits(0, 1))
    read = read if known else torch.zeros_like(read)
    drawn, quality = exported.run(
        "decode_prompt", features.key[None], base, skip8, skip4, maps[None], logits, read
    )
    expected = exported.model.decode_prompts(
        features, [prompts], None if prior is None else prior[None], read if known else None
    )
    # As in `test_decode`.
    assert ((drawn > 0) == (expected.logits > 0)).float().mean() > 0.999
    close(quality, expected.quality, atol=0.02)


def test_mask_prompt(exported: Exported) -> None:
    _, features = exported.look(0)
    mask = exported.scene.truth(0) == 1
    (logits,) = exported.run("mask_prompt", mask[None])
    close(logits, exported.model.encode_mask_prompts(features, [Mask(mask)]).logits)


@pytest.mark.parametrize("objects", [1, 3])
def test_remember(exported: Exported, objects: int) -> None:
    _, features = exported.look(0)
    logits = exported.logits(0, objects)
    (values,) = exported.run("remember", features.levels[2], logits)
    close(values, exported.model.encode_memory(features, logits))


@pytest.mark.parametrize("objects", [1, 3])
def test_read_heeds_valid_slots_only(exported: Exported, objects: int) -> None:
    torch.manual_seed(0)
    past = [exported.look(t)[1] for t in (0, 5)]
    values = [exported.model.encode_memory(f, exported.logits(0, objects)) for f in past]
    _, now = exported.look(8)
    keys = torch.randn(SLOTS, *now.key.shape)  # whatever an earlier object left there
    kept = torch.randn(objects, SLOTS, *values[0].shape[1:])
    valid = torch.zeros(objects, SLOTS, dtype=torch.bool)
    for slot, feature, value in zip((3, 1), past, values, strict=True):
        keys[slot], kept[:, slot] = feature.key, value
        valid[:, slot] = True
    valid[0, 1] = False  # the first object has nothing on the second frame
    (readout,) = exported.run("read", now.key[None], keys, kept, valid)
    rows = (tuple(range(objects)), tuple(range(1, objects)))
    parts = tuple(
        MemoryPart(f.key.flatten(1), v[list(row)].flatten(2), row)
        for f, v, row in zip(past, values, rows, strict=True)
        if row
    )
    close(readout, exported.model.condition(now, Memory(objects, parts)))


@pytest.mark.parametrize("objects", [1, 3])
def test_warp_prior(exported: Exported, objects: int) -> None:
    (_, before), (_, now) = exported.look(3), exported.look(4)
    logits = exported.logits(3, objects)
    (prior,) = exported.run("warp_prior", now.local_key[None], before.local_key[None], logits)
    close(prior, exported.model.warp_prior(now, before.local_key, logits))


@pytest.mark.parametrize("objects", [1, 3])
def test_decode(exported: Exported, objects: int) -> None:
    _, features = exported.look(0)
    logits = exported.logits(0, objects)
    readout = exported.model.encode_memory(features, logits)
    prior = exported.model.warp_prior(features, None, logits)
    skip4, skip8, base = features.levels
    drawn, quality, presence = exported.run("decode", readout, base, skip8, skip4, prior)
    expected = exported.model.decode(features, readout, prior)
    # A session on the CPU refines masks only where they may be: elsewhere its logits are
    # coarser.
    assert ((drawn > 0) == (expected.logits > 0)).float().mean() > 0.999
    assert (drawn - expected.logits)[expected.logits > 0].abs().max() < 0.05
    close(presence, expected.presence, atol=0.02)
    close(quality, expected.quality, atol=0.02)


def test_enlarge(exported: Exported) -> None:
    logits = exported.logits(0, 2)
    (masks,) = exported.run("enlarge", logits)
    visible = np.ones(2, dtype=bool)
    crops = LogitCrops((1, 2), logits.numpy(), visible, (HEIGHT, WIDTH), {})
    expected = np.stack([crop.paste(HEIGHT, WIDTH) for crop in crops.values()])
    assert (masks.numpy() == expected).mean() > 0.9999


def test_the_manifest_tells_what_the_graphs_are(exported: Exported) -> None:
    told = json.loads((exported.folder / "manifest.json").read_text())
    assert told["weights_sha256"] == exported.model.weights_sha256
    assert told["memory"] == {"slots": 5, "prompted": 3, "recent": 1, "older": 1, "stride": 5}
    assert told["present_above"] == PRESENT_ABOVE == PRESENT
    for name, graph in told["graphs"].items():
        session = onnxruntime.InferenceSession(exported.folder / graph["file"])
        for side, puts in (
            ("inputs", session.get_inputs()),
            ("outputs", session.get_outputs()),
        ):
            shapes = {put.name: put.shape for put in puts}
            assert shapes == {k: v["shape"] for k, v in graph[side].items()}, name
    assert {path.name for path in exported.folder.iterdir()} == {
        "manifest.json",
        *(graph["file"] for graph in told["graphs"].values()),
    }


def _not_corrected(logits: Tensor, *_: object) -> Tensor:
    """In place of `with_obeyed_marks`."""
    return logits


def _not_zoomed(
    _model: object, _frame: object, objects: list[object], logits: Tensor
) -> Zoomed:
    """In place of `zoomed`."""
    return Zoomed(logits, (None,) * len(objects))


@pytest.mark.parametrize("kind", ["point", "box", "mask"])
def test_the_demo_alone_gives_a_sessions_masks(
    exported: Exported, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The graphs decode a click once, in the whole frame.
    monkeypatch.setattr(prompt_rounds, "with_obeyed_marks", _not_corrected)
    monkeypatch.setattr(prompt_rounds, "zoomed", _not_zoomed)
    scene = exported.scene
    truth = exported.scene.truth(0) == 1
    np.save(tmp_path / "clip.npy", np.stack([frame.image for frame in scene.frames()]))
    np.save(tmp_path / "mask.npy", truth)
    place, (rows, columns) = scene.first_point(1), np.nonzero(truth)
    x1 = int(columns.min())
    y1 = int(rows.min())
    x2 = int(columns.max()) + 1
    y2 = int(rows.max()) + 1
    prompt: Points | Box | Mask
    if kind == "point":
        prompt = Points(np.array([[place.x, place.y]], np.float32), np.array([True]))
        words = ["--point", f"{place.x},{place.y}"]
    elif kind == "box":
        prompt = Box(x1, y1, x2, y2)
        words = ["--box", f"{x1},{y1},{x2},{y2}"]
    else:
        prompt = Mask(truth)
        words = ["--mask", str(tmp_path / "mask.npy")]
    run = f"import runpy; runpy.run_path({str(DEMO)!r}, run_name='__main__')"
    code = f"{WITHOUT_TORCH} {run}"
    arguments = [
        str(exported.folder),
        str(tmp_path / "clip.npy"),
        str(tmp_path / "out"),
        *words,
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    overlaps = []
    with Session(
        exported.model,
        scene,
        memory=MemorySettings(prompted=3),
        crops=CropSettings(most=0),
    ) as session:
        session.prompt(1, 0, [prompt])
        for masks in session.propagate():
            image = cv2.imread(
                str(tmp_path / "out" / f"{masks.frame_index:05d}.png"), cv2.IMREAD_UNCHANGED
            )
            assert image is not None
            ours = image > 0
            theirs = masks[1]
            overlaps.append((ours & theirs).sum() / max(1, (ours | theirs).sum()))
    # The graph's resize rounds now and then to the next of 256 levels.
    assert np.mean(overlaps) >= 0.99 and min(overlaps) >= 0.97


@pytest.mark.parametrize(
    ("sizes", "word"),
    [
        (lambda: LoopSizes(8, 100), "height 8"),
        (lambda: LoopSizes(100, 9000), "width 9000"),
        (lambda: LoopSizes(100, 100, short_side=100), "short side 100"),
        (lambda: LoopSizes(100, 100, slots=2), "memory of 2 frames"),
        (lambda: LoopSizes(100, 100, objects=0), "0 objects"),
    ],
)
def test_impossible_sizes_are_refused(sizes: Callable[[], LoopSizes], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        sizes()


def test_what_stands_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        export_onnx(tmp_path / "out", LoopSizes(96, 96))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot write"):
        export_onnx(tmp_path / "file" / "out", LoopSizes(96, 96))
    assert {path.name for path in tmp_path.iterdir()} == {"out", "file"}


def test_without_its_packages_an_export_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"vseg\[onnx\]"):
        export_onnx(tmp_path / "out", LoopSizes(96, 96))
