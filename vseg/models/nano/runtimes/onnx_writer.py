"""ONNX models written without the package `onnx`: nodes, weights and shapes in, bytes out.

ONNX is a small schema of protocol buffers (onnx.proto3); of it, this writes what nano's stages
need.  Sizes may be named instead of numbered, so that one graph serves frames of every size.
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_IR_VERSION = 8
_OPSET = 17
"""The first that has every operator used here, and is read by every supported onnxruntime."""
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7
Attribute = int | float | str | Sequence[int]
Dimension = int | str


class OnnxWriter:
    """One graph.  Values are called by the names that the methods give back."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def input(self, name: str, shape: Sequence[Dimension], dtype: str = "float32") -> str:
        """An input of the graph; dimensions of the same name are equal."""
        self._inputs.append(_value(name, dtype, shape))
        return name

    def constant(self, values: NDArray[np.generic]) -> str:
        """A tensor that is part of the graph, such as weights."""
        name = f"w{len(self._weights)}"
        array = np.ascontiguousarray(values)
        dims = b"".join(_number(1, size) for size in np.shape(values))
        kind = _number(2, _TYPES[array.dtype.name])
        self._weights.append(dims + kind + _text(8, name) + _bytes(9, array.tobytes()))
        return name

    def ints(self, *values: int) -> str:
        """A constant vector of integers: shapes, axes, where to cut."""
        return self.constant(np.array(values, dtype=np.int64))

    def node(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """The output of an operator of one output; an input "" is left out."""
        name = f"v{len(self._nodes)}"
        parts = [_text(1, value) for value in inputs]
        parts += [_text(2, name), _text(3, name), _text(4, operator)]
        parts += [_bytes(5, _attribute(k, v)) for k, v in attributes.items()]
        self._nodes.append(b"".join(parts))
        return name

    def output(self, name: str, value: str) -> None:
        """Name a value as an output of the graph."""
        node = [_text(1, value), _text(2, name), _text(4, "Identity")]
        self._nodes.append(b"".join(node))
        self._outputs.append(_value(name, "float32"))

    def to_bytes(self) -> bytes:
        """The model, as a file of type .onnx holds it."""
        graph = _all(1, self._nodes) + _text(2, self._name) + _all(5, self._weights)
        graph += _all(11, self._inputs) + _all(12, self._outputs)
        opset = _number(2, _OPSET)
        return _number(1, _IR_VERSION) + _bytes(7, graph) + _bytes(8, opset)


def _value(name: str, dtype: str, shape: Sequence[Dimension] | None = None) -> bytes:
    tensor = _number(1, _TYPES[dtype])
    if shape is not None:
        sizes = (_text(2, s) if isinstance(s, str) else _number(1, s) for s in shape)
        tensor += _bytes(2, _all(1, sizes))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _attribute(name: str, value: Attribute) -> bytes:
    head = _text(1, name)
    if isinstance(value, float):
        return head + _tag(2, 5) + struct.pack("<f", value) + _number(20, _FLOAT)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, _INT)
    if isinstance(value, str):
        return head + _text(4, value) + _number(20, _STRING)
    return head + b"".join(_number(8, each) for each in value) + _number(20, _INTS)


def _all(field: int, messages: Iterable[bytes]) -> bytes:
    return b"".join(_bytes(field, message) for message in messages)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; negative numbers as 64 bits of two's complement."""
    value &= 2**64 - 1
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
