# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What onnxruntime does not show of a graph, read from the file without the onnx package.

onnxruntime shows a graph's inputs and outputs, but nothing between them: the number of classes is
only to be seen before the argmax. The few fields needed here are read from the
protobuf wire format (https://protobuf.dev/programming-guides/encoding/) by their numbers in
onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_VALUE_INFO = 1, 5, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT = 1, 3
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TENSOR_LOCATION, _EXTERNAL = 14, 1
_TYPE_TENSOR, _TENSOR_SHAPE, _SHAPE_DIM, _DIM_VALUE = 1, 2, 1, 1

# Operations between the choice of the class and the output: they change type or shape, or compare
# the classes one by one (lab/exporting/graph.py writes the argmax so, which is faster on CPUs).
_BETWEEN = ('Cast', 'Identity', 'Squeeze', 'Reshape', 'Where', 'Greater', 'Max')


@dataclass
class _Node:
    op_type: str = ''
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    axis: int = 0


def count_classes(model: bytes, output: str) -> int | None:
    """The number of classes among which the graph chooses.

    Args:
        model: the bytes of an .onnx file that onnxruntime could read.
        output: the name of the output that carries class ids.

    Returns:
        The size of the axis that an ArgMax behind `output` runs over, or the number of parts that
        a Split gives to comparisons; None if the graph does not show it: it chooses in another way
        (a threshold, say), or no shape is noted.
    """
    graph = b''.join(bytes(v) for n, v in read_fields(memoryview(model)) if n == _MODEL_GRAPH)
    producers: dict[str, _Node] = {}
    shapes: dict[str, list[int | None]] = {}
    for number, value in read_fields(memoryview(graph)):
        if number == _GRAPH_NODE:
            node = _read_node(value)
            producers.update(dict.fromkeys(node.outputs, node))
        elif number == _GRAPH_VALUE_INFO:
            name, shape = _read_value_info(value)
            shapes[name] = shape
    names, seen = [output], set()
    while names:
        name = names.pop()
        node = producers.get(name, _Node())
        if name in seen:
            continue
        seen.add(name)
        if node.op_type == 'ArgMax':
            shape = shapes.get(node.inputs[0], [])
            return shape[node.axis] if -len(shape) <= node.axis < len(shape) else None
        if node.op_type == 'Split':
            return len(node.outputs)
        if node.op_type in _BETWEEN:
            names += node.inputs
    return None


def has_weights_elsewhere(model: bytes) -> bool:
    """Whether weights of the graph are in another file, which no hash of this one covers.

    Args:
        model: the bytes of an .onnx file.
    """
    return any(
        number == _TENSOR_LOCATION and value[0] == _EXTERNAL
        for part, graph in read_fields(memoryview(model))
        if part == _MODEL_GRAPH
        for kind, tensor in read_fields(graph)
        if kind == _GRAPH_INITIALIZER
        for number, value in read_fields(tensor)
    )


def _read_node(data: memoryview) -> _Node:
    node = _Node()
    for number, value in read_fields(data):
        if number == _NODE_OP_TYPE:
            node.op_type = _text(value)
        elif number == _NODE_INPUT:
            node.inputs.append(_text(value))
        elif number == _NODE_OUTPUT:
            node.outputs.append(_text(value))
        elif number == _NODE_ATTRIBUTE:
            attribute = dict(read_fields(value))
            if _text(attribute[_ATTRIBUTE_NAME]) == 'axis':
                axis = int.from_bytes(attribute.get(_ATTRIBUTE_INT, memoryview(b'')), 'little')
                node.axis = axis - (1 << 64) if axis >> 63 else axis
    return node


def _read_value_info(data: memoryview) -> tuple[str, list[int | None]]:
    value = dict(read_fields(data))
    shape: list[int | None] = []
    tensor = dict(read_fields(value.get(_VALUE_TYPE, memoryview(b'')))).get(_TYPE_TENSOR)
    for number, dims in read_fields(tensor or memoryview(b'')):
        if number != _TENSOR_SHAPE:
            continue
        for kind, dim in read_fields(dims):
            if kind == _SHAPE_DIM:
                size = dict(read_fields(dim)).get(_DIM_VALUE)
                shape.append(None if size is None else int.from_bytes(size, 'little'))
    return _text(value[_VALUE_NAME]), shape


def _text(value: memoryview) -> str:
    return bytes(value).decode(errors='replace')


def read_fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message: their numbers and bytes (integers as 8 bytes, little endian)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire_type = key & 7
        if wire_type == 0:
            value, at = _varint(data, at)
            yield key >> 3, memoryview(value.to_bytes(8, 'little'))
            continue
        if wire_type == 2:
            size, at = _varint(data, at)
        else:  # 1: eight bytes, 5: four bytes; groups do not occur in onnx.proto3
            size = 8 if wire_type == 1 else 4
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value & (1 << 64) - 1, at
