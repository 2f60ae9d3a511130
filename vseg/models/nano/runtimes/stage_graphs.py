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
from vseg.models.nano.runtimes.onnx_writer import OnnxWriter

_LEAST_LENGTH = np.array(1e-12, dtype=np.float32)
"""As torch's `normalize`."""
_LEAST_WEIGHT = np.array(1e-2, dtype=np.float32)
"""As `blocks.weighted_mean`."""


def stage_graphs(net: NanoNet) -> dict[str, bytes]:
    """The models by the names of the stages."""
    return {
        "encode": _encode(net),
        "read": _read(),
        "deep": _deep(net.decoder),
        "refine": _refine(net.decoder),
        "judge": _judge(net.decoder),
        "remember": _remember(net),
    }


def _encode(net: NanoNet) -> bytes:
    graph = OnnxWriter("encode")
    pixels = graph.input("pixels", ("b", "H", "W", 3), "uint8")
    colours = graph.node("Cast", pixels, to=1)
    shifted = graph.node("Sub", colours, graph.constant(np.array(MEAN, np.float32) * 255))
    scaled = graph.node("Div", shifted, graph.constant(np.array(STD, np.float32) * 255))
    x = graph.node("Transpose", scaled, perm=(0, 3, 1, 2))
    x = _sequence(graph, x, net.encoder.stem)
    maps = []
    for stage in net.encoder.stages:
        x = _sequence(graph, x, stage)
        maps.append(x)
    f4, f8, f16 = maps
    graph.output("skip4", _conv(graph, f4, net.skip4[0]))
    graph.output("skip8", _conv(graph, f8, net.skip8[0]))
    graph.output("base", graph.node("Relu", _conv(graph, f16, net.base[0])))
    graph.output("key", _unit(graph, _conv(graph, f16, net.key)))
    graph.output("local_key", _unit(graph, _conv(graph, f8, net.near)))
    graph.output("f8", f8)
    graph.output("f16", f16)
    return graph.to_bytes()


def _read() -> bytes:
    graph = OnnxWriter("read")
    query = graph.input("query", ("channels", "cells"))
    key = graph.input("key", ("channels", "remembered"))
    values = graph.input("values", ("rows", "remembered"))
    affinity = graph.node("Exp", graph.node("Gemm", query, key, transA=1))
    graph.output("total", graph.node("Gemm", affinity, values, transB=1))
    graph.output("weight", graph.node("ReduceSum", affinity, graph.ints(1), keepdims=0))
    return graph.to_bytes()


def _deep(decoder: Decoder) -> bytes:
    """The coarse half of the decoder, its norm folded into the three convolutions before."""
    graph = OnnxWriter("deep")
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
    x = _sequence(graph, graph.node("Relu", mixed), decoder.deep)
    mean = graph.node("ReduceMean", x, axes=(2, 3), keepdims=0)
    opened = graph.node("Sigmoid", _linear(graph, mean, decoder.gate))
    twice = graph.node("Mul", opened, graph.constant(np.array(2, np.float32)))
    x = graph.node("Mul", x, graph.node("Unsqueeze", twice, graph.ints(2, 3)))
    graph.output("x", x)
    graph.output("mean", mean)
    graph.output("coarse", _conv(graph, x, decoder.coarse))
    return graph.to_bytes()


def _refine(decoder: Decoder) -> bytes:
    graph = OnnxWriter("refine")
    c4, c8 = SKIPS
    x = graph.input("x", ("n", BASE, "h", "w"))
    skip8 = graph.input("skip8", ("shared", c8, "h8", "w8"))
    skip4 = graph.input("skip4", ("shared", c4, "h4", "w4"))
    prior = graph.input("prior", ("n", PRIORS, "h4", "w4"))
    y = _doubled(graph, _conv(graph, x, decoder.to8))
    y = graph.node("Add", graph.node("Add", y, _conv(graph, prior, decoder.prior8)), skip8)
    y = _residual(graph, graph.node("Relu", y), decoder.block8)
    z = _doubled(graph, _conv(graph, y, decoder.to4))
    z = graph.node("Add", graph.node("Add", z, _conv(graph, prior, decoder.prior4)), skip4)
    z = _residual(graph, graph.node("Relu", z), decoder.block4)
    graph.output("logits", _conv(graph, z, decoder.mask))
    return graph.to_bytes()


def _judge(decoder: Decoder) -> bytes:
    graph = OnnxWriter("judge")
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


def _remember(net: NanoNet) -> bytes:
    graph = OnnxWriter("remember")
    base = graph.input("base", (1, BASE, "h", "w"))
    mask = graph.input("mask", ("n", 1, "h4", "w4"))
    cells = graph.node("SpaceToDepth", mask, blocksize=4)
    enter = net.value.enter[0]
    assert isinstance(enter, nn.Conv2d)
    of_frame = enter.weight[:, :BASE]
    of_mask = enter.weight[:, BASE:]
    shared = _convolved(graph, base, enter, of_frame, enter.bias)
    entered = graph.node("Add", _convolved(graph, cells, enter, of_mask, None), shared)
    values = _residual(graph, graph.node("Relu", entered), net.value.block)
    graph.output("values", values)
    return graph.to_bytes()


def _sequence(graph: OnnxWriter, x: str, layers: nn.Module) -> str:
    assert isinstance(layers, nn.Sequential)
    for layer in layers:
        if isinstance(layer, Residual):
            x = _residual(graph, x, layer)
        elif isinstance(layer, ConvNorm):
            x = _conv(graph, x, layer[0])
        else:
            x = graph.node("Relu", x)
    return x


def _residual(graph: OnnxWriter, x: str, block: Residual) -> str:
    first = graph.node("Relu", _conv(graph, x, block.first[0]))
    return graph.node("Relu", graph.node("Add", _conv(graph, first, block.second[0]), x))


def _conv(
    graph: OnnxWriter,
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
    graph: OnnxWriter, x: str, layer: nn.Conv2d, weight: Tensor, bias: Tensor | None
) -> str:
    """A convolution of other weights, with the shape of `layer`."""
    top, left = (int(side) for side in layer.padding)
    fixed = [graph.constant(_values(each)) for each in (weight, bias) if each is not None]
    return graph.node(
        "Conv",
        x,
        *fixed,
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        pads=(top, left, top, left),
    )


def _linear(graph: OnnxWriter, x: str, layer: nn.Linear) -> str:
    weight = graph.constant(_values(layer.weight))
    return graph.node("Gemm", x, weight, graph.constant(_values(layer.bias)), transB=1)


def _doubled(graph: OnnxWriter, x: str) -> str:
    scales = graph.constant(np.array([1, 1, 2, 2], np.float32))
    return graph.node("Resize", x, "", scales, mode="linear")


def _unit(graph: OnnxWriter, x: str) -> str:
    length = graph.node("ReduceL2", x, axes=(1,), keepdims=1)
    return graph.node("Div", x, graph.node("Max", length, graph.constant(_LEAST_LENGTH)))


def _values(weight: Tensor) -> Float32[np.ndarray, "*shape"]:
    values: Float32[np.ndarray, "*shape"] = weight.detach().cpu().contiguous().numpy()
    return values
