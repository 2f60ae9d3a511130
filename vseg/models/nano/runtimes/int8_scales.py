"""The file of scales beside nano's weights: what of the network computes in 8 bits.

Enters: a safetensors file that `vseg train calibrate` wrote.  Leaves: the ranges of values by
the names of modules, for these weights alone.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import nn

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.models.nano.blocks import ConvNorm, Residual
from vseg.models.nano.runtimes.int8_writer import Quantisation

_PARTS = (
    "encoder",
    "base",
    "skip4",
    "skip8",
    "key",
    "near",
    "decoder.deep",
    "decoder.block8",
    "decoder.block4",
    "value.block",
)
"""The parts of the network whose convolutions are of integers: those that cost at most 0.2 J&F
on the clips held out, each alone and all together (benchmarks/notes/runtimes.md).  What is
left are the first and last layers of the decoder, which cost little time."""
_SOURCES = (
    "key",
    "near",
    "decoder.norm",
    "decoder.enter8",
    "decoder.enter4",
    "value.enter",
)
"""What gives such a part its input without being of one, and parts of one convolution."""
_ARCHITECTURE = "nano-int8"
_AGAIN = "make one: vseg train calibrate --weights FILE --data ZIP"


@dataclass(frozen=True, slots=True)
class Int8Scales:
    """ranges: lowest and highest value of a map, by the module that gives it.  layers: names
    of convolutions.
    """

    ranges: Mapping[str, tuple[float, float]]
    layers: frozenset[str]

    def of(self, net: nn.Module) -> Quantisation:
        """The same by the modules of a network."""
        modules = dict(net.named_modules())
        ranges = {modules[name]: pair for name, pair in self.ranges.items()}
        return Quantisation(ranges, {modules[name] for name in self.layers})


@dataclass(frozen=True, slots=True)
class ScalesFile:
    """Where the scales of some weights are, and the SHA-256 of the file of these weights."""

    path: Path
    weights_sha256: str

    def load(self) -> Int8Scales:
        """The scales.  Raises WeightsMissing; WeightsMismatch for a damaged file or one of
        other weights.
        """
        if not self.path.is_file():
            raise WeightsMissing(f"no scales of 8 bits at {self.path}", hint=_AGAIN)
        try:
            with safe_open(self.path, framework="numpy") as file:
                notes = file.metadata() or {}
                # Its keys, for it is no mapping.
                pairs = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            ranges = {name: (float(low), float(high)) for name, (low, high) in pairs.items()}
            layers = frozenset(json.loads(notes.get("layers", "[]")))
        except (SafetensorError, ValueError, TypeError) as error:
            raise WeightsMismatch(
                f"{self.path} is no readable file of scales: {error}", hint=_AGAIN
            ) from error
        if notes.get("architecture") != _ARCHITECTURE:
            raise WeightsMismatch(f"{self.path} holds no scales of nano", hint=_AGAIN)
        if notes.get("weights_sha256") != self.weights_sha256:
            raise WeightsMismatch(
                f"{self.path} was calibrated for other weights than these", hint=_AGAIN
            )
        return Int8Scales(ranges, layers)

    def fits(self) -> bool:
        """Whether there are scales of these weights."""
        with suppress(WeightsMissing, WeightsMismatch):
            return bool(self.load().layers)
        return False

    def save(self, scales: Int8Scales, notes: Mapping[str, str]) -> None:
        """Write the scales; `notes` go into the metadata."""
        pairs = {name: np.array(pair, np.float32) for name, pair in scales.ranges.items()}
        metadata = {
            "architecture": _ARCHITECTURE,
            "weights_sha256": self.weights_sha256,
            "layers": json.dumps(sorted(scales.layers)),
            **notes,
        }
        save_file(pairs, self.path, metadata=metadata)


def integer_layers(net: nn.Module) -> frozenset[str]:
    """The convolutions of integers."""
    return frozenset(
        name
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d) and name.startswith(_PARTS)
    )


def sources(net: nn.Module) -> dict[str, nn.Module]:
    """What gives the values on both sides of these convolutions."""
    return {
        name: module
        for name, module in net.named_modules()
        if name in _SOURCES
        or (isinstance(module, ConvNorm | Residual) and name.startswith(_PARTS))
    }


def is_signed(source: str) -> bool:
    """Whether no ReLU follows what gives a map."""
    return source.endswith((".second", "skip4", "skip8", "key", "near"))


def scales_of(weights: Path) -> Path:
    """Where the scales of a weights file are: beside it."""
    return weights.with_name(f"{weights.stem}-int8.safetensors")
