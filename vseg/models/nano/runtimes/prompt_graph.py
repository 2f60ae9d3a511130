"""The prompt encoder of nano as an ONNX graph, for frames of every size.

Enters: `network.PromptEncoder`, whose docstrings say what each value is.  Leaves: the model as
bytes, in float32.  The affinity of a frame to itself is computed once for all objects.
"""

import numpy as np
import torch
from torch import nn

from vseg.models.nano.network import KEY, PromptEncoder
from vseg.models.nano.object_decoder import BASE, PROMPT_MAPS
from vseg.models.nano.runtimes.graph_layers import array_of, conv, convolved, sequence
from vseg.models.nano.runtimes.int8_writer import Int8Writer, Quantisation

_LEAST_MARKS = np.array(1e-3, dtype=np.float32)
"""As `PromptEncoder`: below it there are no marks of a kind."""


def prompt_graph(prompt: PromptEncoder) -> bytes:
    """The model; its output is called "values"."""
    graph = Int8Writer("prompt", Quantisation())
    base = graph.input("base", (1, BASE, "h", "w"))
    key = graph.input("key", (1, KEY, "h", "w"))
    maps = graph.input("maps", ("n", PROMPT_MAPS, "h4", "w4"))
    prior = graph.input("prior", ("n", 1, "h4", "w4"))
    keys = graph.node("Reshape", key, graph.ints(KEY, -1))
    value = _entered(graph, prompt, base, (maps, _similarity(graph, keys, maps), prior))
    value = sequence(graph, value, prompt.blocks)
    both = graph.node("Concat", value, _spread(graph, prompt, keys, value), axis=1)
    graph.output("values", conv(graph, both, prompt.leave))
    return graph.to_bytes()


def _similarity(graph: Int8Writer, keys: str, maps: str) -> str:
    """As `PromptEncoder` does it."""
    marked = graph.node("Slice", maps, graph.ints(0), graph.ints(2), graph.ints(1))
    pooled = graph.node("AveragePool", marked, kernel_shape=(4, 4), strides=(4, 4))
    marks = graph.node("Reshape", graph.node("Relu", pooled), graph.ints(0, 2, -1))
    total = graph.node("ReduceSum", marks, graph.ints(2), keepdims=1)
    least = graph.constant(_LEAST_MARKS)
    means = graph.node(
        "Div",
        graph.node("MatMul", marks, graph.node("Transpose", keys, perm=(1, 0))),
        graph.node("Max", total, least),
    )
    there = graph.node("Cast", graph.node("Greater", total, least), to=1)
    cosine = graph.node("Mul", graph.node("MatMul", means, keys), there)
    return graph.node("Reshape", cosine, graph.node("Shape", pooled))


def _entered(
    graph: Int8Writer, prompt: PromptEncoder, base: str, of_object: tuple[str, str, str]
) -> str:
    """The first layer.  of_object: maps, similarity and prior."""
    maps, similarity, prior = of_object
    enter = prompt.enter[0]
    assert isinstance(enter, nn.Conv2d)
    of_base = enter.weight[:, :BASE]
    of_maps, of_others = enter.weight[:, BASE:].tensor_split((16 * PROMPT_MAPS,), dim=1)
    # SpaceToDepth keeps the channels of a pixel together, pixel_unshuffle the pixels of one.
    by_pixel = of_maps.view(-1, PROMPT_MAPS, 16, 3, 3).transpose(1, 2).flatten(1, 2)
    own = graph.node(
        "Concat",
        graph.node("SpaceToDepth", maps, blocksize=4),
        similarity,
        graph.node("SpaceToDepth", prior, blocksize=4),
        axis=1,
    )
    weight = torch.cat([by_pixel, of_others], dim=1)
    shared = convolved(graph, base, enter, of_base, enter.bias)
    added = graph.node("Add", convolved(graph, own, enter, weight, None), shared)
    return graph.node("Relu", added)


def _spread(graph: Int8Writer, prompt: PromptEncoder, keys: str, value: str) -> str:
    """What every cell reads of those that look like it."""
    temperature = graph.constant(array_of(prompt.log_temperature.exp()))
    cosine = graph.node("Gemm", keys, keys, transA=1)
    affinity = graph.node("Softmax", graph.node("Mul", cosine, temperature), axis=1)
    shape = graph.node("Shape", value)
    rows = graph.node("Reshape", value, graph.ints(0, 0, -1))
    read = graph.node("MatMul", affinity, graph.node("Transpose", rows, perm=(0, 2, 1)))
    return graph.node("Reshape", graph.node("Transpose", read, perm=(0, 2, 1)), shape)
