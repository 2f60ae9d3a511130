"""nano's stages as ONNX graphs for frames of every size, made from the weights as loaded.

Enters: the network, batch norms folded.  Leaves: one model for each stage, as bytes.  The
maths is that of `vseg.models.nano.network` and `object_decoder`, whose docstrings say what
each value is; what depends on the frame alone is computed once and added to every object's
row.

Axis names as there; n is the number of objects, H and W pixels of the scaled frame.
"""

import numpy as np
import torch
from torch import Tensor, nn

from vseg.models.nano.blocks import ConvNorm
from vseg.models.nano.encoder import MEAN, STD
from vseg.models.nano.network import NanoNet
from vseg.models.nano.object_decoder import BASE
from vseg.models.nano.runtimes.graph_layers import (
    array_of,
    conv,
    convolved,
    residual,
    sequence,
    unit,
)
from vseg.models.nano.runtimes.int8_writer import Int8Writer, Quantisation


def stage_graphs(net: NanoNet, by: Quantisation) -> dict[str, bytes]:
    """The models by the names of the stages."""
    return {
        "encode": _encode(net, by),
        "read": _read(by),
        "affinity": _affinity(by),
        "remember": _remember(net, by),
    }


def _encode(net: NanoNet, by: Quantisation) -> bytes:
    graph = Int8Writer("encode", by)
    pixels = graph.input("pixels", ("b", "H", "W", 3), "uint8")
    x = stem_layer(graph, pixels, net.encoder.stem[0])
    maps = []
    for stage in net.encoder.stages:
        x = sequence(graph, x, stage)
        maps.append(x)
    f4, f8, f16 = maps
    graph.output("skip4", graph.held(conv(graph, f4, net.skip4[0]), net.skip4))
    graph.output("skip8", graph.held(conv(graph, f8, net.skip8[0]), net.skip8))
    base = graph.node("Relu", conv(graph, f16, net.base[0]))
    graph.output("base", graph.held(base, net.base))
    key = graph.held(conv(graph, f16, net.key), net.key)
    graph.output("key", unit(graph, key))
    near = graph.held(conv(graph, f8, net.near), net.near)
    graph.output("local_key", unit(graph, near))
    graph.output("f8", f8)
    graph.output("f16", f16)
    return graph.to_bytes()


def stem_layer(graph: Int8Writer, pixels: str, stem: nn.Module) -> str:
    """Colours are normalised before the first convolution, or, where it is of integers, by its
    weights: pixels have 8 bits as they are.
    """
    assert isinstance(stem, ConvNorm)
    layer = stem[0]
    mean = torch.tensor(MEAN) * 255
    deviation = torch.tensor(STD) * 255
    if graph.is_of_integers(layer):
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        grey = round(float(mean.mean()))
        weight = layer.weight / deviation[:, None, None]
        bias = layer.bias - (weight.sum((2, 3)) * (mean - grey)).sum(1)
        return _stem_of_integers(graph, pixels, stem, (weight, bias, grey))
    colours = graph.node("Cast", pixels, to=1)
    shifted = graph.node("Sub", colours, graph.constant(array_of(mean)))
    scaled = graph.node("Div", shifted, graph.constant(array_of(deviation)))
    x = conv(graph, graph.node("Transpose", scaled, perm=(0, 3, 1, 2)), layer)
    return graph.node("Relu", x)


def _stem_of_integers(
    graph: Int8Writer, pixels: str, stem: ConvNorm, by: tuple[Tensor, Tensor, int]
) -> str:
    """Two outputs of a row at once from groups of four pixels, which lie together in memory:
    three colours are too few for the products of four that processors add.

    by: weights, bias, and the colour that counts as 0.
    """
    weight, bias, grey = by
    layer = stem[0]
    assert isinstance(layer, nn.Conv2d)
    c_out = len(weight)
    grouped = weight.new_zeros(2, c_out, 2, 4, 3, 3)
    for second in range(2):
        for column in range(3):
            # Of the four pixels before these and of these: pixels 3 to 5, or 5 to 7.
            group, pixel = divmod(3 + 2 * second + column, 4)
            grouped[second, :, group, pixel] = weight[..., column]
    kernel = grouped.permute(0, 1, 3, 4, 5, 2).reshape(2 * c_out, 12, 3, 2)
    groups = graph.node("Reshape", pixels, graph.ints(0, 0, -1, 12))
    x = graph.node("Transpose", groups, perm=(0, 3, 1, 2))
    x = graph.dequantised(x, np.float32(1), np.uint8(grey))
    x = graph.convolution(
        x, layer, array_of(kernel), array_of(bias.repeat(2)), strides=(2, 1), pads=(1, 1, 0, 0)
    )
    x = graph.held(graph.node("Relu", x), stem)
    rows = graph.moved("Transpose", x, perm=(0, 2, 3, 1))
    single = graph.moved("Reshape", rows, graph.ints(0, 0, -1, c_out))
    return graph.moved("Transpose", single, perm=(0, 3, 1, 2))


def _read(by: Quantisation) -> bytes:
    graph = Int8Writer("read", by)
    query = graph.input("query", ("channels", "cells"))
    key = graph.input("key", ("channels", "remembered"))
    values = graph.input("values", ("rows", "remembered"))
    affinity = graph.node("Exp", graph.node("Gemm", query, key, transA=1))
    graph.output("total", graph.node("Gemm", affinity, values, transB=1))
    graph.output("weight", graph.node("ReduceSum", affinity, graph.ints(1), keepdims=0))
    return graph.to_bytes()


def _affinity(by: Quantisation) -> bytes:
    """The weights of `_read`, with a row for each remembered cell."""
    graph = Int8Writer("affinity", by)
    query = graph.input("query", ("channels", "cells"))
    key = graph.input("key", ("channels", "remembered"))
    graph.output("affinity", graph.node("Exp", graph.node("Gemm", key, query, transA=1)))
    return graph.to_bytes()


def _remember(net: NanoNet, by: Quantisation) -> bytes:
    graph = Int8Writer("remember", by)
    base = graph.input("base", (1, BASE, "h", "w"))
    mask = graph.input("mask", ("n", 1, "h4", "w4"))
    cells = graph.node("SpaceToDepth", mask, blocksize=4)
    enter = net.value.enter[0]
    assert isinstance(enter, nn.Conv2d)
    of_frame = enter.weight[:, :BASE]
    of_mask = enter.weight[:, BASE:]
    shared = convolved(graph, base, enter, of_frame, enter.bias)
    entered = graph.node("Add", convolved(graph, cells, enter, of_mask, None), shared)
    held = graph.held(graph.node("Relu", entered), net.value.enter)
    values = residual(graph, held, net.value.block)
    graph.output("values", values)
    return graph.to_bytes()
