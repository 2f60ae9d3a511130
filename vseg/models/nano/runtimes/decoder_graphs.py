"""A decoder of nano as three ONNX graphs, for frames of every size.

Enters: `object_decoder.Decoder`, whose docstrings say what each value is.  Leaves: its coarse
half, its fine half, and what it believes of the masks, as bytes.  What depends on the frame
alone is computed once and added to every object's row.
"""

import numpy as np
import torch
from torch import nn

from vseg.models.nano.object_decoder import BASE, SKIPS, VALUE, Decoder
from vseg.models.nano.runtimes.graph_layers import (
    array_of,
    conv,
    doubled,
    linear,
    residual,
    sequence,
    unit,
)
from vseg.models.nano.runtimes.int8_writer import Int8Writer, Quantisation

_END = np.iinfo(np.int64).max
_LEAST_WEIGHT = np.array(1e-2, dtype=np.float32)
"""As `blocks.weighted_mean`."""


def decoder_graphs(decoder: Decoder, by: Quantisation) -> dict[str, bytes]:
    """The models by the names of the stages."""
    return {
        "deep": _deep(decoder, by),
        "refine": _refine(decoder, by),
        "judge": _judge(decoder, by),
    }


def _deep(decoder: Decoder, by: Quantisation) -> bytes:
    """The coarse half of the decoder, its norm folded into the three convolutions before."""
    graph = Int8Writer("deep", by)
    readout = graph.input("readout", ("n", VALUE, "h", "w"))
    base = graph.input("base", (1, BASE, "h", "w"))
    prior = graph.input("prior", ("n", decoder.from_prior.in_channels, "h4", "w4"))
    norm = decoder.norm
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - scale * norm.running_mean
    parts = (
        conv(graph, readout, decoder.from_readout, scale),
        conv(graph, prior, decoder.from_prior, scale),
        conv(graph, base, decoder.from_base, scale, shift),
    )
    mixed = graph.node("Add", graph.node("Add", *parts[:2]), parts[2])
    entered = graph.held(graph.node("Relu", mixed), norm)
    x = sequence(graph, entered, decoder.deep)
    mean = graph.node("ReduceMean", x, axes=(2, 3), keepdims=0)
    opened = graph.node("Sigmoid", linear(graph, mean, decoder.gate))
    twice = graph.node("Mul", opened, graph.constant(np.array(2, np.float32)))
    x = graph.node("Mul", x, graph.node("Unsqueeze", twice, graph.ints(2, 3)))
    graph.output("x", x)
    graph.output("mean", mean)
    graph.output("coarse", conv(graph, x, decoder.coarse))
    return graph.to_bytes()


def _refine(decoder: Decoder, by: Quantisation) -> bytes:
    graph = Int8Writer("refine", by)
    c4, c8 = SKIPS
    x = graph.input("x", ("n", BASE, "h", "w"))
    skip8 = graph.input("skip8", ("shared", c8, "h8", "w8"))
    skip4 = graph.input("skip4", ("shared", c4, "h4", "w4"))
    prior = graph.input("prior", ("n", decoder.from_prior.in_channels, "h4", "w4"))
    y = doubled(graph, conv(graph, x, decoder.to8))
    y = graph.node("Add", graph.node("Add", y, conv(graph, prior, decoder.prior8)), skip8)
    y = residual(graph, graph.held(graph.node("Relu", y), decoder.enter8), decoder.block8)
    z = doubled(graph, conv(graph, y, decoder.to4))
    z = graph.node("Add", graph.node("Add", z, conv(graph, prior, decoder.prior4)), skip4)
    z = residual(graph, graph.held(graph.node("Relu", z), decoder.enter4), decoder.block4)
    graph.output("logits", _by_taps(graph, z, decoder.mask))
    return graph.to_bytes()


def _by_taps(graph: Int8Writer, x: str, layer: nn.Conv2d) -> str:
    """A 3x3 convolution with one output: products of one cell, then sums of nine shifted maps.
    Runtimes compute blocks of 8 or 16 outputs, of which it would use one.
    """
    assert layer.bias is not None
    weight = array_of(layer.weight[0].permute(1, 2, 0).reshape(9, -1, 1, 1))
    bias = graph.constant(array_of(layer.bias))
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
            scores = linear(graph, scores, layer)
        else:
            scores = graph.node("Relu", scores)
    graph.output("scores", scores)
    graph.output("identity", unit(graph, linear(graph, means[1], decoder.identity)))
    return graph.to_bytes()
