"""Graphs in which some convolutions multiply 8-bit integers, and all else is float32.

Enters: the ranges of values, and which convolutions.  Leaves: the graph in the form that
runtimes know: a value is quantised and dequantised at once, and a runtime fuses the pairs
around a convolution into one of integers (Jacob et al. 2018).  Values take 8 bits without a
sign and one scale for a map; weights 7 bits with a sign and one scale for each output channel:
two products of these never exceed the 16 bits in which processors without VNNI add them.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int8
from numpy.typing import NDArray
from torch import nn

from vseg.models.nano.runtimes.onnx_writer import Attribute, OnnxWriter

_MOST = 63
"""The largest magnitude of a weight: 255 x 63 x 2 is less than 2^15."""
_LEVELS = 255


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What computes in 8 bits; by default nothing.

    ranges: of values, lowest and highest, by the module that gives them.  layers: the
    convolutions, where both sides have a range.
    """

    ranges: Mapping[nn.Module, tuple[float, float]] = field(default_factory=dict)
    layers: Set[nn.Module] = frozenset()


class Int8Writer(OnnxWriter):
    """A graph whose values and weights are quantised where `quantisation` says so."""

    def __init__(self, name: str, quantisation: Quantisation) -> None:
        super().__init__(name)
        self._quantisation = quantisation
        self._scales: dict[str, np.float32] = {}

    def held(self, value: str, module: nn.Module) -> str:
        """What `module` gives, in 8 bits if its range is known."""
        if module not in self._quantisation.ranges:
            return value
        low, high = self._quantisation.ranges[module]
        scale = np.float32((high - low) / _LEVELS)
        zero = np.uint8(round(-low / scale))
        by = (self.constant(np.array(scale)), self.constant(np.array(zero)))
        return self.dequantised(self.node("QuantizeLinear", value, *by), scale, zero)

    def dequantised(self, integers: str, scale: np.float32, zero: np.uint8) -> str:
        """Unsigned integers of 8 bits as the numbers that they stand for."""
        by = (self.constant(np.array(scale)), self.constant(np.array(zero)))
        value = self.node("DequantizeLinear", integers, *by)
        self._scales[value] = scale
        return value

    def moved(self, operator: str, value: str, *how: str, **attributes: Attribute) -> str:
        """The same numbers in another order; of integers they stay so."""
        other = self.node(operator, value, *how, **attributes)
        if value in self._scales:
            self._scales[other] = self._scales[value]
        return other

    def is_of_integers(self, layer: nn.Module) -> bool:
        return layer in self._quantisation.layers

    def convolution(
        self,
        value: str,
        layer: nn.Conv2d,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
        *,
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
    ) -> str:
        """Of other weights; in integers if `layer` is one of those.  strides, pads: by default
        those of the layer.
        """
        top, left = (int(side) for side in layer.padding)
        if self.is_of_integers(layer) and value in self._scales:
            fixed = self._integers(weight, bias, self._scales[value])
        else:
            fixed = [self.constant(each) for each in (weight, bias) if each is not None]
        return self.node(
            "Conv",
            value,
            *fixed,
            kernel_shape=weight.shape[2:],
            strides=strides or layer.stride,
            pads=pads or (top, left, top, left),
        )

    def _integers(
        self,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
        scale: np.float32,
    ) -> list[str]:
        """Weight and bias as integers; those of the bias count products."""
        scales = channel_scales(weight)
        fixed = [self._by_channel(quantised(weight, scales), scales)]
        if bias is not None:
            steps = scales * scale
            fixed.append(self._by_channel(np.rint(bias / steps).astype(np.int32), steps))
        return fixed

    def _by_channel(self, integers: NDArray[np.generic], scales: NDArray[np.float32]) -> str:
        zero = self.constant(np.zeros(len(scales), integers.dtype))
        return self.node(
            "DequantizeLinear", self.constant(integers), self.constant(scales), zero, axis=0
        )


def channel_scales(weight: Float32[np.ndarray, "O I kh kw"]) -> Float32[np.ndarray, " O"]:
    """Of every output channel, so that its largest weight is the largest integer."""
    largest = np.abs(weight).max(axis=(1, 2, 3))
    return np.where(largest > 0, largest / _MOST, 1).astype(np.float32)


def quantised(
    weight: Float32[np.ndarray, "O I kh kw"], scales: Float32[np.ndarray, " O"]
) -> Int8[np.ndarray, "O I kh kw"]:
    """The weights as 7-bit integers."""
    steps = np.rint(weight / scales[:, None, None, None])
    integers: Int8[np.ndarray, "O I kh kw"] = steps.clip(-_MOST, _MOST).astype(np.int8)
    return integers
