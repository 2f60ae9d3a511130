"""nano's stages as ONNX graphs for frames of every size, made from the weights as loaded.

Enters: the network, batch norms folded.  Leaves: one model for each stage, as bytes.  The
maths is that of `vseg.models.nano.network` and `object_decoder`, whose docstrings say what
each value is; what depends on the frame alone is computed once and added to every object's
row.

Axis names as there; n is the number of objects, H and W pixels of the scaled frame.
"""

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from vseg.models.nano.blocks import ConvNorm, Residual
from vseg.models.nano.encoder import MEAN, STD
from vseg.models.nano.network import NanoNet
from vseg.models.nano.object_decoder import BASE, PRIORS, SKIPS, VALUE, Decoder
from vseg.models.nano.runtimes.int8_writer import Int8Writer, Quantisation

_LEAST_LENGTH = np.array(1e-12, dtype=np.float32)
"""As torch's `normalize`."""
_END = np.iinfo(np.int64).max
_LEAST_WEIGHT = np.array(1e-2, dtype=np.float32)
"""As `blocks.weighted_mean`."""


def stage_graphs(net: NanoNet, by: Quantisation) -> dict[str, bytes]:
    """The models by the names of the stages."""
    return {
        "encode": _encode(net, by),
        "read": _read(by),
        "affinity": _affinity(by),
        "deep": _deep(net.decoder, by),
        "refine": _refine(net.decoder, by),
        "judge": _judge(net.decoder, by),
        "remember": _remember(net, by),
    }


def _encode(net: NanoNet, by: Quantisation) -> bytes:
    graph = Int8Writer("encode", by)
    pixels = graph.input("pixels", ("b", "H", "W", 3), "uint8")
    x = stem_layer(graph, pixels, net.encoder.stem[0])
    maps = []
    for stage in net.encoder.stages:
        x = _sequence(graph, x, stage)
        maps.append(x)
    f4, f8, f16 = maps
    graph.output("skip4", graph.held(_conv(graph, f4, net.skip4[0]), net.skip4))
    graph.output("skip8", graph.held(_conv(graph, f8, net.skip8[0]), net.skip8))
    base = graph.node("Relu", _conv(graph, f16, net.base[0]))
    graph.output("base", graph.held(base, net.base))
    key = graph.held(_conv(graph, f16, net.key), net.key)
    graph.output("key", _unit(graph, key))
    near = graph.held(_conv(graph, f8, net.near), net.near)
    graph.output("local_key", _unit(graph, near))
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
    shifted = graph.node("Sub", colours, graph.constant(_values(mean)))
    scaled = graph.node("Div", shifted, graph.constant(_values(deviation)))
    x = _conv(graph, graph.node("Transpose", scaled, perm=(0, 3, 1, 2)), layer)
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
        x, layer, _values(kernel), _values(bias.repeat(2)), strides=(2, 1), pads=(1, 1, 0, 0)
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


def _deep(decoder: Decoder, by: Quantisation) -> bytes:
    """The coarse half of the decoder, its norm folded into the three convolutions before."""
    graph = Int8Writer("deep", by)
    readout = graph.input("readout", ("n", VALUE, "h", "w"))
    base = graph.input("base", (1, BASE, "h", "w"))
    prior = graph.input("prior", ("n", PRIORS, "h4", "w4"))
    norm = decoder.norm
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - scale * norm.running_mean
    parts = (
        _conv(graph, readout, decoder.from_readout, scale),
        _conv(graph, prior, decoder.from_prior, scale),
        _conv(graph, base, decoder.from_base, scale, shift),
    )
    mixed = graph.node("Add", graph.node("Add", *parts[:2]), parts[2])
    entered = graph.held(graph.node("Relu", mixed), norm)
    x = _sequence(graph, entered, decoder.deep)
    mean = graph.node("ReduceMean", x, axes=(2, 3), keepdims=0)
    opened = graph.node("Sigmoid", _linear(graph, mean, decoder.gate))
    twice = graph.node("Mul", opened, graph.constant(np.array(2, np.float32)))
    x = graph.node("Mul", x, graph.node("Unsqueeze", twice, graph.ints(2, 3)))
    graph.output("x", x)
    graph.output("mean", mean)
    graph.output("coarse", _conv(graph, x, decoder.coarse))
    return graph.to_bytes()


def _refine(decoder: Decoder, by: Quantisation) -> bytes:
    graph = Int8Writer("refine", by)
    c4, c8 = SKIPS
    x = graph.input("x", ("n", BASE, "h", "w"))
    skip8 = graph.input("skip8", ("shared", c8, "h8", "w8"))
    skip4 = graph.input("skip4", ("shared", c4, "h4", "w4"))
    prior = graph.input("prior", ("n", PRIORS, "h4", "w4"))
    y = _doubled(graph, _conv(graph, x, decoder.to8))
    y = graph.node("Add", graph.node("Add", y, _conv(graph, prior, decoder.prior8)), skip8)
    y = _residual(graph, graph.held(graph.node("Relu", y), decoder.enter8), decoder.block8)
    z = _doubled(graph, _conv(graph, y, decoder.to4))
    z = graph.node("Add", graph.node("Add", z, _conv(graph, prior, decoder.prior4)), skip4)
    z = _residual(graph, graph.held(graph.node("Relu", z), decoder.enter4), decoder.block4)
    graph.output("logits", _by_taps(graph, z, decoder.mask))
    return graph.to_bytes()


def _by_taps(graph: Int8Writer, x: str, layer: nn.Conv2d) -> str:
    """A 3x3 convolution with one output: products of one cell, then sums of nine shifted maps.
    Runtimes compute blocks of 8 or 16 outputs, of which it would use one.
    """
    assert layer.bias is not None
    weight = _values(layer.weight[0].permute(1, 2, 0).reshape(9, -1, 1, 1))
    bias = graph.constant(_values(layer.bias))
    products = graph.node("Conv", x, graph.constant(weight), kernel_shape=(1, 1))
    padded = graph.node("Pad", products, graph.ints(0, 0, 1, 1, 0, 0, 1, 1))
    shifted = []
    for tap in range(9):
        top, left = divmod(tap, 3)
        starts = graph.ints(tap, top, left)
        # Counted from the ends, 2 rows and columns fewer than the padded map.
        ends = graph.ints(
            tap + 1, *(shift - 2 if shift < 2 else _END for shift in (top, left))
        )
        shifted.append(graph.node("Slice", padded, starts, ends, graph.ints(1, 2, 3)))
    return graph.node("Add", graph.node("Sum", *shifted), bias)


def _judge(decoder: Decoder, by: Quantisation) -> bytes:
    graph = Int8Writer("judge", by)
    x = graph.input("x", ("n", BASE, "h", "w"))
    mean = graph.input("mean", ("n", BASE))
    base = graph.input("base", (1, BASE, "h", "w"))
    logits = graph.input("logits", ("n", 1, "h4", "w4"))
    certain = graph.node("Sigmoid", logits)
    inside = graph.node("AveragePool", certain, kernel_shape=(4, 4), strides=(4, 4))
    covered = graph.node("ReduceSum", inside, graph.ints(2, 3), keepdims=0)
    area = graph.node("Max", covered, graph.constant(_LEAST_WEIGHT))
    means = []
    for maps in (x, base):
        total = graph.node(
            "ReduceSum", graph.node("Mul", maps, inside), graph.ints(2, 3), keepdims=0
        )
        means.append(graph.node("Div", total, area))
    most = graph.node("ReduceMax", x, axes=(2, 3), keepdims=0)
    scores = graph.node("Concat", mean, most, means[0], axis=1)
    for layer in decoder.judge:
        if isinstance(layer, nn.Linear):
            scores = _linear(graph, scores, layer)
        else:
            scores = graph.node("Relu", scores)
    graph.output("scores", scores)
    graph.output("identity", _unit(graph, _linear(graph, means[1], decoder.identity)))
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
    shared = _convolved(graph, base, enter, of_frame, enter.bias)
    entered = graph.node("Add", _convolved(graph, cells, enter, of_mask, None), shared)
    held = graph.held(graph.node("Relu", entered), net.value.enter)
    values = _residual(graph, held, net.value.block)
    graph.output("values", values)
    return graph.to_bytes()


def _sequence(graph: Int8Writer, x: str, layers: nn.Module) -> str:
    assert isinstance(layers, nn.Sequential)
    for layer in layers:
        if isinstance(layer, Residual):
            x = _residual(graph, x, layer)
        elif isinstance(layer, ConvNorm):
            # A ReLU follows each of these.
            x = graph.held(graph.node("Relu", _conv(graph, x, layer[0])), layer)
    return x


def _residual(graph: Int8Writer, x: str, block: Residual) -> str:
    first = graph.held(graph.node("Relu", _conv(graph, x, block.first[0])), block.first)
    second = graph.held(_conv(graph, first, block.second[0]), block.second)
    return graph.held(graph.node("Relu", graph.node("Add", second, x)), block)


def _conv(
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
    return _convolved(graph, x, layer, weight, bias)


def _convolved(
    graph: Int8Writer, x: str, layer: nn.Conv2d, weight: Tensor, bias: Tensor | None
) -> str:
    """A convolution of other weights, with the shape of `layer`."""
    return graph.convolution(
        x, layer, _values(weight), None if bias is None else _values(bias)
    )


def _linear(graph: Int8Writer, x: str, layer: nn.Linear) -> str:
    weight = graph.constant(_values(layer.weight))
    return graph.node("Gemm", x, weight, graph.constant(_values(layer.bias)), transB=1)


def _doubled(graph: Int8Writer, x: str) -> str:
    scales = graph.constant(np.array([1, 1, 2, 2], np.float32))
    return graph.node("Resize", x, "", scales, mode="linear")


def _unit(graph: Int8Writer, x: str) -> str:
    length = graph.node("ReduceL2", x, axes=(1,), keepdims=1)
    return graph.node("Div", x, graph.node("Max", length, graph.constant(_LEAST_LENGTH)))


def _values(weight: Tensor) -> Float32[np.ndarray, "*shape"]:
    values: Float32[np.ndarray, "*shape"] = weight.detach().cpu().contiguous().numpy()
    return values
