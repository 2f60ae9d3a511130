"""nano's whole loop as a folder of ONNX graphs, and a manifest that says how to run them.

Enters: weights and the sizes that graphs fix.  Leaves: one .onnx file for each stage and
manifest.json: shapes and types of every input and output, the memory policy, and the hash of
the weights.  The folder appears under its name only once it is whole.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vseg import __version__
from vseg.config import MemorySettings
from vseg.errors import ModelError, UsageError
from vseg.io.files import atomic_folder, check_free
from vseg.models.nano.blocks import fold_batch_norms
from vseg.models.nano.encoder import MEAN, STD
from vseg.models.nano.frame_size import model_hw
from vseg.models.nano.load import load_weights
from vseg.models.nano.network import KEY, NEAR_KEY, NanoNet
from vseg.models.nano.object_decoder import BASE, PRIORS, PROMPT_MAPS, SKIPS, VALUE
from vseg.models.nano.shipped import WEIGHTS
from vseg.models.onnx import graphs as stage

MANIFEST = "manifest.json"
OPSET = 18
PRESENT_ABOVE = 0.5
_OBJECTS = "objects"
_SHELVES = {"prompted", "recent", "older", "stride"}


@dataclass(frozen=True, slots=True)
class LoopSizes:
    """What the graphs fix: pixels of the video, memory slots, and objects (None: any number).

    Raises UsageError.
    """

    height: int
    width: int
    short_side: int = 384
    slots: int = 6
    objects: int | None = None

    def __post_init__(self) -> None:
        for name, side in (("height", self.height), ("width", self.width)):
            if not 16 <= side <= 8192:
                raise UsageError(
                    f"{name} {side} is not a video's",
                    hint="give 16 to 8192, as `vseg probe` prints",
                )
        if self.short_side < 64 or self.short_side % 16:
            raise UsageError(
                f"short side {self.short_side} is not a multiple of 16 from 64 up"
            )
        if self.memory.prompted < 1:
            tracked = self.slots - self.memory.prompted
            raise UsageError(
                f"a memory of {self.slots} frames has no place for a prompted one",
                hint=f"give {tracked + 1} or more: {tracked} hold tracked frames",
            )
        if self.objects is not None and self.objects < 1:
            raise UsageError(
                f"{self.objects} objects cannot be tracked", hint="give 1 or more"
            )

    @property
    def memory(self) -> MemorySettings:
        """A session's policy, with as many prompted frames as there are slots for."""
        usual = MemorySettings()
        return usual.model_copy(update={"prompted": self.slots - usual.recent - usual.older})

    @property
    def model_hw(self) -> tuple[int, int]:
        """Pixels that the encoder sees."""
        return model_hw((self.height, self.width), self.short_side)

    @property
    def coarse_hw(self) -> tuple[int, int]:
        """Pixels that the encoder sees of a coarser look."""
        return model_hw((self.height, self.width), max(64, self.short_side // 2))


@dataclass(frozen=True, slots=True)
class Graph:
    """One graph before it is written.

    inputs: examples by name.  per_object: those whose first axis counts objects; then so does
    that of every output.
    """

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    per_object: tuple[str, ...] = ()


def export_onnx(
    out: Path, sizes: LoopSizes, weights: Path | None = None, *, overwrite: bool = False
) -> Path:
    """The folder `out`, written with all graphs and the manifest, in fp32.

    weights: a file of nano's; the embedded one if left out.  Raises OutputError if `out`
    exists and `overwrite` is not given or it cannot be written, ModelError without the
    packages that write ONNX, WeightsMissing, WeightsMismatch.
    """
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"writing ONNX needs the package {missing[0]}", hint="pip install 'vseg[onnx]'"
        )
    check_free(out, overwrite=overwrite, is_member=_is_exported)
    net = NanoNet()
    digest = load_weights(net, WEIGHTS if weights is None else weights)
    with atomic_folder(out) as unfinished:
        graphs = make_graphs(net, sizes)
        for graph in graphs:
            _write(graph, unfinished / f"{graph.name}.onnx", sizes.objects)
        text = json.dumps(_manifest(graphs, sizes, digest), indent=2)
        (unfinished / MANIFEST).write_text(text + "\n", "utf-8")
    return out


def _is_exported(path: Path) -> bool:
    return path.name == MANIFEST or path.suffix in (".onnx", ".data")


def make_graphs(net: NanoNet, sizes: LoopSizes) -> tuple[Graph, ...]:
    """Every stage as a module of tensors with examples of its inputs; folds the net's batch
    norms.
    """
    net.eval().requires_grad_(False)
    fold_batch_norms(net)
    video = (sizes.height, sizes.width)
    objects = sizes.objects or 2
    slots = sizes.slots
    h, w = (side // 16 for side in sizes.model_hw)
    logits_hw = (4 * h, 4 * w)
    image = torch.zeros(*video, 3, dtype=torch.uint8)
    logits = torch.zeros(objects, *logits_hw)
    base = torch.zeros(1, BASE, h, w)
    key = torch.zeros(1, KEY, h, w)
    local_key = torch.zeros(1, NEAR_KEY, 2 * h, 2 * w)
    skip8 = torch.zeros(1, SKIPS[1], 2 * h, 2 * w)
    skip4 = torch.zeros(1, SKIPS[0], *logits_hw)
    maps = torch.zeros(1, PROMPT_MAPS, *logits_hw)
    small = torch.zeros(1, PROMPT_MAPS, *(side // 4 for side in sizes.coarse_hw))
    encode = stage.Encode(net, sizes.model_hw)
    coarse = stage.Encode(net, sizes.coarse_hw)
    remembered = {
        "memory_key": key.repeat(slots, 1, 1, 1),
        "memory_values": torch.zeros(objects, slots, VALUE, h, w),
        "valid": torch.ones(objects, slots, dtype=torch.bool),
    }
    decoder_inputs = {
        "readout": torch.zeros(objects, VALUE, h, w),
        "base": base,
        "skip8": skip8,
        "skip4": skip4,
        "prior": torch.zeros(objects, PRIORS, *logits_hw),
    }
    one_prompt = {
        "key": key,
        "base": base,
        "skip8": skip8,
        "skip4": skip4,
        "maps": maps,
        "known": logits[:1],
        "readout": torch.zeros(1, VALUE, h, w),
    }
    mask = {"mask": torch.zeros(1, *video, dtype=torch.bool)}
    values_of = {"base": base, "logits": logits}
    frames = {"local_key": local_key, "local_key_before": local_key, "logits": logits}
    features = ("key", "local_key", "base", "skip8", "skip4")
    drawn = ("logits", "quality", "presence")
    return (
        Graph("encode", encode, {"image": image}, features),
        Graph(
            "coarse_mask",
            stage.CoarseMask(coarse, logits_hw),
            {"image": image, "maps": small},
            drawn[:1],
        ),
        Graph("decode_prompt", stage.DecodePrompts(net), one_prompt, drawn[:2]),
        Graph("mask_prompt", stage.MaskPrompts(video, logits_hw), mask, ("logits",)),
        Graph("remember", stage.Remember(net), values_of, ("values",), ("logits",)),
        Graph(
            "read",
            stage.Read(net),
            {"key": key} | remembered,
            ("readout",),
            tuple(remembered)[1:],
        ),
        Graph("warp_prior", stage.WarpPrior(net), frames, ("prior",), ("logits",)),
        Graph("decode", stage.Decode(net), decoder_inputs, drawn, ("readout", "prior")),
        Graph("enlarge", stage.Enlarge(video), {"logits": logits}, ("masks",), ("logits",)),
    )


def _write(graph: Graph, path: Path, objects: int | None) -> None:
    shapes = None
    if objects is None and graph.per_object:
        axis = torch.export.Dim(_OBJECTS)
        shapes = {
            name: {0: axis} if name in graph.per_object else None for name in graph.inputs
        }
    with _quiet():
        torch.onnx.export(
            graph.module.eval(),
            # The exporter takes two inputs that are one tensor for one input.
            tuple(example.clone() for example in graph.inputs.values()),
            path,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            opset_version=OPSET,
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says of its own insides and of packages that are not
    needed.
    """
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _manifest(graphs: tuple[Graph, ...], sizes: LoopSizes, digest: str) -> dict[str, Any]:
    return {
        "format": "vseg-onnx",
        "version": 1,
        "model": "nano",
        "weights_sha256": digest,
        "vseg": __version__,
        "opset": OPSET,
        "video": {
            "height": sizes.height,
            "width": sizes.width,
            "image": "RGB uint8, H x W x 3",
        },
        "normalisation": {"mean": MEAN, "std": STD, "where": "inside encode and coarse_mask"},
        "maps": [
            "positive marks 0 or 1",
            "negative marks 0 or 1",
            "box: 1 inside, -1 outside",
        ],
        "memory": {"slots": sizes.slots} | sizes.memory.model_dump(include=_SHELVES),
        "objects": sizes.objects,
        "present_above": PRESENT_ABOVE,
        "graphs": {graph.name: _signature(graph, sizes.objects) for graph in graphs},
    }


@torch.inference_mode()
def _signature(graph: Graph, objects: int | None) -> dict[str, Any]:
    """File, inputs and outputs of a graph, each with its type and shape."""
    answer = graph.module(*graph.inputs.values())
    answers = answer if isinstance(answer, tuple) else (answer,)
    outputs = dict(zip(graph.outputs, answers, strict=True))
    counted = (*graph.per_object, *(outputs if graph.per_object else ()))

    def described(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
        found = {}
        for name, tensor in tensors.items():
            any_number = objects is None and name in counted
            shape = [_OBJECTS, *tensor.shape[1:]] if any_number else list(tensor.shape)
            found[name] = {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": shape}
        return found

    return {
        "file": f"{graph.name}.onnx",
        "inputs": described(graph.inputs),
        "outputs": described(outputs),
    }
