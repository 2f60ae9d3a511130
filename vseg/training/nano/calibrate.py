"""The scales of nano's convolutions of 8-bit integers, from clips that it is trained on.

Enters: nano's weights, dataset zips.  Leaves: the file of scales.

Every clip is tracked in float32 from the masks of its first frame, twice: first to see how
large values become, then to count them.  A value beyond its range costs its squared distance
from it, one within it the rounding to a step; the range is the one that costs least (Sung et
al. 2015, "Resiliency of Deep Neural Networks under Quantization").
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor, nn

from vseg.errors import BadDataset
from vseg.io.files import atomic_path
from vseg.models.nano.load import load_weights
from vseg.models.nano.model import Nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.runtimes.int8_scales import (
    Int8Scales,
    ScalesFile,
    integer_layers,
    is_signed,
    scales_of,
    sources,
)
from vseg.models.nano.runtimes.torch_runtime import TorchRuntime
from vseg.models.nano.shipped import WEIGHTS
from vseg.session.session import Session
from vseg.training.data.clip import VOID
from vseg.training.data.dataset_zip import ZippedClip, joined, load_dataset, without

_FRAMES = 8
"""Of each clip.  With half as many, ranges differ by a few per cent."""
_BINS = 2048
_CUTS = 256
"""Ranges that are compared, evenly spaced up to the largest value."""
_LEVELS = 255.0

Observe = Callable[[str, Tensor], None]


@dataclass(frozen=True, slots=True)
class CalibrationFiles:
    """data: dataset zips.  held_out: names of clips that are not calibrated on.  weights: of
    nano, by default the shipped ones.  short_side: frames are scaled to it.
    """

    data: tuple[Path, ...]
    held_out: tuple[str, ...] = ()
    weights: Path = WEIGHTS
    short_side: int = 384


def calibrate(files: CalibrationFiles) -> Path:
    """The file of scales, written beside the weights.

    Raises BadDataset, WeightsMissing, WeightsMismatch, OutputError.
    """
    net = NanoNet()
    digest = load_weights(net, files.weights)
    dataset = without(joined([load_dataset(path) for path in files.data]), files.held_out)
    if not dataset.videos:
        raise BadDataset("there is no clip to calibrate on", hint="give a zip with video/")
    runtime = TorchRuntime(net, torch.device("cpu"), torch.float32)
    nano = Nano(runtime, digest, short_side=files.short_side)
    ranges = _Calibration(nano, sources(runtime.net), dataset.videos).ranges()
    scales = Int8Scales(ranges, integer_layers(runtime.net))
    notes = {"clips": str(len(dataset.videos)), "frames": str(_FRAMES)}
    target = scales_of(files.weights)
    with atomic_path(target) as part:
        ScalesFile(part, digest).save(scales, notes)
    return target


@dataclass(frozen=True, slots=True)
class _Calibration:
    nano: Nano
    modules: Mapping[str, nn.Module]
    clips: Sequence[ZippedClip]

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The lowest and highest value of what each module gives."""
        largest = dict.fromkeys(self.modules, 0.0)
        counts = {name: np.zeros(_BINS) for name in self.modules}

        def enlarge(name: str, values: Tensor) -> None:
            largest[name] = max(largest[name], float(values.max()))

        def count(name: str, values: Tensor) -> None:
            # Zeros are exact.
            nonzero = values[values > 0]
            counts[name] += torch.histc(nonzero, _BINS, 0, largest[name]).numpy()

        self._track(enlarge)
        self._track(count)
        ranges = {}
        for name in self.modules:
            below = is_signed(name)
            levels = _LEVELS / 2 if below else _LEVELS
            top = _cheapest(counts[name], largest[name], levels)
            ranges[name] = (-top if below else 0.0, top)
        return ranges

    def _track(self, observe: Observe) -> None:
        """Track all clips; `observe` is given the magnitudes of what every module gives."""
        hooks = [m.register_forward_hook(_hook(k, observe)) for k, m in self.modules.items()]
        try:
            for clip in self.clips:
                _track(self.nano, clip)
        finally:
            for hook in hooks:
                hook.remove()


def _hook(name: str, observe: Observe) -> Callable[[nn.Module, object, Tensor], None]:
    def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
        observe(name, output.abs() if is_signed(name) else output.clamp(min=0))

    return hook


def _track(nano: Nano, clip: ZippedClip) -> None:
    """Track the objects of a clip's first frame."""
    first = clip.masks[0]
    with Session(nano) as session:
        for obj in _objects(first):
            session.prompt(obj, clip.images[0], mask=first == obj)
        for image in clip.images[:_FRAMES]:
            session.step(image)


def _objects(mask: UInt8[np.ndarray, "H W"]) -> list[int]:
    return [int(obj) for obj in np.unique(mask) if obj not in (0, VOID)]


def _cheapest(counts: Float64[np.ndarray, " bins"], largest: float, levels: float) -> float:
    """The magnitude whose range costs least.  counts: of values up to the largest."""
    centres = (np.arange(_BINS) + 0.5) * largest / _BINS
    costs = {}
    for bins in range(_BINS // _CUTS, _BINS + 1, _BINS // _CUTS):
        top = largest * bins / _BINS
        rounded = counts[:bins].sum() * (top / levels) ** 2 / 12
        costs[top] = rounded + (counts[bins:] * (centres[bins:] - top) ** 2).sum()
    return min(costs, key=costs.__getitem__)
