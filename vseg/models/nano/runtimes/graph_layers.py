"""Layers of nano as nodes of an ONNX graph.

Enters: a graph, the name of a value, and a torch module.  Leaves: the name of what the layer
gives; where the graph has its range, in 8 bits.
"""

import numpy as np
from jaxtyping import Float32
from torch import Tensor, nn

from vseg.models.nano.blocks import ConvNorm, Residual
from vseg.models.nano.runtimes.int8_writer import Int8Writer

_LEAST_LENGTH = np.array(1e-12, dtype=np.float32)
"""As torch's `normalize`."""


def sequence(graph: Int8Writer, x: str, layers: nn.Module) -> str:
    """What residual blocks and convolutions with ReLU make of x, one after another."""
    assert isinstance(layers, nn.Sequential)
    for layer in layers:
        if isinstance(layer, Residual):
            x = residual(graph, x, layer)
        elif isinstance(layer, ConvNorm):
            # A ReLU follows each of these.
            x = graph.held(graph.node("Relu", conv(graph, x, layer[0])), layer)
    return x


def residual(graph: Int8Writer, x: str, block: Residual) -> str:
    first = graph.held(graph.node("Relu", conv(graph, x, block.first[0])), block.first)
    second = graph.held(conv(graph, first, block.second[0]), block.second)
    return graph.held(graph.node("Relu", graph.node("Add", second, x)), block)


def conv(
    graph: Int8Writer,
    x: str,
    layer: nn.Module,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
) -> str:
    """A convolution; its outputs scaled and shifted by channel, where that is given."""
    assert isinstance(layer, nn.Conv2d)
    bias = layer.bias if shift is None else shift
    weight = layer.weight if scale is None else layer.weight * scale[:, None, None, None]
    return convolved(graph, x, layer, weight, bias)


def convolved(
    graph: Int8Writer, x: str, layer: nn.Conv2d, weight: Tensor, bias: Tensor | None
) -> str:
    """A convolution of other weights, with the shape of `layer`."""
    return graph.convolution(
        x, layer, array_of(weight), None if bias is None else array_of(bias)
    )


def linear(graph: Int8Writer, x: str, layer: nn.Linear) -> str:
    weight = graph.constant(array_of(layer.weight))
    return graph.node("Gemm", x, weight, graph.constant(array_of(layer.bias)), transB=1)


def doubled(graph: Int8Writer, x: str) -> str:
    scales = graph.constant(np.array([1, 1, 2, 2], np.float32))
    return graph.node("Resize", x, "", scales, mode="linear")


def unit(graph: Int8Writer, x: str) -> str:
    length = graph.node("ReduceL2", x, axes=(1,), keepdims=1)
    return graph.node("Div", x, graph.node("Max", length, graph.constant(_LEAST_LENGTH)))


def array_of(weight: Tensor) -> Float32[np.ndarray, "*shape"]:
    values: Float32[np.ndarray, "*shape"] = weight.detach().cpu().contiguous().numpy()
    return values
